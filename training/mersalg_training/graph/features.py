"""What the trees see of each candidate. Unknown is NaN; nothing is imputed."""

from __future__ import annotations

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import AFFINITIES, ATTRIBUTES, SUMS, Groups
from mersalg_training.graph.kinds import UPSELL
from mersalg_training.graph.request import FAR_DAYS, OWN_COLUMNS, RequestTensors
from mersalg_training.graph.shortlist import SIGNALS, Shortlist
from mersalg_training.tables.shop_tables import ShopTables

NAN = float("nan")
STATISTICS = (
    "log_orders", "month_share", "trend", "repeat_rate", "interval_days", "age_days", "idle_days", "type_share",
    "price_rank",
)  # fmt: skip
OWN_FEATURES = tuple(OWN_COLUMNS)[: list(OWN_COLUMNS).index("own_long")]
"""The columns behind them are among the signals."""
GROUP_FEATURES = tuple(f"{attribute}_{name}" for name in SUMS for attribute in ATTRIBUTES)
FEATURE_STEPS = 2**12
"""What the trees compare is counted in so many steps of 1. Sums that should be equal differ in their last bits,
otherwise in every runtime and with every padding, and a split between the two would tell one runtime from another."""
TYPE_FEATURES = tuple(f"type_{name}" for name in AFFINITIES)
Block = tuple[tuple[str, ...], Value]
"""Names, and (C, names) float32."""


def candidate_features(
    graph: GraphBuilder,
    tables: ShopTables,
    request: RequestTensors,
    groups: Groups,
    shortlist: Shortlist,
    moment: Value,
) -> tuple[list[str], Value]:
    """The names of the features, and (C, names) float32."""
    blocks = [
        request_block(graph, request, shortlist, moment),
        (SIGNALS, shortlist.signals),
        (GROUP_FEATURES, groups.all_sums_of(shortlist.item)),
        column_block(graph, tables, request, groups, shortlist),
    ]
    names = [name for names, _ in blocks for name in names]
    result = graph.concat([block for _, block in blocks], 1).steps(FEATURE_STEPS) * (1.0 / FEATURE_STEPS)
    return [*names, *STATISTICS], graph.concat([result, statistics_of(graph, tables, shortlist.item)], 1)


def request_block(graph: GraphBuilder, request: RequestTensors, shortlist: Shortlist, moment: Value) -> Block:
    """The same for every candidate of a request."""
    known = request.last_age < FAR_DAYS
    orders = request.n_orders
    gap = (request.first_age - request.last_age) / graph.op("Max", orders - 1.0, 1.0)
    of_request = {
        "moment": moment.floats(),
        "cart_size": request.cart.dim().floats(),
        "orders_made": orders,
        "last_order_days": graph.where(known, request.last_age, NAN),
        "order_gap_days": graph.where(orders > 1.0, gap, NAN),
        "retrieved": shortlist.found,
    }
    once = graph.concat(list(of_request.values())).unsqueeze(0)
    shape = graph.concat([shortlist.item.dim(), graph.constant(np.array([1]))])
    return tuple(of_request), once.op("Expand", shape)


def column_block(
    graph: GraphBuilder, tables: ShopTables, request: RequestTensors, groups: Groups, shortlist: Shortlist
) -> Block:
    """What is known of each candidate number by number."""
    product_type = graph.constant(tables.vocabulary.product_type.astype(np.int32), "type_of_item").at(shortlist.item)
    columns = {
        "first_score": shortlist.first_score,
        "kind": shortlist.kind.floats(),
        "is_upsell": shortlist.kind.equal(UPSELL).floats(),
        **{name: request.own_columns[name].at(shortlist.own) for name in OWN_FEATURES},
        **dict(zip(TYPE_FEATURES, groups.affinities_at(product_type), strict=True)),
        **prices(graph, tables, request, shortlist),
    }
    return tuple(columns), graph.concat(list(columns.values())).reshape(len(columns), -1).turned()


def prices(graph: GraphBuilder, tables: ShopTables, request: RequestTensors, shortlist: Shortlist) -> dict[str, Value]:
    """The candidate's price, and over the anchor's, the cart's mean and the history's mean: (C,) each."""
    price = tables.vocabulary.price
    price_of = graph.constant(price, "price_of_item")
    price_or_zero = graph.constant(np.nan_to_num(price), "price_or_zero_of_item")
    known = graph.constant((~np.isnan(price)).astype(np.float32), "price_known_of_item")
    of_item = price_of.at(shortlist.item)

    def mean(items: Value, weight: Value) -> Value:
        """(1,), NaN where no price is known."""
        return (price_or_zero.at(items) * weight).sum() / (known.at(items) * weight).sum()

    return {
        "price": of_item,
        "price_over_anchor": of_item / price_of.at(shortlist.anchor),
        "price_over_cart": of_item / mean(request.cart, request.ones_of_cart),
        "price_over_history": of_item / mean(request.own, request.own_long),
    }


def statistics_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """(C, len(STATISTICS)) float32: static statistics of the candidate."""
    stacked = np.stack([tables.vocabulary.statistics[name] for name in STATISTICS], axis=1)
    return graph.constant(stacked, "statistics").rows_at(item)
