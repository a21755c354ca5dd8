"""Trees, calibration, threshold, order and cut: from candidates to offers.

The order is by the raw score, or by expected value: calibrated relevance times what a sale of the product brings. Value
acts behind the thresholds, so that it lifts nothing over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from mersalg.names import KINDS, MOMENTS, Kind
from mersalg_training.data.timeline import Float32
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.calibration import Calibration
from mersalg_training.graph.candidates import Candidates
from mersalg_training.graph.kinds import IS_NEW, REPLACEMENT
from mersalg_training.graph.manners import most_of_turn, turn_of_kind
from mersalg_training.graph.retrieve import partners_at, row_of
from mersalg_training.graph.shortlist import START_SHARE
from mersalg_training.graph.trees import RankerTrees, tree_node
from mersalg_training.tables.association import STRENGTH_DOUBLINGS, TOGETHER
from mersalg_training.tables.exclusive import NO_GROUP
from mersalg_training.tables.neighbours import ANCHOR_CHANNELS, CART_CHANNELS
from mersalg_training.tables.shop_tables import ShopTables

HIDDEN = -3e38
"""Below every score and every expected value."""
NAN = float("nan")
SETTLED = 3
"""Odd: then two that are kept apart never both stay."""
SILENT = 2.0
"""The threshold of a kind that stays silent: no probability reaches it."""


@dataclass(frozen=True)
class DecisionTables:
    """What comes after the features: the rankers, calibration, thresholds by kind."""

    trees: RankerTrees
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
    by_moment: Value
    """bool: the kinds are left to the moment, and so are the order and the most of each."""


@dataclass(frozen=True)
class TopOffers:
    """K offers, the best first."""

    item: Value
    """(K,) int64."""
    anchor: Value
    kind: Value
    relevance: Value
    score: Value
    lift: Value
    """(K,) float32 size-corrected; NaN but for a new product with an anchor that brings it."""
    due_in_days: Value
    """(K,) float32, NaN but for a replacement."""
    interval_days: Value
    """(K,) float32 expected days from one purchase to the next; NaN but for own products."""
    better: Value
    """(K,) int64 bits of BETTER by position; 0 but for an upsell."""
    best_relevance: Value
    """(5,) float32, -1 where a kind has no candidate that is offerable."""


def scores(graph: GraphBuilder, candidates: Candidates, rankers: RankerTrees) -> Value:
    """(C,) float32 log-odds: each candidate by the trees of its ranker, which may add to the first score."""
    trees = rankers.as_one(candidates.feature_names)
    raw = graph.absorb(tree_node(trees, candidates.features.name, "raw_score")).flat()
    return raw + candidates.first_score * START_SHARE if trees.adds_to_start else raw


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
    graph: GraphBuilder, tables: ShopTables, candidates: Candidates, decision: DecisionTables, wish: Wish, moment: Value
) -> TopOffers:
    """Show only what is offerable and reaches the threshold of its kind, in the order wanted, cut to the limit.

    moment: (1,) int64, whose manners hold where the wish leaves the kinds to it.
    """
    score = scores(graph, candidates, decision.trees)
    relevance = calibrated(graph, decision.calibration, score, candidates.kind)
    threshold = graph.constant(decision.thresholds, "thresholds").at(candidates.kind)
    is_new = graph.constant(IS_NEW).at(candidates.kind)
    brought = relevance * graph.where(is_new, by_chance(graph, tables, candidates) * -1.0 + 1.0, 1.0)
    passes = (candidates.offerable & (relevance >= threshold)) | ~wish.apply_threshold
    place = best_first(graph, tables, candidates, score, relevance, brought, passes, wish)
    place = well_mannered(graph, tables, candidates, place, wish, moment)
    best = graph.full(-1.0, len(KINDS))
    best = best.scatter(candidates.kind, graph.where(candidates.offerable, relevance, -1.0), "max")
    item, anchor, kind = (column.at(place) for column in (candidates.item, candidates.anchor, candidates.kind))
    last, interval = (candidates.days.row(i).at(place) for i in range(2))
    return TopOffers(
        item=item,
        anchor=anchor,
        kind=kind,
        relevance=relevance.at(place),
        score=score.at(place),
        lift=graph.where(graph.constant(IS_NEW).at(kind), lift_of_pairs(graph, tables, anchor, item), NAN),
        due_in_days=graph.where(kind.equal(REPLACEMENT), interval - last, NAN),
        interval_days=interval,
        better=candidates.better.at(place),
        best_relevance=best,
    )


def by_chance(graph: GraphBuilder, tables: ShopTables, candidates: Candidates) -> Value:
    """(C,) float32: what chance has of a pair, 1 / lift, so that the rest, the attributable fraction, is the anchor's.

    By the assured lift, and by the least one where that of a pair that goes together is less.
    """
    above = graph.op("Max", candidates.strength - TOGETHER, 0.0)
    doublings = above * float(STRENGTH_DOUBLINGS / (1.0 - TOGETHER))
    least = float(1.0 / tables.config.kinds.least_lift)
    chance = graph.op("Min", (doublings * float(-np.log(2.0))).op("Exp"), least)
    return graph.where(candidates.anchor < tables.n_items, chance, 1.0)


def best_first(
    graph: GraphBuilder,
    tables: ShopTables,
    candidates: Candidates,
    score: Value,
    relevance: Value,
    brought: Value,
    passes: Value,
    wish: Wish,
) -> Value:
    """(K,) positions of the candidates that pass, in the order wanted, cut to the limit unless what follows takes out.

    By the expected value; else, where the kinds are left to the moment, by what of the relevance the anchor brings;
    else by the score. Ties go to the better score, then to own products, then to the first place.
    """
    value = graph.constant(tables.vocabulary.value, "value_of_item").at(candidates.item)
    passing = passes.count().integers()
    by_score, place = graph.where(passes, score, HIDDEN).sorted(k=passing, largest=True)
    expected = (relevance * value).at(place)
    limited = graph.op("Max", graph.op("Min", wish.limit, passing), graph.constant(np.array([0])))
    is_whole = wish.by_moment
    if tables.relations.apart.are_declared:
        is_whole = is_whole | wish.apply_threshold
    k = graph.where(is_whole, passing, limited)
    by_anchor = graph.where(wish.by_moment, brought.at(place), by_score)
    _, first = graph.where(wish.by_value, expected, by_anchor).sorted(k=k, largest=True)
    return place.at(first)


def well_mannered(
    graph: GraphBuilder, tables: ShopTables, candidates: Candidates, place: Value, wish: Wish, moment: Value
) -> Value:
    """(K,) of positions (P,), the best first, those that the moment's manners leave, in its turns, cut to the limit.

    One offer of those that exclude one another, and of each turn its most; all positions where the request names its
    kinds, but for what the catalogue keeps apart, which is shown together nowhere.
    """
    by_moment = wish.by_moment.floats()
    turn = graph.constant(turn_of_kind().reshape(-1), "turn_of_kind")
    beside_cart = candidates.beside_cart.at(place).integers() * (len(MOMENTS) * len(KINDS))
    turns = turn.at(candidates.kind.at(place) + moment * len(KINDS) + beside_cart)
    _, ordered = (turns.floats() * by_moment * -1.0).sorted(k=place.dim(), largest=True)
    place, turns = place.at(ordered), turns.at(ordered)
    number = graph.full(1, place.dim()).cumsum()
    earlier = number.unsqueeze(1) > number.unsqueeze(0)
    group = graph.constant(tables.exclusive_group, "exclusive_group_of_item").at(candidates.item.at(place))
    alike = group.unsqueeze(1).equal(group.unsqueeze(0)) & (group > NO_GROUP).unsqueeze(1)
    alone = (alike & earlier).floats().sum(1, keep=False) * by_moment < 0.5
    if tables.relations.apart.are_declared:
        alone = alone & (kept_apart(graph, tables, candidates.item.at(place), earlier, alone) | ~wish.apply_threshold)
    before = (turns.unsqueeze(1).equal(turns.unsqueeze(0)) & earlier & alone.unsqueeze(0)).floats()
    most = graph.constant(most_of_turn().reshape(-1), "most_of_turn").at(turns + moment * (len(KINDS) + 1))
    kept = alone & (before.sum(1, keep=False) * by_moment < most.floats())
    return place.kept(kept).op("Slice", graph.constant(np.array([0])), wish.limit, graph.constant(np.array([0])))


def kept_apart(graph: GraphBuilder, tables: ShopTables, item: Value, earlier: Value, alone: Value) -> Value:
    """(P,) bool of items (P,): beside none that stands before it, as the catalogue declares.

    earlier: (P, P) bool, whether the column stands before the row; alone: (P,) bool, what may stand at all. What is
    left out keeps nothing out: told in SETTLED rounds, after which a longer chain loses an offer more than it has to.
    """
    partners = partners_at(graph, tables.relations.apart, item, "apart").unsqueeze(2)
    beside = partners.equal(item.cast(TensorProto.INT32).unsqueeze(0).unsqueeze(0)).floats().max(1, keep=False)
    against = beside * earlier.floats()
    kept = alone
    for _ in range(SETTLED):
        kept = alone & ((against * kept.floats().unsqueeze(0)).sum(1, keep=False) < 0.5)
    return kept


def lift_of_pairs(graph: GraphBuilder, tables: ShopTables, anchor: Value, item: Value) -> Value:
    """(K,) float32: the size-corrected lift of anchors with items, as the tables have it; NaN where none is known.

    What an anchor has learned of another product is not counted of it, and has none.
    """
    row, result = row_of(graph, tables, anchor), graph.full(0.0, anchor.dim())
    taught = tables.taught
    if taught.any():
        empty = tables.neighbours.row_of_item[-1]
        row = graph.where(
            graph.constant(taught, "taught_item").at(anchor), graph.constant(np.array(empty, dtype=np.int32)), row
        )
    for table, channels, source in (
        (tables.neighbours.cart, CART_CHANNELS, "cart"),
        (tables.neighbours.anchor, ANCHOR_CHANNELS, "anchor"),
    ):
        items = graph.constant(table.items.astype(np.int32), f"{source}_neighbours").rows_at(row)
        lift = np.ascontiguousarray(table.values[..., channels.index("lift")])
        lifts = graph.halves(lift, f"{source}_lift").rows_at(row).floats()
        of_pair = items.integers().equal(item.unsqueeze(1)).floats() * lifts
        result = graph.op("Max", result, of_pair.max(1, keep=False))
    return graph.where(result > 0.0, result, NAN)


def decision_of(
    trees: RankerTrees, calibration: Calibration, thresholds: Mapping[Kind, float | None]
) -> DecisionTables:
    """A decision with thresholds by kind; None = silent."""
    values = [thresholds[kind] for kind in KINDS]
    return DecisionTables(trees, calibration, np.array([SILENT if v is None else v for v in values], dtype=np.float32))
