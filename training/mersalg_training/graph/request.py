"""The request inside the graph: the cart and the history in canonical form, and the customer's own products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import AFTER_PAYMENT, MOMENTS
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.tables import ShopTables

MAX_CART = 100
"""Distinct known products of a cart that are looked at; of a larger cart the most bought in the shop."""
FIRST_PAID_MOMENT = min(MOMENTS.index(moment) for moment in AFTER_PAYMENT)
FAR_DAYS = 1e9
PRIOR_OWN_INTERVALS = 2.0
"""A customer's own repurchase interval is shrunk to the product's as if by so many intervals."""


NAN = float("nan")
OWN_COLUMNS: dict[str, float] = {
    "own_count": 0.0, "own_rate": 0.0, "own_days": NAN, "own_due": NAN, "own_quantity": NAN, "own_long": 0.0,
    "own_short": 0.0, "due": 0.0,
}  # fmt: skip
"""What is known of an own product, and what stands for a product that the customer never bought."""


@dataclass(frozen=True)
class Request:
    """N requests; "no item" is the index n_items. W = the most distinct products of a history and a paid cart, + 1."""

    cart: Value
    """(N, <= MAX_CART) int64 ascending, without duplicates, "no item" last."""
    whole_cart: Value
    """(N, D) the same, however many."""
    cart_known: Value
    """(N, <= MAX_CART) float32, 1 where there is a product."""
    after_payment: Value
    """(N, 1) bool."""
    own: Value
    """(N, W) int64 distinct products of the history, ascending, "no item" last."""
    own_count: Value
    """(N, W) float32 lines of the product."""
    own_long: Value
    """(N, W) float32 decayed lines, 0 for "no item"."""
    own_weight: Value
    """(N, 1) float32 the sum of own_long, above 0."""
    n_orders: Value
    """(N, 1) float32 distinct times of purchase in the history."""
    last_age: Value
    """(N, 1) float32 days since the last order; FAR_DAYS without history."""
    first_age: Value
    taste: Value
    """(N, F) float32 the history folded into the factors of customers; zeros without history."""

    own_columns: Value
    """(N, len(OWN_COLUMNS), W + 1) float32, of the own product at place 1 + its position; place 0 stands for none."""

    def of_own(self, place: Value) -> Value:
        """(N, len(OWN_COLUMNS), U) float32 at places (N, U)."""
        return self.own_columns.columns_at(place, len(OWN_COLUMNS))


def read_request(
    graph: GraphBuilder, tables: ShopTables, cart: Value, history: Value, age: Value, quantity: Value, moment: Value
) -> Request:
    """Canonical cart and own products.

    cart (N, B), history (N, H) int64 item indices; age, quantity (N, H) float32; moment (N,) int64.
    The order of the cart and duplicates in it change nothing; lines of the future (age < 0) are ignored. After payment
    the cart counts as own products of age 0.
    """
    no_item = tables.n_items
    whole_cart = distinct(graph, cart, no_item)
    after_payment = (moment >= FIRST_PAID_MOMENT).unsqueeze(1)
    paid = graph.where(after_payment, whole_cart, no_item)
    nothing = graph.full(0.0, paid.dim(0), paid.dim(1))
    item = graph.concat([graph.where(age < 0.0, no_item, history), paid], 1)
    age = graph.concat([age, nothing], 1)
    quantity = graph.concat([quantity, nothing + 1.0], 1)
    own, sums, extremes = own_products(graph, tables, item, age, quantity)
    count, short, long, pieces = graph.rows(sums, 4)
    last, first = graph.rows(extremes, 2)
    long = graph.where(own < no_item, long, 0.0)
    cart = whole_cart.slice(1, 0, MAX_CART)
    known = item < no_item
    ages = graph.where(known, age, FAR_DAYS)
    ordered, _ = ages.sorted(k=ages.dim(1), largest=False)
    new_time = run_starts(graph, ordered, -1.0) & (ordered < FAR_DAYS)
    n_orders = new_time.floats().sum(1, keep=True)
    columns = own_columns(graph, tables, own, n_orders, count, pieces, short, long, first, last)
    return Request(
        cart=cart,
        whole_cart=whole_cart,
        cart_known=(cart < no_item).floats(),
        after_payment=after_payment,
        own=own,
        own_count=count,
        own_long=long,
        own_weight=graph.op("Max", long.sum(1, keep=True), 1e-6),
        own_columns=columns,
        n_orders=n_orders,
        last_age=ordered.slice(1, 0, 1),
        first_age=graph.where(known, age, 0.0).max(1, keep=True),
        taste=folded_in(graph, tables, own, long),
    )


def folded_in(graph: GraphBuilder, tables: ShopTables, own: Value, long: Value) -> Value:
    """(N, F) the customer's factors by one least-squares step over the own products, decayed counts as weights."""
    weighted = (long + 1.0).op("Log").unsqueeze(1).op("MatMul", factors_of(graph, tables, own)).squeeze(1)
    solve = graph.constant(tables.taste.solve, "taste_solve")
    return weighted.slice(1, 0, tables.taste.factors.shape[1]).op("MatMul", solve)


def factors_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """(N, U, F + factors of orders) float32 of items (N, U): the factors of customers, then those of orders.

    Only supported products have any; one row of zeros serves all others.
    """
    last = tables.supported
    joined = np.concatenate([tables.taste.factors, tables.factors], axis=1)[:last]
    rows = np.concatenate([joined, np.zeros((1, joined.shape[1]), dtype=np.float32)])
    return graph.halves(rows, "factors_of_item").gather(graph.op("Min", item, last)).floats()


def distinct(graph: GraphBuilder, items: Value, no_item: int) -> Value:
    """(N, D) the distinct items in ascending order, padded with "no item".

    D is the most distinct items of a request, at least 1, so that duplicates change no width and with it no rounding.
    """
    ordered, _ = items.sorted(k=items.dim(1), largest=False)
    once = graph.where(run_starts(graph, ordered, -1), ordered, no_item)
    most = (once < no_item).integers().sum(1).op("ReduceMax", keepdims=0).reshape(1)
    width = graph.op("Max", most, graph.constant(np.array([1])))
    return once.sorted(k=width, largest=False)[0]


def run_starts(graph: GraphBuilder, ordered: Value, before: float | int) -> Value:
    """(N, W) bool: where an ascending row takes a new value."""
    first = graph.full(before, ordered.dim(0), 1)
    shifted = graph.concat([first, ordered.slice(1, 0, -1)], 1)
    return ~shifted.equal(ordered)


def own_products(
    graph: GraphBuilder, tables: ShopTables, item: Value, age: Value, quantity: Value
) -> tuple[Value, Value, Value]:
    """The history by product, ascending by item, "no item" last.

    The items (N, W); (N, 4, W) float32 the sums of lines, of lines decayed by the short and by the long half-life, and
    of pieces; (N, 2, W) the ages of the last and of the first purchase. What stands at "no item" means
    nothing.
    """
    no_item, rhythm = tables.n_items, tables.rhythm
    ordered, place = item.sorted(k=item.dim(1), largest=False)
    age, quantity = (values.gather_elements(place).unsqueeze(1) for values in (age, quantity))
    segment = run_starts(graph, ordered, -1).integers().cumsum(1) - 1
    n, width = item.dim(0), segment.op("ReduceMax", keepdims=0).reshape(1) + 1
    own = graph.full(no_item, n, width).scatter(segment, ordered)
    rates = -np.log(2.0) / np.array([[np.inf], [rhythm.short_days], [rhythm.long_days]])
    decayed = (age * graph.constant(rates.astype(np.float32))).op("Exp")
    at = segment.unsqueeze(1)
    sums = graph.full(0.0, n, 4, width).scatter(at.expand(1, 4, 1), graph.concat([decayed, quantity], 1), "add", axis=2)
    signs = graph.constant(np.array([[-1.0], [1.0]], dtype=np.float32))
    extremes = graph.full(-FAR_DAYS, n, 2, width).scatter(at.expand(1, 2, 1), age * signs, "max", axis=2)
    return own, sums, extremes * signs


def own_columns(
    graph: GraphBuilder,
    tables: ShopTables,
    own: Value,
    n_orders: Value,
    count: Value,
    pieces: Value,
    short: Value,
    long: Value,
    first: Value,
    last: Value,
) -> Value:
    """(N, len(OWN_COLUMNS), W + 1) float32, the product that was never bought first. All (N, W)."""
    interval = tables.vocabulary.statistics["interval_days"]
    usual = graph.constant(interval * np.float32(PRIOR_OWN_INTERVALS), "own_interval_days").gather(own)
    expected = (first - last + usual) / (count + (PRIOR_OWN_INTERVALS - 1.0))
    due = last / graph.op("Max", expected, 0.5)
    columns = {
        "own_count": count,
        "own_rate": count / graph.op("Max", n_orders, 1.0),
        "own_days": last,
        "own_due": due,
        "own_quantity": pieces / graph.op("Max", count, 1.0),
        "own_long": (long + 1.0).op("Log"),
        "own_short": short.op("Sqrt"),
        "due": graph.where(due > 0.0, graph.op("Min", due, 2.0), 0.0),
    }
    never = graph.constant(np.array([list(OWN_COLUMNS.values())], dtype=np.float32)[:, :, None])
    stacked = graph.concat([columns[name] for name in OWN_COLUMNS], 1).reshape(0, len(OWN_COLUMNS), -1)
    return graph.concat([never.expand(n_orders.dim(0), len(OWN_COLUMNS), 1), stacked], 2)
