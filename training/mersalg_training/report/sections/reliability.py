"""Whether the promises hold: certificates on the test window, and reliability by kind with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from mersalg.names import KINDS, Kind
from mersalg_training.drift.rules import CALIBRATION_ERROR
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.reliability import ALL, MIN_BIN_OFFERS, Bin, Reliability
from mersalg_training.report.blocks import Block, Cell, Charts, Details, HeadedRows, PageSection, Paragraph, Table, Tone
from mersalg_training.report.curves import Measured, bin_of, curve_table, reliability_chart
from mersalg_training.report.strips import from_zero
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import count, listed, number, of_share, share

CAPTION: Final = "Reliability: promised relevance against the share that was bought, with 95 % intervals"
LEGEND: Final[list[tuple[Literal["first", "second"], str]]] = [
    ("first", "what is shown on the test window"),
    ("second", "the best offers of each kind when it was certified, those below the threshold too"),
]


def reliability(subject: Subject) -> PageSection:
    """Certificates against the test window, curves, and calibration by group."""
    result = list(subject.evaluation.kept)
    blocks: list[Block] = []
    if result:
        blocks += [certificates_kept(subject), *off(result), Paragraph(VERDICTS, "note")]
    else:
        blocks.append(Paragraph(subject.unmeasured or "Nothing was shown on the test window.", "warning"))
    curves = {kind: measured(subject, kind) for kind in KINDS}
    charts = [reliability_chart(kind, of_kind) for kind, of_kind in curves.items() if of_kind]
    if charts:
        present = {of_window.tone for of_kind in curves.values() for of_window in of_kind}
        legend = [entry for entry in LEGEND if entry[0] in present]
        blocks += [
            Charts(CAPTION, legend, charts),
            Details("The figures behind the curves", [curve_table(curves)]),
        ]
    if result:
        blocks.append(Details("By place, with and without a history", [groups_table(result)]))
    question = "Of what is shown, is as much bought as was promised?"
    return PageSection("keeps", "Does it keep it", question, blocks)


VERDICTS: Final = (
    "Kept: the whole interval lies at or above the certified share. Kept, within chance: the figure does, its interval "
    "reaches below. Below, within chance: the figure is lower, its interval reaches the share. Broken: the whole "
    "interval lies below. The calibration error (ECE) is the mean distance between promise and outcome over ten groups "
    "of equal size; by chance is what it would be on so many offers if every relevance were true."
)


def verdict(promised: float, came: Estimate) -> tuple[str, Tone]:
    """Whether a certified share was kept, in words."""
    if came.low >= promised:
        return "kept", "good"
    if came.value >= promised:
        return "kept, within chance", "good"
    return ("below, within chance", "level") if came.high >= promised else ("broken", "bad")


def off(result: Sequence[Reliability]) -> list[Block]:
    """Name the kinds whose relevance is further from what came than noise alone would be, as `mersalg check` judges."""
    kinds = [row.kind for row in result if row.group == ALL and row.error > row.error_by_chance + CALIBRATION_ERROR]
    if not kinds:
        return []
    told = f"The relevance of {listed(kinds)} is off by more than chance gives"
    return [Paragraph(f"{told}: the ECE lies over {CALIBRATION_ERROR:g} above it.", "warning")]


def certificates_kept(subject: Subject) -> Table:
    """Each kind that is shown on the test window, beside what was promised of it."""
    result = [row for row in subject.evaluation.kept if row.group == ALL]
    scale = from_zero(row.came for row in result)
    rows = []
    for row in result:
        certificate = subject.certificate(row.kind)
        mark = None if certificate is None else float(certificate["precision"])
        told: tuple[str, Tone] = ("not certified", "") if mark is None else verdict(mark, row.came)
        rows.append(
            [
                Cell(row.kind),
                Cell("none" if certificate is None else share(certificate["precision"])),
                Cell(of_share(row.came), scale.strip(row.came, mark)),
                Cell(told[0], tone=told[1]),
                Cell(share(row.promised)),
                Cell(count(row.offers)),
                Cell(number(row.error)),
                Cell(number(row.error_by_chance)),
            ]
        )
    columns = [
        "kind", "certified: at least", "bought on test (95 %)", "certificate", "mean relevance", "offers", "ECE",
        "ECE by chance",
    ]  # fmt: skip
    caption = "Promised and kept, on a test window that nothing trained has seen; dotted: what is certified"
    return Table(caption, columns, [HeadedRows(rows)], words=[3])


def measured(subject: Subject, kind: Kind) -> list[Measured]:
    """The groups of a kind when it was certified, and on the test window, where they are known."""
    result = []
    reference = None if subject.reference is None else subject.reference.kinds.get(kind)
    groups = [] if reference is None else [group for group in reference.reliability if group.n >= MIN_BIN_OFFERS]
    if groups:
        result.append(Measured("when certified", "second", [bin_of(group) for group in groups]))
    test = next((row for row in subject.evaluation.kept if (row.kind, row.group) == (kind, ALL)), None)
    if test is not None:
        bins = test.reliability or [Bin(test.promised, test.came, test.offers)]
        result.append(Measured("test window", "first", bins))
    return result


def groups_table(result: Sequence[Reliability]) -> Table:
    """What was promised and came, by kind, place and history."""
    scale = from_zero(row.came for row in result)
    groups = []
    for kind in KINDS:
        rows = [
            [
                Cell(row.group),
                Cell(count(row.offers)),
                Cell(share(row.promised)),
                Cell(of_share(row.came), scale.strip(row.came)),
                Cell(number(row.error)),
                Cell(number(row.error_by_chance)),
            ]
            for row in result
            if row.kind == kind
        ]
        if rows:
            groups.append(HeadedRows(rows, kind))
    columns = ["group", "offers", "promised", "bought (95 %)", "ECE", "ECE by chance"]
    return Table("What was promised and what came, by group", columns, groups)
