"""What the trees see of each candidate. Unknown is NaN; nothing is imputed."""

from __future__ import annotations

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import AFFINITIES, ATTRIBUTES, SUMS, Groups
from mersalg_training.graph.request import FAR_DAYS, OWN_COLUMNS, Request
from mersalg_training.graph.shortlist import SIGNALS, Shortlist
from mersalg_training.graph.tables import ShopTables

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
"""Names, and (N, names, C) float32."""


def candidate_features(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    groups: Groups,
    shortlist: Shortlist,
    moment: Value,
) -> tuple[list[str], Value]:
    """The names of the features, and (N, C, names) float32."""
    blocks = [
        request_block(graph, request, shortlist, moment),
        (("first_score", "kind"), beside(graph, shortlist.first_score, shortlist.kind.floats())),
        (SIGNALS, shortlist.signals),
        (OWN_FEATURES, shortlist.own_columns.slice(1, 0, len(OWN_FEATURES))),
        (GROUP_FEATURES, groups.all_sums_of(shortlist.item)),
        (TYPE_FEATURES, groups.affinities_of(groups.of_item[0].gather(shortlist.item))),
        price_block(graph, tables, request, shortlist),
    ]
    names = [name for names, _ in blocks for name in names]
    found = (graph.concat([block for _, block in blocks], 1).steps(FEATURE_STEPS) * (1.0 / FEATURE_STEPS)).turned()
    return [*names, *STATISTICS], graph.concat([found, statistics_of(graph, tables, shortlist.item)], 2)


def beside(graph: GraphBuilder, *columns: Value) -> Value:
    """(N, m, C) of m columns (N, C)."""
    return graph.concat(columns, 1).reshape(0, len(columns), -1)


def request_block(graph: GraphBuilder, request: Request, shortlist: Shortlist, moment: Value) -> Block:
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
        "retrieved": shortlist.found.floats().unsqueeze(1),
    }
    together = graph.concat(list(of_request.values()), 1).unsqueeze(2)
    return tuple(of_request), together.expand(1, 1, shortlist.first_score.dim(1))


def statistics_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """(N, C, len(STATISTICS)) float32: static statistics of the candidate."""
    stacked = np.stack([tables.vocabulary.statistics[name] for name in STATISTICS], axis=1)
    return graph.constant(stacked, "statistics").gather(item)


def price_block(graph: GraphBuilder, tables: ShopTables, request: Request, shortlist: Shortlist) -> Block:
    """The candidate's price, and over the anchor's, the cart's mean and the history's mean."""
    price = tables.vocabulary.price
    price_of = graph.constant(price, "price_of_item")
    known = np.stack([np.nan_to_num(price), (~np.isnan(price)).astype(np.float32)], axis=1)
    known_of = graph.constant(known.astype(np.float32), "known_price_of_item")
    of_item = price_of.gather(shortlist.item)

    def mean(items: Value, weight: Value) -> Value:
        """(N, 1), NaN where no price is known."""
        summed = weight.unsqueeze(1).op("MatMul", known_of.gather(items)).squeeze(1)
        return summed.slice(1, 0, 1) / summed.slice(1, 1, 2)

    columns = [
        of_item,
        of_item / price_of.gather(shortlist.anchor),
        of_item / mean(request.cart, request.cart_known),
        of_item / mean(request.own, request.own_long),
    ]
    return ("price", "price_over_anchor", "price_over_cart", "price_over_history"), beside(graph, *columns)
