"""What an evaluation on logged offers found, for a terminal: sections of tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from mersalg_training.data.contract_report import percent, sentences
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.render import interval
from mersalg_training.figure_table import FigureTable, as_text
from mersalg_training.off_policy.acceptance_rates import Accepted
from mersalg_training.off_policy.estimators import (
    BOUNDED,
    ESTIMATORS,
    MIN_ACCEPTED,
    MIN_SAMPLE,
    Estimator,
    OffPolicy,
)
from mersalg_training.off_policy.result import OffPolicyResult

Parts = list[FigureTable | str]
"""Tables and sentences in their order."""


def render(result: OffPolicyResult) -> RenderableType:
    """For a terminal."""
    told: list[RenderableType] = [result.report.render(), *sentences("Note", list(result.notes))]
    for title, parts in sections(result).items():
        told.append(Text(f"\n{title}", style="bold"))
        told += [Text(part) if isinstance(part, str) else as_text(part) for part in parts]
    return Group(*told)


def sections(result: OffPolicyResult) -> dict[str, Parts]:
    """Heading -> what stands below it."""
    return {
        "What the log reached": [accepted_table(result.own)],
        "By the bundle's score, the lowest first": by_relevance(result),
        "Positions": positions(result),
        "What the bundle would show": agreement(result),
        "What that would have been worth (off-policy)": worth(result),
    }


def by_relevance(result: OffPolicyResult) -> Parts:
    """Acceptance by tenths, and one figure for the order."""
    if not result.by_relevance:
        return ["too few offers that the bundle answers for"]
    parts: Parts = [accepted_table(result.by_relevance)]
    if result.unanswered:
        parts.append(f"{result.unanswered:,} offers are of products that the bundle does not know or may not offer")
    if result.area is not None:
        parts.append(f"Of an accepted offer and another the accepted one scores higher: {interval(result.area, 2)}")
    return parts


def positions(result: OffPolicyResult) -> Parts:
    """How often each position is looked at."""
    if isinstance(result.examination, str):
        return [f"Not told: {result.examination}"]
    rows = [
        [str(place), f"{looked.n:,}", interval(looked, 3)]
        for place, looked in enumerate(result.examination.intervals, start=1)
    ]
    return [FigureTable("", ["position", "offers", "looked at, relative to the first"], rows)]


def agreement(result: OffPolicyResult) -> Parts:
    """Where both make the same offers."""
    of = result.agreement
    both = [row for row in (of.shown_too, of.not_shown) if row is not None]
    return [
        f"{of.with_offers:,} of {of.requests:,} requests see an offer; {of.shared:,} of {of.policy_offers:,} offers "
        "were shown in the same request",
        accepted_table(both),
    ]


def worth(result: OffPolicyResult) -> Parts:
    """A table for everything, and a line for each group."""
    if not result.value:
        return ["Not stated: no request whose offers all have a propensity"]
    parts: Parts = [result.matching]
    for group, value in result.value.items():
        parts.append(f"\n{group}: {support(value)}")
        if value.missing is not None:
            parts.append(f"Not stated: {value.missing}")
        elif group == EVERY:
            parts.append(value_table(value))
        else:
            name: Estimator = "SNIPS" if "SNIPS" in value.values else "Switch-DR"
            more = interval(value.more[name], 5)
            parts.append(f"{name} {interval(value.values[name], 5)} a request, {more} more than the log")
        parts += cautions(value)
    return parts


def cautions(value: OffPolicy) -> list[str]:
    """What the figures of a stated value hide."""
    result = []
    if value.values and len(value.values) < len(ESTIMATORS):
        result.append(
            f"A few offers outweigh all others (effective sample below {MIN_SAMPLE:.0f}): stated are "
            f"{' and '.join(BOUNDED)} alone, whose weights are bounded, and which are biased by it"
        )
    if value.values and value.support.effective_accepted < MIN_ACCEPTED:
        result.append(
            f"Few acceptances carry the estimate (effective sample {value.support.effective_accepted:.0f}, below "
            f"{MIN_ACCEPTED:.0f}): its intervals are too narrow"
        )
    return result


def support(value: OffPolicy) -> str:
    """How much the log can tell."""
    held = value.support
    return (
        f"{held.matched:,} logged offers match, effective sample {held.effective:,.0f}, largest weight "
        f"{held.largest:,.1f} ({held.clipped} above {held.clip:.0f}), weights sum to {interval(held.covered, 2)} "
        "of the bundle's offers"
    )


def value_table(value: OffPolicy) -> FigureTable:
    """A row for each estimator."""
    columns = ["estimator", "accepted a request", "more than the log", "accepted an offer"]
    rows = [["the log itself", interval(value.own, 5), "", ""]]
    for name, estimate in value.values.items():
        rows.append([name, *(interval(each, 5) for each in (estimate, value.more[name], value.per_offer[name]))])
    return FigureTable("", columns, rows)


def accepted_table(result: Sequence[Accepted]) -> FigureTable:
    """A row for each group."""
    with_relevance = any(row.relevance is not None for row in result)
    rows = []
    for row in result:
        share = f"{percent(row.accepted, row.offers)} ({100 * row.rate.low:.2f} to {100 * row.rate.high:.2f})"
        cells = [row.group, f"{row.offers:,}", f"{row.accepted:,}", share]
        if with_relevance:
            cells.append("" if row.relevance is None else f"{row.relevance:.4f}")
        rows.append(cells)
    columns = ["group", "offers", "accepted", "share", *(["mean relevance"] if with_relevance else [])]
    return FigureTable("", columns, rows)
