"""What the trees see of each candidate. Unknown is NaN; nothing is imputed."""

from __future__ import annotations

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import Group
from mersalg_training.graph.kinds import Typed
from mersalg_training.graph.request import FAR_DAYS, Request
from mersalg_training.graph.retrieve import Pool
from mersalg_training.graph.shortlist import Shortlist
from mersalg_training.graph.tables import ShopTables

NAN = float("nan")
STATISTICS = (
    "log_orders", "month_share", "trend", "repeat_rate", "interval_days", "age_days", "idle_days", "type_share",
    "price_rank",
)  # fmt: skip


def candidate_features(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    pool: Pool,
    typed: Typed,
    groups: dict[str, Group],
    affinity: Value,
    shortlist: Shortlist,
    moment: Value,
) -> dict[str, Value]:
    """(N, C) float32 a feature, in the order of the bundle's feature names."""

    def here(values: Value) -> Value:
        return values.gather_elements(shortlist.place)

    item = here(pool.item)
    own_position, is_own = here(typed.own_position), here(typed.is_own)
    return {
        **request_features(graph, request, shortlist, moment),
        "first_score": shortlist.first_score,
        **pair_features(pool, shortlist.place),
        **factor_features(graph, tables, request, item),
        **own_features(graph, request, own_position, is_own),
        **group_features(graph, tables, request, groups, affinity, item),
        **statistic_features(graph, tables, item),
        **price_features(graph, tables, request, here(typed.price), here(typed.anchor_price)),
        "kind": here(typed.kind).floats(),
    }


def request_features(graph: GraphBuilder, request: Request, shortlist: Shortlist, moment: Value) -> dict[str, Value]:
    """The same for every candidate of a request."""
    zero = shortlist.first_score * 0.0
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
    return {name: zero + value for name, value in of_request.items()}


def pair_features(pool: Pool, place: Value) -> dict[str, Value]:
    """What the cart and the own products say of the candidate: summed, and by the strongest anchor alone."""
    totals = ("cosine", "confidence", "factor", "ladder", "follow", "near", "anchors")
    best = ("cosine", "confidence", "factor")
    return {
        **{f"{name}_sum": pool.total[name].gather_elements(place) for name in totals},
        **{f"{name}_best": pool.best[name].gather_elements(place) for name in best},
    }


def factor_features(graph: GraphBuilder, tables: ShopTables, request: Request, item: Value) -> dict[str, Value]:
    """Cosine-like closeness of the candidate's factors to the cart's mean and to the decayed history's mean."""
    factors = graph.constant(tables.factors, "factors")
    cart = factors.gather(request.cart).sum(1) / graph.op("Max", request.cart_known.sum(1, keep=True), 1.0)
    k = graph.op("Min", request.own.dim(1), graph.constant(np.array([4 * tables.config.retrieve.own_anchors])))
    weight, place = request.own_long.sorted(k=k, largest=True)
    usual = factors.gather(request.own.gather_elements(place)) * weight.unsqueeze(2)
    usual = usual.sum(1) / graph.op("Max", weight.sum(1, keep=True), 1e-6)
    taste = graph.constant(tables.taste.factors, "taste_factors").gather(item).op("MatMul", request.taste.unsqueeze(2))
    close = factors.gather(item).op("MatMul", graph.concat([cart.unsqueeze(2), usual.unsqueeze(2)], 2))
    return {
        "cart_closeness": close.slice(2, 0, 1).squeeze(2),
        "history_closeness": close.slice(2, 1, 2).squeeze(2),
        "taste": taste.squeeze(2),
    }


def own_features(graph: GraphBuilder, request: Request, position: Value, is_own: Value) -> dict[str, Value]:
    """What the customer did with the product before; 0 counts and unknown recency where never bought."""

    def counted(values: Value) -> Value:
        return graph.where(is_own, values.gather_elements(position), 0.0)

    def known(values: Value) -> Value:
        return graph.where(is_own, values.gather_elements(position), NAN)

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
    graph: GraphBuilder, tables: ShopTables, request: Request, groups: dict[str, Group], affinity: Value, item: Value
) -> dict[str, Value]:
    """Cart and history by the candidate's product type, category and brand."""
    usual = graph.op("Max", request.own_long.sum(1, keep=True), 1e-6)
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
    rows = graph.constant(stacked, "statistics").gather(item)
    parts = graph.node("Split", [rows], len(STATISTICS), axis=2, num_outputs=len(STATISTICS))
    return {name: part.squeeze(2) for name, part in zip(STATISTICS, parts, strict=True)}


def price_features(
    graph: GraphBuilder, tables: ShopTables, request: Request, price: Value, anchor_price: Value
) -> dict[str, Value]:
    """The candidate's price, and over the anchor's, the cart's mean and the history's mean."""
    price_of = graph.constant(tables.vocabulary.price, "price_of_item")

    def mean(items: Value, weight: Value) -> Value:
        prices = price_of.gather(items)
        unknown = prices.op("IsNaN")
        weight = graph.where(unknown, 0.0, weight)
        total = (graph.where(unknown, 0.0, prices) * weight).sum(1, keep=True)
        return total / weight.sum(1, keep=True)

    return {
        "price": price,
        "price_over_anchor": price / anchor_price,
        "price_over_cart": price / mean(request.cart, request.cart_known),
        "price_over_history": price / mean(request.own, request.own_long),
    }
