"""A decision as tables for a terminal: what was measured, what decided."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from mersalg_training.figure_table import FigureTable, as_text
from mersalg_training.promotion.decision import Margins, verdict
from mersalg_training.promotion.measure import ALL_KINDS, PairedFigure
from mersalg_training.promotion.promises import Promise
from mersalg_training.promotion.result import BundleComparison, Promotion

OUTCOMES = {
    "promote": "is better and nowhere worse",
    "not shown": "is not shown to be better and nowhere worse",
    "worse": "is worse",
}


def render(promotion: Promotion) -> RenderableType:
    """The tables, then the decision and its reasons."""
    found, decision, margins = promotion.evidence, promotion.decision, promotion.margins
    parts: list[RenderableType] = []
    if found is not None and promotion.champion is not None:
        parts += [
            Text(
                f"{promotion.model}: challenger {promotion.challenger.version} against champion "
                f"{promotion.champion.version}, {found.requests:,} requests of {found.customers:,} customers, "
                f"{found.since} to before {found.until}\n"
            ),
            as_text(measures_table(found, margins)),
            *(Text(note) for note in found.notes),
            Text(),
            as_text(promises_table(found)),
            Text(f"\n{cost_line(found)}"),
        ]
    if promotion.saved:
        broken = [sum(o is not None and not o.kept for o in side) for side in zip(*promotion.saved, strict=True)]
        champion = f" for the champion's {broken[0]}" if promotion.champion is not None else ""
        parts.append(Text(f"{len(promotion.saved):,} saved requests, {broken[1]} broken{champion}"))
    found_to = OUTCOMES[decision.outcome] if promotion.champion is not None else "has no champion before it"
    parts.append(Text(f"\nChallenger {promotion.challenger.version} {found_to}."))
    for label, sentences in (("worse", decision.worse), ("open", decision.open), ("better", decision.better)):
        parts += [Text(f"  {label:8}{sentence}") for sentence in sentences]
    return Group(*parts)


def measures_table(found: BundleComparison, margins: Margins) -> FigureTable:
    """The headlines and what else is compared request by request."""
    rows = [row_of(measure, verdict(measure, margins.figures)) for measure in found.measures]
    columns = ("figure", "kind", "champion", "challenger", "difference", "95 %", "")
    note = f"Not worse: the whole interval lies above -{margins.figures:.0%} of the champion's figure."
    return FigureTable("", columns, rows, words=(1, 6), notes=[note])


def row_of(measure: PairedFigure, judged: str) -> tuple[str, ...]:
    """A measure's row."""
    apart = measure.difference
    headline = judged if measure.weight == "headline" or judged in ("WORSE", "better") else ""
    return (
        measure.name,
        "all" if measure.kind == ALL_KINDS else measure.kind,
        f"{measure.champion:.4f}",
        f"{measure.challenger:.4f}",
        f"{apart.value:+.4f}",
        f"{apart.low:+.4f} to {apart.high:+.4f}",
        headline,
    )


def promises_table(found: BundleComparison) -> FigureTable:
    """What was shown, promised and bought of each kind, champion / challenger."""
    rows = []
    for kind in found.promises:
        pair = kind.champion, kind.challenger
        worse = "WORSE" if kind.worse() else ""
        rows.append(
            (
                kind.kind,
                both([f"{p.shown:,}" for p in pair]),
                both([share(p.promised) for p in pair]),
                both([share(p.came) for p in pair]),
                both(["-" if p.calibration_error is None else f"{p.calibration_error:.3f}" for p in pair]),
                both([certificate(p) for p in pair]),
                worse,
            )
        )
    columns = ("champion / challenger", "shown", "promised", "bought", "ECE", "certified", "")
    return FigureTable("", columns, rows, words=(6,))


def both(texts: list[str]) -> str:
    """Champion's and challenger's."""
    return " / ".join(texts)


def share(value: float) -> str:
    """A share as a percentage; a dash for NaN."""
    return f"{value:.1%}" if np.isfinite(value) else "-"


def certificate(promise: Promise) -> str:
    """The certified share, `silent`, or a dash."""
    if promise.threshold is None:
        return "silent"
    return "-" if promise.certified is None else f"{promise.certified:.1%}"


def cost_line(found: BundleComparison) -> str:
    """Time and size."""
    cost = found.cost
    return (
        f"An answer takes {cost.champion_ms:.2f} / {cost.challenger_ms:.2f} ms, {cost.times.value:.2f} times "
        f"({cost.times.low:.2f} to {cost.times.high:.2f}); files {cost.champion_bytes / 1e6:.1f} / "
        f"{cost.challenger_bytes / 1e6:.1f} MB, {cost.size:.2f} times"
    )
