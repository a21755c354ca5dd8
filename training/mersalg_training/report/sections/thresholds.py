"""What thresholds cost: precision against coverage by kind, who sees an offer and who none, and what it brings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg.offers import REASONS
from mersalg_training.evaluation.empty_answers import EmptyAnswers
from mersalg_training.evaluation.metrics import Estimate, wilson
from mersalg_training.evaluation.order_by_value import MARGIN, REVENUE
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision
from mersalg_training.evaluation.render import empty_table
from mersalg_training.report.blocks import (
    Block,
    Cell,
    Charts,
    Details,
    HeadedRows,
    PageSection,
    Paragraph,
    Table,
    as_block,
)
from mersalg_training.report.charts import chart
from mersalg_training.report.pictures import Chart, Curve, Point
from mersalg_training.report.sections.coverage_at_precision import restraint_blocks
from mersalg_training.report.strips import Scale, from_zero
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import DASH, count, number, of_number, of_share, sentence, share

HOW: Final = (
    "Each point is a threshold, measured on customers who had no part in the calibration; the large one is the chosen "
    "one. A higher threshold shows fewer requests an offer, and more of what is shown is bought. The intervals (95 %, "
    "Wilson) take each offer for itself; offers to one customer hang together, so the true ones are wider."
)


def thresholds(subject: Subject) -> PageSection:
    """Curves and tables of trade-offs, who sees what, restraint beside the baselines, and value."""
    rules = {kind: rule for kind in KINDS if (rule := subject.manifest["kinds"].get(kind)) and rule.get("tradeoffs")}
    blocks: list[Block] = []
    if rules:
        charts = [tradeoff_chart(kind, rule) for kind, rule in rules.items()]
        blocks += [
            Paragraph(HOW),
            Charts("Precision against coverage, threshold by threshold", [], charts),
            Details("The figures behind the curves", [tradeoff_table(subject, rules)]),
        ]
    else:
        blocks.append(Paragraph("The bundle does not tell what other thresholds would show.", "warning"))
    result = subject.evaluation
    if result.shown:
        blocks += shown_blocks(result.shown)
    if result.empty:
        blocks += empty_blocks(result.empty)
    if result.restraint:
        blocks += restraint_blocks(result.restraint)
    if result.sold:
        blocks += sold_blocks(subject)
    return PageSection(
        "costs", "What it costs", "How many requests see an offer, and what would more or fewer bring?", blocks
    )


def tradeoff_chart(kind: Kind, rule: Mapping[str, Any]) -> Chart:
    """Precision against coverage of a kind; the points of thresholds without an offer are left out."""
    rows = sorted((row for row in rule["tradeoffs"] if row["precision"] is not None), key=lambda row: row["coverage"])
    points = [tradeoff_point(row, row["threshold"] == rule["threshold"]) for row in rows]
    wanted = rule["precision_wanted"]
    levels = [(wanted, f"wanted {share(wanted)}")] if wanted else []
    told = "; ".join(("chosen: " if p.chosen else "") + p.text for p in points)
    labels = ("requests that see one", "share bought")
    return chart(f"tradeoff-{kind}", kind, told, labels, [Curve("thresholds", "first", points)], levels=levels)


def tradeoff_point(row: Mapping[str, Any], chosen: bool) -> Point:
    """A threshold as a point."""
    result = by_offer(row["precision"], row["offers"])
    text = f"from {number(row['threshold'], 4)}: {share(row['precision'])} bought, {share(row['coverage'])} see one"
    return Point(row["coverage"], result.value, result.low, result.high, text, chosen)


def by_offer(share: float, offers: int) -> Estimate:
    """A share of so many offers with its interval (Wilson), as if no two of them were of one customer."""
    if offers < 1 or not 0.0 <= share <= 1.0:
        return Estimate(share, math.nan, math.nan, 0)
    low, high = wilson(np.array([share]), np.array([offers]))
    return Estimate(share, float(low[0]), float(high[0]), 0)


def tradeoff_table(subject: Subject, rules: Mapping[Kind, Mapping[str, Any]]) -> Table:
    """Every threshold of every kind."""
    brings = f"{subject.manifest['value']} a request" if subject.manifest.get("value") else "brings"
    groups = []
    for kind, rule in rules.items():
        rows = []
        for row in rule["tradeoffs"]:
            chosen = row["threshold"] == rule["threshold"]
            rows.append(
                [
                    Cell(number(row["threshold"], 4) + (" (chosen)" if chosen else ""), tone="ours" if chosen else ""),
                    Cell(count(row["offers"])),
                    Cell(DASH if row["precision"] is None else of_share(by_offer(row["precision"], row["offers"]))),
                    Cell(share(row["coverage"])),
                    Cell(share(row["recall"])),
                    Cell(number(row["worth"])),
                ]
            )
        groups.append(HeadedRows(rows, kind))
    columns = ["threshold", "offers", "bought (95 %)", "see one", "kept of the relevant", brings]
    return Table("What each threshold shows", columns, groups)


def shown_blocks(result: Sequence[ShownPrecision]) -> list[Block]:
    """What is shown at the thresholds on the test window: over all moments, and folded away moment by moment."""
    caption = "What is shown on the test window at the thresholds, at most three offers a request"
    over_all = [row for row in result if row.moment == EVERY]
    by_moment = [row for row in result if row.moment != EVERY]
    blocks: list[Block] = [shown_table(caption, over_all)] if over_all else []
    if by_moment:
        blocks.append(Details("The same moment by moment", [shown_table(f"{caption}, by moment", by_moment)]))
    return blocks


def shown_table(caption: str, result: Sequence[ShownPrecision]) -> Table:
    """Some rows by moment and kind."""
    told = any(row.requests for row in result)
    scale = from_zero(row.precision for row in result if row.precision is not None)
    groups = []
    for moment in dict.fromkeys(row.moment for row in result):
        rows = [shown_line(row, scale, told) for row in result if row.moment == moment]
        groups.append(HeadedRows(rows, "" if moment == EVERY else f"At the moment {moment}"))
    columns = ["kind", *(["requests"] if told else []), "see one", "offers", "bought of them (95 %)"]
    return Table(caption, columns, groups)


def shown_line(row: ShownPrecision, scale: Scale, told: bool) -> list[Cell]:
    """The cells of a kind; `told` = with the number of requests."""
    bought = None if row.precision is None else Cell(of_share(row.precision), scale.strip(row.precision))
    return [
        Cell("every kind" if row.kind == EVERY else row.kind),
        *([Cell(count(row.requests))] if told else []),
        Cell(of_share(row.seen)),
        Cell(count(row.offers)),
        bought or Cell("nothing shown"),
    ]


def empty_blocks(result: Sequence[EmptyAnswers]) -> list[Block]:
    """Why requests of the test window see no offer, and what the reasons mean."""
    table = as_block(empty_table(result))
    meaning = [f"{reason}: {text}" for reason, text in REASONS.items() if any(row.reason == reason for row in result)]
    return [table, Paragraph(". ".join(sentence(text).rstrip(".") for text in meaning) + ".", "note")]


def sold_blocks(subject: Subject) -> list[Block]:
    """What each order of the offers brings, and what that does not say."""
    result = subject.evaluation.sold
    names = [name for name in (REVENUE, MARGIN) if any(name in row.worth for row in result)]
    scale = from_zero(row.worth[name] for row in result for name in names if name in row.worth)

    def worth(values: Mapping[str, Estimate], name: str, signed: bool = False) -> Cell:
        if name not in values:
            return Cell(DASH)
        return Cell(of_number(values[name], 3, signed), None if signed else scale.strip(values[name]))

    rows = []
    for row in result:
        precision = Cell(DASH if row.precision is None else of_share(row.precision))
        rows.append([Cell(f"by {row.order}"), precision, *(worth(row.worth, name) for name in names)])
        if row.more:
            rows.append([Cell("more than by relevance"), Cell(DASH), *(worth(row.more, name, True) for name in names)])
    caption = "What each order of the offers brings, of what is shown and bought"
    note = "In the currency of the purchases. That an offer was shown and bought does not say that it was the reason."
    return [Table(caption, ["order", "bought (95 %)", *names], [HeadedRows(rows)]), Paragraph(note, "note")]
