"""What the data contract found, as a value, as JSON and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Row = dict[str, str | None]


@dataclass(frozen=True)
class ContractReport:
    """Order lines read, dropped and kept, by reason, and the purchases that are left."""

    lines_read: int
    lines_kept: int
    """Lines of the source that count; those of one order and product are merged, so `lines` has fewer rows."""
    rejected: dict[str, int]
    """Reason -> dropped lines, in the order in which reasons are tried; a reason without lines is absent."""
    kept_though: dict[str, int]
    """Reason -> lines kept because their policy says so."""
    examples: dict[str, list[Row]]
    """Reason -> at most three of its rows, as the source spells them; empty unless they were asked for."""
    orders: int
    customers: int
    products: int
    """Products of the lines or of the catalogue."""
    first: datetime
    """Time of the first order, and of the last."""
    last: datetime
    notes: list[str]
    """What was read otherwise than it says, in sentences."""
    switched_off: list[str]
    """What a missing column takes away, in sentences."""
    digest: str
    """SHA-256 of the clean lines and products, whatever their order."""
    pinned: dict[str, str] = field(default_factory=dict)
    """A source's key -> the address that reads the same rows again, of those of which a version was read."""

    @property
    def lines_rejected(self) -> int:
        """All dropped lines."""
        return sum(self.rejected.values())

    def to_json(self) -> dict[str, Any]:
        """The report in values that JSON knows; times are ISO 8601."""
        return {**asdict(self), "first": self.first.isoformat(), "last": self.last.isoformat()}

    def render(self) -> RenderableType:
        """The report for a terminal."""
        return Group(summary(self), *sentences("Note", self.notes), *sentences("Off", self.switched_off), reasons(self))


def summary(report: ContractReport) -> Text:
    """One sentence: what there is."""
    return Text(
        f"{report.lines_kept:,} of {report.lines_read:,} order lines count: {report.orders:,} orders of "
        f"{report.customers:,} customers, {report.products:,} products, "
        f"{report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}"
    )


def sentences(label: str, told: list[str]) -> list[Text]:
    """Each sentence on a line of its own, after its label."""
    return [Text.assemble((f"{label}  ", "bold"), sentence) for sentence in told]


def reasons(report: ContractReport) -> RenderableType:
    """A row for each reason that has lines, and its examples below."""
    if not report.rejected and not report.kept_though:
        return Text("Every line is a plain purchase")
    table = Table("reason", "policy", "lines", "share")
    for policy, counts in (("reject", report.rejected), ("keep", report.kept_though)):
        for reason, count in counts.items():
            table.add_row(reason, policy, f"{count:,}", percent(count, report.lines_read))
    examples = [Text(f"{reason}: {row_text(row)}") for reason, rows in report.examples.items() for row in rows]
    return Group(table, *examples)


def row_text(row: Row) -> str:
    """A row in one line; what is NULL is left out."""
    return ", ".join(f"{name} {value!r}" for name, value in row.items() if value is not None)


def percent(part: int, whole: int) -> str:
    """A share with as many places as it needs to be above zero."""
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.1 else f"{share:.4f} %"
