"""Curves of reliability: groups of offers of like relevance, promised against come, and the table behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mersalg.names import Kind
from mersalg_training.evaluation.clustered_intervals import Group
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.reliability import Bin
from mersalg_training.report.blocks import Cell, HeadedRows, Table
from mersalg_training.report.charts import chart
from mersalg_training.report.pictures import Chart, Curve, Point
from mersalg_training.report.wording import count, of_share, share, some

Z: Final = 1.96
"""Half width of a 95 % interval in errors."""


@dataclass(frozen=True)
class Measured:
    """Groups of offers of like relevance: what was promised and what came."""

    name: str
    tone: Literal["first", "second"]
    bins: Sequence[Bin]
    outcome: str = "bought"
    """What came of an offer, in a word."""

    def curve(self) -> Curve:
        """The groups as points."""
        return Curve(self.name, self.tone, [point(bin_, self.outcome) for bin_ in self.bins])


def bin_of(group: Group, z: float = Z) -> Bin:
    """A group with its interval, whose half width is so many errors."""
    low, high = max(0.0, group.came - z * group.error), min(1.0, group.came + z * group.error)
    return Bin(group.promised, Estimate(group.came, low, high, group.n), group.n)


def point(result: Bin, outcome: str) -> Point:
    """A group as a point of a curve."""
    offers = some(result.offers, "offer", "offers")
    text = f"promised {share(result.promised)}, {outcome} {of_share(result.came)}, {offers}"
    return Point(result.promised, result.came.value, result.came.low, result.came.high, text)


def reliability_chart(kind: Kind, result: Sequence[Measured]) -> Chart:
    """The curves of a kind beside the diagonal of kept promises."""
    curves = [of_window.curve() for of_window in result]
    told = ". ".join(f"{curve.name}: " + "; ".join(p.text for p in curve.points) for curve in curves)
    labels = ("promised relevance", f"share {result[0].outcome}")
    return chart(f"reliability-{kind}", kind, told, labels, curves, square=True)


def curve_table(curves: Mapping[Kind, Sequence[Measured]], level: str = "95 %") -> Table:
    """Every group of every curve; at least one. level: of their intervals."""
    outcome = next(measured.outcome for of_kind in curves.values() for measured in of_kind)
    groups = []
    for kind, of_kind in curves.items():
        for measured in of_kind:
            rows = [
                [Cell(str(n)), Cell(share(b.promised)), Cell(of_share(b.came)), Cell(count(b.offers))]
                for n, b in enumerate(measured.bins, start=1)
            ]
            groups.append(HeadedRows(rows, f"{kind}, {measured.name}"))
    return Table(
        "Reliability by group of like relevance", ["group", "promised", f"{outcome} ({level})", "offers"], groups
    )
