"""A check in words and tables: for a terminal, and for the page of `mersalg check --report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from mersalg_training.drift.comparison import KindNow
from mersalg_training.drift.new_purchases import window_text
from mersalg_training.drift.result import Check
from mersalg_training.drift.rules import Decision
from mersalg_training.drift.shift import MOVED, Shift
from mersalg_training.evaluation.clustered_intervals import Figure
from mersalg_training.figure_table import FigureTable, as_text

TOLD: Final[dict[Decision, str]] = {
    "keep": "Keep it: what it promises still comes.",
    "recalibrate": "Recalibrate it: its order still holds, its probabilities do not.",
    "retrain": "Train it anew: no calibration mends this.",
}


def render(check: Check) -> RenderableType:
    """For a terminal."""
    outcome = "accepted" if check.labels == "accepted" else "bought"
    head = (
        f"{check.bundle}, {window_text(check.since, check.until)}: {check.requests:,} requests of "
        f"{check.customers:,} customers; an offer comes where it is {outcome}"
    )
    return Group(
        Text(head),
        as_text(kinds_table(check.kinds)),
        Text(unknown_text(check)),
        *map(Text, shifted(check.shifts)),
        *(Text(f"Note: {note}") for note in check.notes),
        Text(f"\n{TOLD[check.decision]}", style="bold"),
        *(Text(f"- {reason}") for reason in reasons(check)),
    )


def reasons(check: Check) -> list[str]:
    """A sentence for each rule that does not hold."""
    return [f"{f.rule}{f' of {f.kind}' if f.kind else ''}: {f.because}" for f in check.findings]


def unknown_text(check: Check) -> str:
    """The share of unknown products in a line."""
    paid = "" if check.unknown.revenue is None else f", {check.unknown.revenue:.1%} of what was paid"
    then = "" if check.unknown_then is None else f" (when calibrated {check.unknown_then.lines:.1%} of the lines)"
    return f"Products that the bundle does not know: {check.unknown.lines:.1%} of the order lines{paid}{then}"


def shifted(result: Sequence[Shift]) -> list[str]:
    """What has moved, in a line; none where nothing could be compared."""
    moved = sorted((shift for shift in result if shift.index >= MOVED), key=lambda shift: -shift.index)
    if moved:
        return [f"Shifted: {', '.join(f'{s.name} {s.index:.2f} ({s.size})' for s in moved)}"]
    return [f"Shifted: nothing (each of {len(result)} indices is below {MOVED})"] if result else []


def kinds_table(kinds: Sequence[KindNow]) -> FigureTable:
    """A row for each kind."""
    columns = ["kind", "from", "certified", "offers", "promised", "came", "ECE (noise)", "AUC then", "AUC now"]
    return FigureTable("Shown offers, by kind (99 % intervals by customer)", columns, list(map(kind_row, kinds)))


def kind_row(kind: KindNow) -> list[str]:
    """The cells of a kind."""
    few = "" if kind.enough or not kind.offers else " (few)"
    return [
        kind.kind,
        "silent" if kind.threshold is None else f"{kind.threshold:.3f}",
        "" if kind.certificate is None else f"{kind.certificate.precision:.1%}",
        f"{kind.offers:,}{few}",
        "" if not kind.offers else f"{kind.promised:.1%}",
        "" if kind.precision is None else percent(kind.precision),
        "" if kind.calibration_error is None else "{:.3f} ({:.3f})".format(*kind.calibration_error),
        "" if kind.area_then is None else f"{kind.area_then.value:.3f}",
        "" if kind.area is None else f"{kind.area.value:.3f}",
    ]


def percent(figure: Figure) -> str:
    """A share with its interval, cut to what a share can be."""
    return f"{figure.value:.1%} ({max(0.0, figure.low):.1%} to {min(1.0, figure.high):.1%})"


def shifts_table(result: Sequence[Shift]) -> FigureTable:
    """A row for each thing that the scorer sees, the furthest moved first."""
    rows = [[s.name, f"{s.index:.3f}", s.size] for s in sorted(result, key=lambda shift: -shift.index)]
    title = "Population stability index against the time of calibration"
    return FigureTable(title, ["feature", "index", "shift"], rows, words=[2])
