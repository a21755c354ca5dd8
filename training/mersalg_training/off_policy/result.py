"""What an evaluation on logged offers found: as tables for a terminal, as JSON, as MLflow metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mersalg_training.data.contract_report import percent, sentences
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.result import metric_key
from mersalg_training.json_values import finite
from mersalg_training.logged_offers.read import OffersReport
from mersalg_training.off_policy.acceptance_rates import Accepted, Agreement
from mersalg_training.off_policy.estimators import (
    BOUNDED,
    ESTIMATORS,
    LEAST_ACCEPTED,
    LEAST_SAMPLE,
    Estimator,
    OffPolicy,
)
from mersalg_training.off_policy.examination import Examination


@dataclass(frozen=True)
class AcceptanceFound:
    """A bundle beside a log of offers."""

    report: OffersReport
    notes: Sequence[str]
    """What has to be kept in mind, in sentences."""
    unanswered: int
    """Logged offers of products that the bundle does not know or may not offer there."""
    own: Sequence[Accepted]
    agreement: Agreement
    by_relevance: Sequence[Accepted]
    area: Estimate | None
    examination: Examination | str
    """By position, or why it cannot be told."""
    matching: str
    """Which logged offers speak for an offer of the bundle."""
    value: Mapping[str, OffPolicy]
    """Group -> the off-policy value; empty without propensities."""

    def to_json(self) -> dict[str, Any]:
        """Everything, in values that JSON knows; null where a figure is none."""
        told = self.examination
        found = {
            "offers": self.report.to_json(),
            "notes": list(self.notes),
            "unanswered": self.unanswered,
            "own": [asdict(row) for row in self.own],
            "agreement": asdict(self.agreement),
            "by_relevance": [asdict(row) for row in self.by_relevance],
            "area_under_curve": None if self.area is None else asdict(self.area),
            "examination": told if isinstance(told, str) else [asdict(interval) for interval in told.intervals],
            "matching": self.matching,
            "value": {group: asdict(value) for group, value in self.value.items()},
        }
        return dict(finite(found))

    def metrics(self) -> dict[str, float]:
        """The figures under flat names: `acceptance/every/rate`, `acceptance/value.every/snips`."""
        found = {f"acceptance/{metric_key(row.group)}/rate": row.rate.value for row in (*self.own, *self.by_relevance)}
        if self.area is not None:
            found["acceptance/area_under_curve"] = self.area.value
        for group, value in self.value.items():
            under = f"acceptance/value.{metric_key(group)}"
            found[f"{under}/own"] = value.own.value
            found[f"{under}/effective_sample"] = value.support.effective
            found[f"{under}/covered"] = value.support.covered.value
            for name, estimate in value.values.items():
                found |= {
                    f"{under}/{metric_key(name)}": estimate.value,
                    f"{under}/{metric_key(name)}.low": estimate.low,
                    f"{under}/{metric_key(name)}.high": estimate.high,
                }
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def render(self) -> RenderableType:
        """For a terminal."""
        return Group(
            self.report.render(),
            *sentences("Note", list(self.notes)),
            Text("\nWhat the log reached", style="bold"),
            accepted_table(self.own),
            Text("\nBy the bundle's score, the lowest first", style="bold"),
            *self.relevance_lines(),
            Text("\nPositions", style="bold"),
            *self.position_lines(),
            Text("\nWhat the bundle would show", style="bold"),
            *self.agreement_lines(),
            Text("\nWhat that would have been worth (off-policy)", style="bold"),
            *self.value_lines(),
        )

    def relevance_lines(self) -> list[RenderableType]:
        """Acceptance by tenths, and one figure for the order."""
        if not self.by_relevance:
            return [Text("too few offers that the bundle answers for")]
        lines: list[RenderableType] = [accepted_table(self.by_relevance)]
        if self.unanswered:
            lines.append(
                Text(f"{self.unanswered:,} offers are of products that the bundle does not know or may not offer")
            )
        if self.area is not None:
            lines.append(Text(f"Of an accepted offer and another the accepted one scores higher: {told(self.area)}"))
        return lines

    def position_lines(self) -> list[RenderableType]:
        """How often each position is looked at."""
        if isinstance(self.examination, str):
            return [Text(f"Not told: {self.examination}")]
        table = Table("position", "offers", "looked at, relative to the first", box=box.SIMPLE_HEAD)
        for place, interval in enumerate(self.examination.intervals, start=1):
            table.add_row(str(place), f"{interval.n:,}", told(interval, 3))
        return [table]

    def agreement_lines(self) -> list[RenderableType]:
        """Where both make the same offers."""
        found = self.agreement
        lines: list[RenderableType] = [
            Text(
                f"{found.with_offers:,} of {found.requests:,} requests see an offer; {found.shared:,} of "
                f"{found.policy_offers:,} offers were shown in the same request"
            )
        ]
        both = [row for row in (found.shown_too, found.not_shown) if row is not None]
        return [*lines, accepted_table(both)]

    def value_lines(self) -> list[RenderableType]:
        """A table for everything, and a line for each group."""
        if not self.value:
            return [Text("Not stated: no request whose offers all have a propensity")]
        lines: list[RenderableType] = [Text(self.matching)]
        for group, value in self.value.items():
            lines.append(Text(f"\n{group}: {support_line(value)}"))
            if value.missing is not None:
                lines.append(Text(f"Not stated: {value.missing}"))
            elif group == EVERY:
                lines.append(value_table(value))
            else:
                name: Estimator = "SNIPS" if "SNIPS" in value.values else "Switch-DR"
                more = told(value.more[name], 5)
                lines.append(Text(f"{name} {told(value.values[name], 5)} a request, {more} more than the log"))
            lines += [Text(caution) for caution in cautions(value)]
        return lines


def cautions(value: OffPolicy) -> list[str]:
    """What the figures of a stated value hide."""
    found = []
    if value.values and len(value.values) < len(ESTIMATORS):
        found.append(
            f"A few offers outweigh all others (effective sample below {LEAST_SAMPLE:.0f}): stated are "
            f"{' and '.join(BOUNDED)} alone, whose weights are bounded, and which are biased by it"
        )
    if value.values and value.support.effective_accepted < LEAST_ACCEPTED:
        found.append(
            f"Few acceptances carry the estimate (effective sample {value.support.effective_accepted:.0f}, below "
            f"{LEAST_ACCEPTED:.0f}): its intervals are too narrow"
        )
    return found


def support_line(value: OffPolicy) -> str:
    """How much the log can tell."""
    found = value.support
    return (
        f"{found.matched:,} logged offers match, effective sample {found.effective:,.0f}, largest weight "
        f"{found.largest:,.1f} ({found.clipped} above {found.clip:.0f}), weights sum to {told(found.covered)} of the "
        "bundle's offers"
    )


def value_table(value: OffPolicy) -> Table:
    """A row for each estimator."""
    table = Table("estimator", "accepted a request", "more than the log", "accepted an offer", box=box.SIMPLE_HEAD)
    table.add_row("the log itself", told(value.own, 5), "", "")
    for name, estimate in value.values.items():
        table.add_row(name, told(estimate, 5), told(value.more[name], 5), told(value.per_offer[name], 5))
    return table


def accepted_table(rows: Sequence[Accepted]) -> Table:
    """A row for each group."""
    with_relevance = any(row.relevance is not None for row in rows)
    table = Table("group", "offers", "accepted", "share", *(["mean relevance"] if with_relevance else []))
    table.box = box.SIMPLE_HEAD
    for row in rows:
        relevance = [f"{row.relevance:.4f}"] if row.relevance is not None else []
        share = f"{percent(row.accepted, row.offers)} ({100 * row.rate.low:.2f} to {100 * row.rate.high:.2f})"
        table.add_row(row.group, f"{row.offers:,}", f"{row.accepted:,}", share, *relevance)
    return table


def told(estimate: Estimate, places: int = 2) -> str:
    """A figure with its interval."""
    return f"{estimate.value:.{places}f} ({estimate.low:.{places}f} to {estimate.high:.{places}f})"
