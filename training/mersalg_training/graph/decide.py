"""Trees, calibration, threshold, order and cut: from candidates to offers.

The order is by the raw score, or by expected value: calibrated relevance times what a sale of the product brings. Value
acts behind the thresholds, so that it lifts nothing over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.calibration import Calibration
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.candidates import Candidates
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32
from mersalg_training.trees import TreeTable, routed, tree_node

HIDDEN = -3e38
"""Below every score and every expected value."""
OWN_LINES = 0.5
"""An own product has more lines in the history than this, and at least one."""
SILENT = 2.0
"""The threshold of a kind that stays silent: no probability reaches it."""


@dataclass(frozen=True)
class Decision:
    """What comes after the features: a ranker for own and one for new products, calibration, thresholds by kind."""

    own_trees: TreeTable
    new_trees: TreeTable
    calibration: Calibration
    thresholds: Float32
    """(5,) by position in KINDS; SILENT for a silent kind."""


@dataclass(frozen=True)
class Wish:
    """How a request wants its offers: (N,) each."""

    limit: Value
    """int64."""
    apply_threshold: Value
    """bool."""
    by_value: Value
    """bool: the order is by expected value."""


@dataclass(frozen=True)
class Offers:
    """K places of N requests, the best first; unused places have kind -1."""

    item: Value
    """(N, K) int64."""
    anchor: Value
    kind: Value
    relevance: Value
    score: Value
    best_relevance: Value
    """(N, 5) float32, -1 where a kind has no candidate."""


def scores(
    graph: GraphBuilder, tables: ShopTables, found: Candidates, own_trees: TreeTable, new_trees: TreeTable
) -> Value:
    """(N, C) float32 log-odds: own and new products by trees of their own, which may add to the first score."""
    trees = routed(new_trees, own_trees, found.feature_names.index("own_count"), OWN_LINES)
    rows = found.features.reshape(-1, len(found.feature_names))
    raw = graph.absorb(tree_node(trees, rows.name, "raw_score")).reshape(-1, found.features.dim(1))
    return raw + found.first_score if trees.adds_to_start else raw


def calibrated(graph: GraphBuilder, calibration: Calibration, score: Value, kind: Value) -> Value:
    """(N, C) float32 relevance: piecewise linear in the score, by kind."""
    knots = graph.constant(calibration.score, "calibration_score").gather(kind)
    below = (score.unsqueeze(2) >= knots).integers().sum(2) - 1
    piece = graph.op("Max", below, 0) + kind * calibration.score.shape[1]

    def at_piece(table: Float32, name: str) -> Value:
        return graph.constant(table.reshape(-1), name).gather(piece)

    start = at_piece(calibration.score, "calibration_score_flat")
    base = at_piece(calibration.relevance, "calibration_relevance")
    slope = at_piece(calibration.slope, "calibration_slope")
    return graph.op("Clip", base + graph.op("Max", score - start, 0.0) * slope, 0.0, 1.0)


def decide(graph: GraphBuilder, tables: ShopTables, found: Candidates, decision: Decision, wish: Wish) -> Offers:
    """Show only what reaches the threshold of its kind, in the order that the request wants, cut to its limit.

    Ties in the expected value go to the better score; ties in the score to own products, then to the first place.
    """
    score = scores(graph, tables, found, decision.own_trees, decision.new_trees)
    relevance = calibrated(graph, decision.calibration, score, found.kind)
    threshold = graph.constant(decision.thresholds, "thresholds").gather(found.kind)
    passes = found.valid & ((relevance >= threshold) | ~wish.apply_threshold.unsqueeze(1))
    width = graph.op("Max", graph.op("Min", wish.limit.max(0, keep=True), score.dim(1)), graph.constant(np.array([0])))
    place = best_first(graph, tables, found, score, relevance, passes, wish.by_value, width)
    position = graph.op("Range", 0, width.squeeze(0), 1).unsqueeze(0)
    used = passes.gather_elements(place) & (position < wish.limit.unsqueeze(1))
    kinds = graph.constant(np.arange(len(KINDS)).reshape(1, 1, -1))
    of_kind = found.kind.unsqueeze(2).equal(kinds) & found.valid.unsqueeze(2)
    return Offers(
        item=graph.where(used, found.item.gather_elements(place), tables.n_items),
        anchor=graph.where(used, found.anchor.gather_elements(place), tables.n_items),
        kind=graph.where(used, found.kind.gather_elements(place), -1),
        relevance=graph.where(used, relevance.gather_elements(place), 0.0),
        score=graph.where(used, score.gather_elements(place), 0.0),
        best_relevance=graph.where(of_kind, relevance.unsqueeze(2), -1.0).max(1),
    )


def best_first(
    graph: GraphBuilder,
    tables: ShopTables,
    found: Candidates,
    score: Value,
    relevance: Value,
    passes: Value,
    by_value: Value,
    width: Value,
) -> Value:
    """(N, width) positions of the candidates that pass, in the order wanted, then of others."""
    value = graph.constant(tables.vocabulary.value, "value_of_item").gather(found.item)
    by_score, place = graph.where(passes, score, HIDDEN).sorted(k=score.dim(1), largest=True)
    expected = graph.where(passes, relevance * value, HIDDEN).gather_elements(place)
    _, first = graph.where(by_value.unsqueeze(1), expected, by_score).sorted(k=width, largest=True)
    return place.gather_elements(first)


def decision_of(
    own: TreeTable, new: TreeTable, calibration: Calibration, thresholds: Mapping[Kind, float | None]
) -> Decision:
    """A decision with thresholds by kind; None = silent."""
    values = [thresholds[kind] for kind in KINDS]
    return Decision(own, new, calibration, np.array([SILENT if v is None else v for v in values], dtype=np.float32))
