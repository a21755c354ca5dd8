"""Trees, calibration, threshold, order and cut: from candidates to offers.

The order is by the raw score, or by expected value: calibrated relevance times what a sale of the product brings. Value
acts behind the thresholds, so that it lifts nothing over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.data.timeline import Float32
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.calibration import Calibration
from mersalg_training.graph.candidates import Candidates
from mersalg_training.graph.trees import TreeTable, routed, tree_node
from mersalg_training.tables.shop_tables import ShopTables

HIDDEN = -3e38
"""Below every score and every expected value."""
OWN_LINES = 0.5
"""An own product has more lines in the history than this, and at least one."""
SILENT = 2.0
"""The threshold of a kind that stays silent: no probability reaches it."""


@dataclass(frozen=True)
class DecisionTables:
    """What comes after the features: a ranker for own and one for new products, calibration, thresholds by kind."""

    own_trees: TreeTable
    new_trees: TreeTable
    calibration: Calibration
    thresholds: Float32
    """(5,) by position in KINDS; SILENT for a silent kind."""


@dataclass(frozen=True)
class Wish:
    """How a request wants its offers: (1,) each."""

    limit: Value
    """int64."""
    apply_threshold: Value
    """bool."""
    by_value: Value
    """bool: the order is by expected value."""


@dataclass(frozen=True)
class TopOffers:
    """K offers, the best first."""

    item: Value
    """(K,) int64."""
    anchor: Value
    kind: Value
    relevance: Value
    score: Value
    best_relevance: Value
    """(5,) float32, -1 where a kind has no candidate."""


def scores(
    graph: GraphBuilder, tables: ShopTables, candidates: Candidates, own_trees: TreeTable, new_trees: TreeTable
) -> Value:
    """(C,) float32 log-odds: own and new products by trees of their own, which may add to the first score."""
    trees = routed(new_trees, own_trees, candidates.feature_names.index("own_count"), OWN_LINES)
    raw = graph.absorb(tree_node(trees, candidates.features.name, "raw_score")).flat()
    return raw + candidates.first_score if trees.adds_to_start else raw


def calibrated(graph: GraphBuilder, calibration: Calibration, score: Value, kind: Value) -> Value:
    """(C,) float32 relevance: piecewise linear in the score, by kind."""
    knots = graph.constant(calibration.score, "calibration_score").rows_at(kind)
    below = (score.unsqueeze(1) >= knots).floats().sum(1, keep=False) - 1.0
    piece = graph.op("Max", below, 0.0).integers() + kind * calibration.score.shape[1]

    def at_piece(table: Float32, name: str) -> Value:
        return graph.constant(table.reshape(-1), name).at(piece)

    start = at_piece(calibration.score, "calibration_score_flat")
    base = at_piece(calibration.relevance, "calibration_relevance")
    slope = at_piece(calibration.slope, "calibration_slope")
    return graph.op("Clip", base + graph.op("Max", score - start, 0.0) * slope, 0.0, 1.0)


def decide(
    graph: GraphBuilder, tables: ShopTables, candidates: Candidates, decision: DecisionTables, wish: Wish
) -> TopOffers:
    """Show only what reaches the threshold of its kind, in the order that the request wants, cut to its limit.

    Ties in the expected value go to the better score; ties in the score to own products, then to the first place.
    """
    score = scores(graph, tables, candidates, decision.own_trees, decision.new_trees)
    relevance = calibrated(graph, decision.calibration, score, candidates.kind)
    threshold = graph.constant(decision.thresholds, "thresholds").at(candidates.kind)
    passes = (relevance >= threshold) | ~wish.apply_threshold
    place = best_first(graph, tables, candidates, score, relevance, passes, wish)
    best = graph.full(-1.0, len(KINDS)).scatter(candidates.kind, relevance, "max")
    return TopOffers(
        item=candidates.item.at(place),
        anchor=candidates.anchor.at(place),
        kind=candidates.kind.at(place),
        relevance=relevance.at(place),
        score=score.at(place),
        best_relevance=best,
    )


def best_first(
    graph: GraphBuilder,
    tables: ShopTables,
    candidates: Candidates,
    score: Value,
    relevance: Value,
    passes: Value,
    wish: Wish,
) -> Value:
    """(K,) positions of the candidates that pass, in the order wanted, cut to the limit."""
    value = graph.constant(tables.vocabulary.value, "value_of_item").at(candidates.item)
    passing = passes.count().integers()
    by_score, place = graph.where(passes, score, HIDDEN).sorted(k=passing, largest=True)
    expected = (relevance * value).at(place)
    k = graph.op("Max", graph.op("Min", wish.limit, passing), graph.constant(np.array([0])))
    _, first = graph.where(wish.by_value, expected, by_score).sorted(k=k, largest=True)
    return place.at(first)


def decision_of(
    own: TreeTable, new: TreeTable, calibration: Calibration, thresholds: Mapping[Kind, float | None]
) -> DecisionTables:
    """A decision with thresholds by kind; None = silent."""
    values = [thresholds[kind] for kind in KINDS]
    return DecisionTables(
        own, new, calibration, np.array([SILENT if v is None else v for v in values], dtype=np.float32)
    )
