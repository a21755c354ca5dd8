"""The result of a check, as data, as text for a terminal and as MLflow's metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mersalg_training.drift.comparing import KindNow
from mersalg_training.drift.newer import window_text
from mersalg_training.drift.reference import Labels
from mersalg_training.drift.rules import EXIT_STATUS, Decision, Finding
from mersalg_training.drift.shift import MOVED, Shift, Unknown
from mersalg_training.evaluation.clustered_intervals import Figure
from mersalg_training.json_values import finite


@dataclass(frozen=True)
class Check:
    """A bundle compared with what happened since."""

    bundle: str
    """Its name in the manifest."""
    manifest_sha256: str
    labels: Labels
    since: datetime
    until: datetime
    requests: int
    customers: int
    """Units: customers, and orders without one."""
    decision: Decision
    findings: list[Finding]
    kinds: list[KindNow]
    unknown: Unknown
    unknown_then: Unknown | None
    shifts: Sequence[Shift]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Everything, with null for what is not known."""
        document = asdict(self)
        for name in ("since", "until"):
            document[name] = document[name].isoformat()
        document["exit_status"] = EXIT_STATUS[self.decision]
        document["shifts"] = [
            {"name": s.name, "index": s.index, "size": s.size, "then": s.then.to_json(), "now": s.now.to_json()}
            for s in self.shifts
        ]
        document["metrics"] = self.metrics()
        return dict(finite(document))

    def metrics(self) -> dict[str, float]:
        """Name -> figure, as MLflow logs them; what is not known is left out."""
        found: dict[str, float | None] = {
            "check/exit_status": float(EXIT_STATUS[self.decision]),
            "check/unknown_lines": self.unknown.lines,
            "check/unknown_revenue": self.unknown.revenue,
        }
        for kind in self.kinds:
            key = f"check/{kind.kind}"
            found[f"{key}/offers"] = float(kind.offers)
            found[f"{key}/promised"] = kind.promised
            found[f"{key}/precision"] = None if kind.precision is None else kind.precision.value
            found[f"{key}/certified_precision"] = None if kind.certificate is None else kind.certificate.precision
            found[f"{key}/calibration_error"] = None if kind.calibration_error is None else kind.calibration_error[0]
            found[f"{key}/area_under_curve"] = None if kind.area is None else kind.area.value
        found.update({f"check/shift/{s.name.replace(' ', '_')}": s.index for s in self.shifts})
        return {name: value for name, value in found.items() if value is not None and np.isfinite(value)}

    def sentences(self) -> list[str]:
        """The decision and its reasons."""
        told = {
            "keep": "Keep it: what it promises still comes.",
            "recalibrate": "Recalibrate it: its order still holds, its probabilities do not.",
            "retrain": "Train it anew: no calibration mends this.",
        }[self.decision]
        reasons = [f"{f.rule}{f' of {f.kind}' if f.kind else ''}: {f.because}" for f in self.findings]
        return [told, *reasons]

    def render(self) -> RenderableType:
        """For a terminal."""
        outcome = "accepted" if self.labels == "accepted" else "bought"
        window = window_text(self.since, self.until)
        head = (
            f"{self.bundle}, {window}: {self.requests:,} requests of {self.customers:,} customers; "
            f"an offer comes where it is {outcome}"
        )
        table = Table(title="Shown offers, by kind (99 % intervals by customer)", title_justify="left", box=SIMPLE_HEAD)
        for name in KIND_COLUMNS:
            table.add_column(name, justify="left" if name == "kind" else "right", no_wrap=True)
        for kind in self.kinds:
            table.add_row(*kind_cells(kind))
        lines: list[RenderableType] = [Text(head), table, Text(self.unknown_text())]
        if moved := [s for s in self.shifts if s.index >= MOVED]:
            told = ", ".join(f"{s.name} {s.index:.2f} ({s.size})" for s in sorted(moved, key=lambda s: -s.index))
            lines.append(Text(f"Shifted: {told}"))
        elif self.shifts:
            lines.append(Text(f"Shifted: nothing (each of {len(self.shifts)} indices is below {MOVED})"))
        lines += [Text(f"Note: {note}") for note in self.notes]
        first, *reasons = self.sentences()
        lines.append(Text(f"\n{first}", style="bold"))
        lines += [Text(f"- {reason}") for reason in reasons]
        return Lines(*lines)

    def unknown_text(self) -> str:
        """The share of unknown products in a line."""
        paid = "" if self.unknown.revenue is None else f", {self.unknown.revenue:.1%} of what was paid"
        then = "" if self.unknown_then is None else f" (when calibrated {self.unknown_then.lines:.1%} of the lines)"
        return f"Products that the bundle does not know: {self.unknown.lines:.1%} of the order lines{paid}{then}"


KIND_COLUMNS = ("kind", "from", "certified", "offers", "promised", "came", "ECE (noise)", "AUC then", "AUC now")


def kind_cells(kind: KindNow) -> list[str]:
    """A row under KIND_COLUMNS."""
    certified = "" if kind.certificate is None else f"{kind.certificate.precision:.1%}"
    few = "" if kind.enough or not kind.offers else " (few)"
    error = "" if kind.calibration_error is None else "{:.3f} ({:.3f})".format(*kind.calibration_error)
    return [
        kind.kind,
        "silent" if kind.threshold is None else f"{kind.threshold:.3f}",
        certified,
        f"{kind.offers:,}{few}",
        "" if not kind.offers else f"{kind.promised:.1%}",
        "" if kind.precision is None else percent(kind.precision),
        error,
        "" if kind.area_then is None else f"{kind.area_then.value:.3f}",
        "" if kind.area is None else f"{kind.area.value:.3f}",
    ]


def percent(figure: Figure) -> str:
    """A share with its interval, cut to what a share can be."""
    return f"{figure.value:.1%} ({max(0.0, figure.low):.1%} to {min(1.0, figure.high):.1%})"
