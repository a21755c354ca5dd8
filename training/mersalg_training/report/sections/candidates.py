"""Where offers come from: what the candidates hold, source by source and together, and what ranks them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mersalg_training.evaluation.metrics import DEPTHS, NDCG, OURS, Estimate
from mersalg_training.evaluation.result import ORACLE, Row
from mersalg_training.report.blocks import Block, Cell, Details, HeadedRows, PageSection, Paragraph, Table
from mersalg_training.report.strips import Scale
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import DASH, count, number, share

CEILING: Final = (
    "What is not among the candidates cannot be offered: their recall is the ceiling of all that follows. It is told "
    "for the union of all sources; a perfect order of the very same candidates would reach the NDCG in the last column."
)
UNTOLD: Final = "The bundle does not tell what each source finds; the run that trained it does (candidate_recall)."


def candidates(subject: Subject) -> PageSection:
    """Candidate recall by task and by source, and the features."""
    manifest = subject.manifest
    blocks: list[Block] = [
        Paragraph(
            f"Of {count(manifest['vocabulary']['products'])} products the graph retrieves at most "
            f"{count(manifest['graph']['candidates'])} candidates for a request, and ranks them by "
            f"{count(len(manifest['features']))} features."
        )
    ]
    if subject.evaluation.ceilings:
        blocks += [Paragraph(CEILING), ceiling_table(subject.evaluation.ceilings)]
    recall = manifest.get("candidate_recall")
    blocks.append(source_table(recall) if recall else Paragraph(UNTOLD, "note"))
    blocks += [Details("The features", [feature_table(manifest)])]
    return PageSection("origins", "Where offers come from", "What is found, by which source, and what decides?", blocks)


def ceiling_table(result: Sequence[Row]) -> Table:
    """Candidate recall by task at each depth, and the ceiling of NDCG."""
    values = {(row.task, row.method, row.metric): row.estimate for row in result}
    scale = Scale(0.0, 1.0)
    rows = []
    for task in dict.fromkeys(row.task for row in result):
        cells = [Cell(task)]
        for depth in DEPTHS:
            estimate = values.get((task, OURS, f"candidate recall@{depth}"))
            cells.append(told(estimate, scale if depth == DEPTHS[-1] else None))
        cells.append(told(values.get((task, ORACLE, NDCG)), None, places=3))
        rows.append(cells)
    columns = ["task", *(f"recall of {depth}" for depth in DEPTHS), f"ceiling of {NDCG}"]
    return Table("What the candidates hold of what was bought, by task", columns, [HeadedRows(rows)])


def told(estimate: Estimate | None, scale: Scale | None, places: int | None = None) -> Cell:
    """A share, or a number of so many places; with its strip where a scale is given."""
    if estimate is None:
        return Cell(DASH)
    text = share(estimate.value) if places is None else number(estimate.value, places)
    if math.isfinite(estimate.low):
        low, high = (100 * estimate.low, 100 * estimate.high) if places is None else (estimate.low, estimate.high)
        text += f" ({low:.{1 if places is None else places}f} to {high:.{1 if places is None else places}f})"
    return Cell(text, None if scale is None else scale.strip(estimate))


def source_table(recall: Mapping[str, float]) -> Table:
    """What each source finds of what followed the ranker's requests."""
    scale = Scale(0.0, max([*recall.values(), 1e-9]))
    rows = [
        [Cell(name), Cell(share(value), scale.strip(Estimate(value, math.nan, math.nan, 0)))]
        for name, value in recall.items()
    ]
    caption = "What each source finds of what followed the carts that fitted the ranker; several may find the same"
    return Table(caption, ["source", "share found"], [HeadedRows(rows)])


def feature_table(manifest: Mapping[str, Any]) -> Table:
    """The features, with their share of what the rankers gained by them where the bundle tells it."""
    gain: Mapping[str, Mapping[str, float]] = manifest.get("importance", {})
    sides = list(gain)
    names = sorted(manifest["features"], key=lambda name: -sum(of.get(name, 0.0) for of in gain.values()))
    rows = [[Cell(name), *(Cell(share(gain[side].get(name))) for side in sides)] for name in names]
    heads = {
        "own": "of the ranker of own products",
        "new": "of the ranker of new products",
        "upsell": "of the ranker of upsells",
    }
    caption = "Features" + (", by their share of all gain" if sides else ", in the graph's order")
    return Table(caption, ["feature", *(heads.get(side, side) for side in sides)], [HeadedRows(rows)])
