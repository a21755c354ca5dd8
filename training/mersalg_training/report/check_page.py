"""The page of a check: the decision and its reasons, what was promised and came, and what the scorer sees now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

from mersalg_training.drift.comparison import KindNow
from mersalg_training.drift.new_purchases import window_text
from mersalg_training.drift.render import TOLD, kinds_table, reasons, shifted, shifts_table, unknown_text
from mersalg_training.drift.result import Check
from mersalg_training.drift.rules import EXIT_STATUS, Decision
from mersalg_training.drift.shift import MOVED, MUCH, Shift
from mersalg_training.evaluation.clustered_intervals import Z
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.report.blocks import (
    Block,
    Card,
    Cards,
    Cell,
    Charts,
    Details,
    HeadedRows,
    PageSection,
    Paragraph,
    Table,
    Tone,
    as_block,
)
from mersalg_training.report.curves import Measured, bin_of, curve_table, reliability_chart
from mersalg_training.report.strips import from_zero
from mersalg_training.report.template import write
from mersalg_training.report.wording import share

TONES: Final[dict[Decision, Tone]] = {"keep": "good", "recalibrate": "level", "retrain": "bad"}
LEVEL: Final = "99 %"
CAPTION: Final = f"Reliability: promised relevance against the share that came, with {LEVEL} intervals"
LEGEND: Final[list[tuple[Literal["first", "second"], str]]] = [
    ("first", "since the bundle was made"),
    ("second", "when it was calibrated"),
]
WORDS: Final = [
    ("relevance", "the probability that an offer is bought; 0.07 means seven of a hundred"),
    ("threshold", "the least relevance at which an offer of a kind is shown"),
    ("certified", "the share of what is shown that is bought at least, as the bundle promises it"),
    ("came", f"bought, or accepted where offers were logged; in brackets the {LEVEL} interval, by customer"),
    ("ECE (noise)", "how far promised and realised shares lie apart on average, and what noise alone gives"),
    ("AUC", "how often an offer that came has a higher score than one that did not; 0.5 is chance"),
]
SHIFTS: Final = (
    f"The population stability index of each feature against the time of calibration: below {MOVED:g} little, from "
    f"{MUCH:g} on much. A shift decides nothing by itself; it tells where to look."
)


def render_check(check: Check) -> str:
    """The whole page; the same check gives the same text."""
    told = (
        f"{check.requests:,} requests of {check.customers:,} customers. An offer comes where it is {check.labels}. "
        f"Intervals are {LEVEL}, by customer."
    )
    title = f"{check.bundle}: checked on {window_text(check.since, check.until)}"
    sections = [why(check), kept(check), *([seen(check.shifts)] if check.shifts else [])]
    return write(title, told, Cards(glance(check)), sections, WORDS)


def glance(check: Check) -> list[Card]:
    """What to know before anything else."""
    status = f"The exit status of the command is {EXIT_STATUS[check.decision]}."
    unknown = f"{share(check.unknown.lines)} of the order lines"
    cards = [
        Card("Decision", check.decision, TONES[check.decision], TOLD[check.decision], status, []),
        Card("Unknown products", "", "", unknown, f"{unknown_text(check)}.", []),
    ]
    if check.shifts:
        moved = sum(shift.index >= MOVED for shift in check.shifts)
        headline = f"{moved} of {len(check.shifts)} features have shifted"
        cards.append(Card("Shifted", "", "level" if moved else "good", headline, f"{shifted(check.shifts)[0]}.", []))
    return cards


def why(check: Check) -> PageSection:
    """The rules that do not hold, and what has to be kept in mind."""
    blocks: list[Block] = [Paragraph(reason, "warning") for reason in reasons(check)]
    blocks += [Paragraph(note, "note") for note in check.notes]
    if not check.findings:
        blocks.insert(0, Paragraph("Every rule holds."))
    return PageSection("reasons", "Why", "Which rules do not hold?", blocks)


def kept(check: Check) -> PageSection:
    """What was promised and came, kind by kind."""
    blocks: list[Block] = [as_block(kinds_table(check.kinds))]
    curves = {kind.kind: measured(kind, check.labels) for kind in check.kinds if kind.reliability}
    if curves:
        charts = [reliability_chart(kind, of_kind) for kind, of_kind in curves.items()]
        present = {of_window.tone for of_kind in curves.values() for of_window in of_kind}
        legend = [entry for entry in LEGEND if entry[0] in present]
        blocks += [
            Charts(CAPTION, legend, charts),
            Details("The figures behind the curves", [curve_table(curves, LEVEL)]),
        ]
    return PageSection("keeps", "Shown offers", "Does as much come as was promised?", blocks)


def measured(kind: KindNow, outcome: str) -> list[Measured]:
    """The groups of a kind when it was calibrated, where they are known, and since."""
    result = []
    if kind.reliability_then:
        then = [bin_of(group, Z) for group in kind.reliability_then]
        result.append(Measured("when calibrated", "second", then, outcome))
    return [*result, Measured("since", "first", [bin_of(group, Z) for group in kind.reliability], outcome)]


def seen(shifts: Sequence[Shift]) -> PageSection:
    """How far each feature has moved, and bin by bin."""
    table = as_block(shifts_table(shifts))
    return PageSection(
        "seen",
        "What the scorer sees",
        "Has what the bundle is asked changed?",
        [Paragraph(SHIFTS), table, Details("Bin by bin", [bins_table(shifts)])],
    )


def bins_table(shifts: Sequence[Shift]) -> Table:
    """The share of each bin then and now, the furthest moved first; the line of reference stands at the share then."""
    groups = []
    for shift in sorted(shifts, key=lambda shift: -shift.index):
        then, now = (of.shares.tolist() for of in (shift.then, shift.now))
        scale = from_zero(figure(value) for value in (*then, *now))
        rows = [
            [Cell(name), Cell(share(before)), Cell(share(after), scale.strip(figure(after), before))]
            for name, before, after in zip(shift.then.names, then, now, strict=True)
        ]
        groups.append(HeadedRows(rows, f"{shift.name}: {shift.index:.3f}, {shift.size}"))
    return Table("Share of each bin; dotted: then", ["bin", "then", "now"], groups)


def figure(value: float) -> Estimate:
    """A share without an interval."""
    return Estimate(value, math.nan, math.nan, 0)
