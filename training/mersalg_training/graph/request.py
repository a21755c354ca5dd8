"""The request inside the graph: the cart and the history in canonical form, and the customer's own products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import AFTER_PAYMENT, MOMENTS
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.tables.shop_tables import ShopTables

MAX_CART = 100
"""Distinct known products of a cart that are looked at; of a larger cart the most bought in the shop."""
FIRST_PAID_MOMENT = min(MOMENTS.index(moment) for moment in AFTER_PAYMENT)
FAR_DAYS = 1e9
PRIOR_OWN_INTERVALS = 2.0
"""A customer's own repurchase interval is shrunk to the product's as if by so many intervals."""


NAN = float("nan")
OWN_COLUMNS: dict[str, float] = {
    "own_count": 0.0, "own_rate": 0.0, "own_days": NAN, "own_due": NAN, "own_quantity": NAN, "own_long": 0.0,
    "own_short": 0.0, "due": 0.0, "own_interval": NAN,
}  # fmt: skip
"""What is known of an own product, and what comes out for a product that the customer never bought. The last is the
expected days between two purchases."""
OF_CANDIDATE = ("own_long", "own_short", "due")
"""The columns that the first score sees."""


@dataclass(frozen=True)
class RequestTensors:
    """One request; "no item" is the index n_items. W = the distinct known products of history and paid cart, + 1."""

    cart: Value
    """(B <= MAX_CART,) int64 known products, ascending, without duplicates."""
    whole_cart: Value
    """(D,) the same, however many."""
    ones_of_cart: Value
    """(B,) float32."""
    after_payment: Value
    """(1,) bool."""
    is_confirmation: Value
    """(1,) bool: the cart has just been paid for."""
    own: Value
    """(W,) int64 distinct products of the history, ascending, and "no item"."""
    own_count: Value
    """(W,) float32 lines of the product, 0 for "no item"."""
    own_long: Value
    """(W,) float32 decayed lines, 0 for "no item"."""
    own_weight: Value
    """(1,) float32 the sum of own_long, above 0."""
    n_orders: Value
    """(1,) float32 distinct times of purchase in the history."""
    last_age: Value
    """(1,) float32 days since the last order; FAR_DAYS without history."""
    first_age: Value
    """(1,) float32 days since the first order; 0 without history."""
    taste: Value
    """(1, F) float32 the history folded into the factors of customers; zeros without history."""
    own_columns: dict[str, Value]
    """OWN_COLUMNS -> (W,) float32."""


def read_request(
    graph: GraphBuilder, tables: ShopTables, cart: Value, history: Value, age: Value, quantity: Value, moment: Value
) -> RequestTensors:
    """Canonical cart and own products.

    cart (B,), history (H,) int64 item indices; age, quantity (H,) float32; moment (1,) int64.
    The order of the cart and duplicates in it change nothing; lines of the future (age < 0) are ignored. After payment
    the cart counts as own products of age 0.
    """
    no_item = tables.n_items
    whole_cart = distinct(graph, cart, no_item)
    after_payment = moment >= FIRST_PAID_MOMENT
    # Behind the paid cart an entry of "no item", so that there is always one, and always the last of the order.
    paid = graph.concat([graph.where(after_payment, whole_cart, no_item), graph.full(no_item, 1)])
    item = graph.concat([graph.where(age < 0.0, no_item, history), paid])
    age = graph.concat([age, graph.full(0.0, paid.dim())])
    quantity = graph.concat([quantity, graph.full(1.0, paid.dim())])
    known = item < no_item
    times, _ = graph.where(known, age, FAR_DAYS).sorted(k=age.dim(), largest=False)
    n_orders = times.kept(run_starts(graph, times, -1.0)).dim().floats() - 1.0
    own, sums, extremes = own_products(graph, tables, item, known.floats(), age, quantity)
    count, short, long, pieces = (sums.row(i) for i in range(4))
    last, first = (extremes.row(i) for i in range(2))
    cart = whole_cart.slice(0, MAX_CART)
    return RequestTensors(
        cart=cart,
        whole_cart=whole_cart,
        ones_of_cart=graph.full(1.0, cart.dim()),
        after_payment=after_payment,
        is_confirmation=moment.equal(MOMENTS.index("order-confirmation")),
        own=own,
        own_count=count,
        own_long=long,
        own_weight=graph.op("Max", long.sum(), 1e-6),
        own_columns=own_columns(graph, tables, own, n_orders, count, pieces, short, long, first, last),
        n_orders=n_orders,
        last_age=times.slice(0, 1),
        first_age=(age * known.floats()).max(),
        taste=folded_in(graph, tables, own, long),
    )


def folded_in(graph: GraphBuilder, tables: ShopTables, own: Value, long: Value) -> Value:
    """(1, F) the customer's factors by one least-squares step over the own products, decayed counts as weights."""
    weighted = (long + 1.0).op("Log").unsqueeze(0).op("MatMul", factors_of(graph, tables, own))
    # The factors of orders behind them count for nothing here.
    solve = np.zeros((tables.factor_width, tables.taste.solve.shape[1]), dtype=np.float32)
    solve[: len(tables.taste.solve)] = tables.taste.solve
    return weighted.op("MatMul", graph.constant(solve, "taste_solve"))


def factors_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """(U, F + factors of orders) float32 of items (U,): the factors of customers, then those of orders.

    Only supported products have any; one row of zeros serves all others.
    """
    last = tables.vocabulary.supported
    joined = np.concatenate([tables.taste.factors, tables.factors], axis=1)[:last]
    rows = np.concatenate([joined, np.zeros((1, joined.shape[1]), dtype=np.float32)])
    return graph.halves(rows, "factors_of_item").rows_at(graph.op("Min", item, last)).floats()


def distinct(graph: GraphBuilder, items: Value, no_item: int) -> Value:
    """(D,) the distinct known items in ascending order."""
    ordered, _ = items.sorted(k=items.dim(), largest=False)
    return ordered.kept(run_starts(graph, ordered, -1) & (ordered < no_item))


def run_starts(graph: GraphBuilder, ordered: Value, before: float | int) -> Value:
    """(W,) bool: where an ascending row, of at least one entry, takes a new value."""
    shifted = graph.concat([graph.full(before, 1), ordered.slice(0, -1)])
    return ~shifted.equal(ordered)


def own_products(
    graph: GraphBuilder, tables: ShopTables, item: Value, known: Value, age: Value, quantity: Value
) -> tuple[Value, Value, Value]:
    """The history by product, ascending by item, "no item" last; all (H,), known of 0 and 1, float32.

    The items (W,); (4, W) float32 the sums of lines, of lines decayed by the short and by the long half-life, and
    of pieces, 0 at "no item"; (2, W) the ages of the last and of the first purchase, which mean nothing at "no item".
    """
    rhythm = tables.rhythm
    ordered, place = item.sorted(k=item.dim(), largest=False)
    age, quantity, known = age.at(place), quantity.at(place), known.at(place)
    starts = run_starts(graph, ordered, -1)
    own = ordered.kept(starts)
    segment = starts.integers().cumsum() - 1
    rates = -np.log(2.0) / np.array([[np.inf], [rhythm.short_days], [rhythm.long_days]])
    decayed = (age * graph.constant(rates.astype(np.float32))).op("Exp")
    counted = graph.concat([decayed, quantity.unsqueeze(0)]) * known
    sums = graph.full(0.0, 4, own.dim()).scatter(segment.expand(4, 1), counted, "add", axis=1)
    signs = graph.constant(np.array([[-1.0], [1.0]], dtype=np.float32))
    extremes = graph.full(-FAR_DAYS, 2, own.dim()).scatter(segment.expand(2, 1), age * signs, "max", axis=1)
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
) -> dict[str, Value]:
    """OWN_COLUMNS -> (W,) float32; n_orders (1,), the others (W,). "No item", with a count of 0, has what they say."""
    interval = tables.vocabulary.statistics["interval_days"]
    usual = graph.constant(interval * np.float32(PRIOR_OWN_INTERVALS), "own_interval_days").at(own)
    expected = (first - last + usual) / (count + (PRIOR_OWN_INTERVALS - 1.0))
    bought = count > 0.0
    last = graph.where(bought, last, NAN)
    expected = graph.op("Max", expected, 0.5)
    due = last / expected
    return {
        "own_count": count,
        "own_rate": count / graph.op("Max", n_orders, 1.0),
        "own_days": last,
        "own_due": due,
        "own_quantity": pieces / count,
        "own_long": (long + 1.0).op("Log"),
        "own_short": short.op("Sqrt"),
        "due": graph.where(due > 0.0, graph.op("Min", due, 2.0), 0.0),
        "own_interval": expected,
    }
