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
    "own_count": 0.0, "own_rate": 0.0, "own_recent": 0.0, "own_usual": 0.0, "own_days": NAN, "own_due": NAN,
    "own_quantity": NAN, "own_long": 0.0, "own_short": 0.0, "due": 0.0,
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
    """(N, W) float32 lines of the product; the others likewise."""
    own_short: Value
    own_long: Value
    own_quantity: Value
    own_age: Value
    """Days since the last purchase."""
    own_due: Value
    """Days since the last purchase over the expected interval; NaN where none is known."""
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
    """(N, W + 1, len(OWN_COLUMNS)) float32, of the own product at place 1 + its position; place 0 stands for none."""

    def of_own(self, place: Value) -> Value:
        """(N, U, len(OWN_COLUMNS)) float32 at places (N, U)."""
        return self.own_columns.op("GatherND", place.unsqueeze(2), batch_dims=1)


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
    own = own_products(graph, tables, item, age, quantity)
    cart = whole_cart.slice(1, 0, MAX_CART)
    known = item < no_item
    ages = graph.where(known, age, FAR_DAYS)
    ordered, _ = ages.sorted(k=ages.dim(1), largest=False)
    new_time = run_starts(graph, ordered, -1.0) & (ordered < FAR_DAYS)
    n_orders = new_time.floats().sum(1, keep=True)
    return Request(
        cart=cart,
        whole_cart=whole_cart,
        cart_known=(cart < no_item).floats(),
        after_payment=after_payment,
        n_orders=n_orders,
        own_columns=own_columns(graph, own, n_orders),
        last_age=ages.min(1, keep=True),
        first_age=graph.where(known, age, 0.0).max(1, keep=True),
        taste=folded_in(graph, tables, own),
        own_weight=graph.op("Max", own["own_long"].sum(1, keep=True), 1e-6),
        **own,
    )


def folded_in(graph: GraphBuilder, tables: ShopTables, own: dict[str, Value]) -> Value:
    """(N, F) the customer's factors by one least-squares step over the own products, decayed counts as weights."""
    factors = graph.constant(tables.taste.factors, "taste_factors").gather(own["own"])
    weight = (own["own_long"] + 1.0).op("Log").unsqueeze(1)
    return weight.op("MatMul", factors).squeeze(1).op("MatMul", graph.constant(tables.taste.solve, "taste_solve"))


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


def own_columns(graph: GraphBuilder, own: dict[str, Value], n_orders: Value) -> Value:
    """(N, W + 1, len(OWN_COLUMNS)) float32: the columns side by side, below the row of a product never bought."""
    due = own["own_due"]
    columns = {
        "own_count": own["own_count"],
        "own_rate": own["own_count"] / graph.op("Max", n_orders, 1.0),
        "own_recent": own["own_short"],
        "own_usual": own["own_long"],
        "own_days": own["own_age"],
        "own_due": due,
        "own_quantity": own["own_quantity"],
        "own_long": (own["own_long"] + 1.0).op("Log"),
        "own_short": own["own_short"].op("Sqrt"),
        "due": graph.where(due > 0.0, graph.op("Min", due, 2.0), 0.0),
    }
    never = graph.constant(np.array([list(OWN_COLUMNS.values())], dtype=np.float32)[None])
    stacked = graph.concat([columns[name].unsqueeze(2) for name in OWN_COLUMNS], 2)
    return graph.concat([never.expand(n_orders.dim(0), 1, len(OWN_COLUMNS)), stacked], 1)


def own_products(graph: GraphBuilder, tables: ShopTables, item: Value, age: Value, quantity: Value) -> dict[str, Value]:
    """The history by product: counts, decayed counts, recency and whether the product is due."""
    no_item, rhythm = tables.n_items, tables.rhythm
    width = item.dim(1)
    ordered, place = item.sorted(k=width, largest=False)
    age, quantity = age.gather_elements(place), quantity.gather_elements(place)
    known = ordered < no_item
    one = known.floats()
    segment = run_starts(graph, ordered, -1).integers().cumsum(1) - 1
    distinct_items = segment.op("ReduceMax", keepdims=0).reshape(1) + 1
    zeros = graph.full(0.0, item.dim(0), distinct_items)

    def total(values: Value) -> Value:
        return zeros.scatter(segment, values * one, "add")

    def decayed(half_life_days: float) -> Value:
        return total((age * float(-np.log(2.0) / half_life_days)).op("Exp"))

    own = graph.full(no_item, item.dim(0), distinct_items).scatter(segment, ordered)
    count = total(one)
    last = (zeros + FAR_DAYS).scatter(segment, graph.where(known, age, FAR_DAYS), "min")
    first = zeros.scatter(segment, age * one, "max")
    usual = graph.constant(tables.vocabulary.statistics["interval_days"], "interval_days").gather(own)
    gaps = count - 1.0
    expected = (first - last + usual * PRIOR_OWN_INTERVALS) / (gaps + PRIOR_OWN_INTERVALS)
    return {
        "own": own,
        "own_count": count,
        "own_short": decayed(rhythm.short_days),
        "own_long": decayed(rhythm.long_days),
        "own_quantity": total(quantity) / graph.op("Max", count, 1.0),
        "own_age": last,
        "own_due": graph.where(own < no_item, last / graph.op("Max", expected, 0.5), float("nan")),
    }
