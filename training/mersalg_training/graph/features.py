"""What the trees see of each candidate. Unknown is NaN; nothing is imputed."""

from __future__ import annotations

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import Group
from mersalg_training.graph.request import FAR_DAYS, Request
from mersalg_training.graph.retrieve import split
from mersalg_training.graph.shortlist import Shortlist
from mersalg_training.graph.tables import ShopTables

NAN = float("nan")
SUMMED = ("cosine", "confidence", "factor", "ladder", "follow", "near", "taste", "anchors")
"""Channels whose sum over all anchors is a feature."""
BEST = ("cosine", "confidence", "factor")
"""Channels whose value for the strongest anchor is one."""
STATISTICS = (
    "log_orders", "month_share", "trend", "repeat_rate", "interval_days", "age_days", "idle_days", "type_share",
    "price_rank",
)  # fmt: skip


def candidate_features(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    groups: dict[str, Group],
    affinity: Value,
    shortlist: Shortlist,
    moment: Value,
) -> dict[str, Value]:
    """(N, C, 1) float32 a feature, in the order of the bundle's feature names."""
    item = shortlist.item
    return {
        **request_features(graph, request, shortlist, moment),
        "first_score": shortlist.first_score,
        **{f"{name}_sum": shortlist.total[name] for name in SUMMED},
        **{f"{name}_best": shortlist.best[name] for name in BEST},
        **factor_features(graph, tables, request, item),
        **own_features(graph, request, shortlist.own_position, shortlist.total["own"] > 0.0),
        **group_features(graph, request, groups, affinity, item),
        **statistic_features(graph, tables, item),
        **price_features(graph, tables, request, item, shortlist.anchor),
        "kind": shortlist.kind.floats(),
    }


def request_features(graph: GraphBuilder, request: Request, shortlist: Shortlist, moment: Value) -> dict[str, Value]:
    """The same for every candidate of a request."""
    known = request.last_age < FAR_DAYS
    orders = request.n_orders
    gap = (request.first_age - request.last_age) / graph.op("Max", orders - 1.0, 1.0)
    of_request = {
        "moment": moment.floats().unsqueeze(1),
        "cart_size": request.cart_known.sum(1, keep=True),
        "orders_made": orders,
        "last_order_days": graph.where(known, request.last_age, NAN),
        "order_gap_days": graph.where(orders > 1.0, gap, NAN),
        "retrieved": shortlist.retrieved.floats().unsqueeze(1),
    }
    together = graph.concat(list(of_request.values()), 1).unsqueeze(1)
    spread = together.expand(1, shortlist.first_score.dim(1), 1)
    return split(spread, list(of_request))


def factor_features(graph: GraphBuilder, tables: ShopTables, request: Request, item: Value) -> dict[str, Value]:
    """Cosine-like closeness of the candidate's factors to the cart's mean and to the decayed history's mean."""
    factors = graph.constant(tables.factors, "factors")
    cart = factors.gather(request.cart).sum(1) / graph.op("Max", request.cart_known.sum(1, keep=True), 1.0)
    k = graph.op("Min", request.own.dim(1), graph.constant(np.array([4 * tables.config.retrieve.own_anchors])))
    weight, place = request.own_long.sorted(k=k, largest=True)
    usual = factors.gather(request.own.gather_elements(place)) * weight.unsqueeze(2)
    usual = usual.sum(1) / graph.op("Max", weight.sum(1, keep=True), 1e-6)
    item = item.squeeze(2)
    taste = graph.constant(tables.taste.factors, "taste_factors").gather(item).op("MatMul", request.taste.unsqueeze(2))
    close = factors.gather(item).op("MatMul", graph.concat([cart.unsqueeze(2), usual.unsqueeze(2)], 2))
    return {**split(close, ("cart_closeness", "history_closeness")), "taste": taste}


def own_features(graph: GraphBuilder, request: Request, position: Value, is_own: Value) -> dict[str, Value]:
    """What the customer did with the product before; 0 counts and unknown recency where never bought."""

    def counted(values: Value) -> Value:
        return graph.where(is_own, request.of_own(values, position), 0.0)

    def known(values: Value) -> Value:
        return graph.where(is_own, request.of_own(values, position), NAN)

    return {
        "own_count": counted(request.own_count),
        "own_rate": counted(request.own_count / graph.op("Max", request.n_orders, 1.0)),
        "own_short": counted(request.own_short),
        "own_long": counted(request.own_long),
        "own_days": known(request.own_age),
        "own_due": known(request.own_due),
        "own_quantity": known(request.own_quantity),
    }


def group_features(
    graph: GraphBuilder, request: Request, groups: dict[str, Group], affinity: Value, item: Value
) -> dict[str, Value]:
    """Cart and history by the candidate's product type, category and brand."""
    usual = graph.op("Max", request.own_long.sum(1, keep=True), 1e-6).unsqueeze(2)
    found: dict[str, Value] = {}
    for name, group in groups.items():
        code = group.of_item.gather(item)
        found[f"{name}_in_cart"] = group.at(group.cart_count, code)
        found[f"{name}_lines"] = group.at(group.own_lines, code)
        found[f"{name}_share"] = group.at(group.own_long, code) / usual
    types = groups["type"]
    found["type_affinity"] = types.at(affinity, types.of_item.gather(item))
    return found


def statistic_features(graph: GraphBuilder, tables: ShopTables, item: Value) -> dict[str, Value]:
    """Static statistics of the candidate."""
    stacked = np.stack([tables.vocabulary.statistics[name] for name in STATISTICS], axis=1)
    return split(graph.constant(stacked, "statistics").gather(item.squeeze(2)), STATISTICS)


def price_features(
    graph: GraphBuilder, tables: ShopTables, request: Request, item: Value, anchor: Value
) -> dict[str, Value]:
    """The candidate's price, and over the anchor's, the cart's mean and the history's mean."""
    price_of = graph.constant(tables.vocabulary.price, "price_of_item")
    price = price_of.gather(item)

    def mean(items: Value, weight: Value) -> Value:
        prices = price_of.gather(items)
        unknown = prices.op("IsNaN")
        weight = graph.where(unknown, 0.0, weight)
        total = (graph.where(unknown, 0.0, prices) * weight).sum(1, keep=True)
        return (total / weight.sum(1, keep=True)).unsqueeze(2)

    return {
        "price": price,
        "price_over_anchor": price / price_of.gather(anchor),
        "price_over_cart": price / mean(request.cart, request.cart_known),
        "price_over_history": price / mean(request.own, request.own_long),
    }
