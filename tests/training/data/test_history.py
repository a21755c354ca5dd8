"""Claims: of a long history a part comes into memory, of whole customers; what is asked of all of it is of all."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from mersalg_training.data.history import History, read_history
from mersalg_training.data.timeline import UNKNOWN
from small_history import Order, history_of, make_timeline

PRICES = {"bread": 3.0, "jam": 4.0, "milk": 1.0}
ORDERS = [
    Order("ann", 1, "milk bread"),
    Order("ann", 7, "milk"),
    Order("bob", 9, "jam milk"),
    Order("cat", 7, "bread"),
    Order(None, 3, "jam bread"),
]


def of_orders() -> History:
    return history_of(make_timeline(ORDERS, PRICES))


def of_tables(n: int = 200) -> History:
    """Customers c0, c1, ... of 1 to 4 orders of two lines, and every fifth order of nobody."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products AS SELECT unnest(['bread', 'jam', 'milk']) AS product_id")
    connection.execute(
        """
        CREATE TABLE lines AS
        SELECT CASE WHEN o % 5 > 0 THEN 'c' || (o % $n) END AS customer_id, 'o' || o AS order_id, p AS product_id,
               TIMESTAMP '2026-01-01' + INTERVAL (o) HOUR AS ordered_at, 1.0 AS quantity, 2.0 AS unit_price
        FROM range($n * 3) r(o), (SELECT unnest(['milk', 'bread']) AS p) q
        """,
        {"n": n},
    )
    return read_history(connection)


def test_the_latest_lines_are_those_of_the_latest_orders_and_of_one_day_the_higher_code_is_later() -> None:
    history = of_orders()
    days = history.order_day.tolist()
    assert days == [1.0, 7.0, 9.0, 7.0, 3.0]
    for most, orders in ((1, {2}), (2, {2, 3}), (3, {1, 2, 3}), (9, {0, 1, 2, 3, 4})):
        lines = history.latest_lines(100.0, most)
        assert set(lines.order.tolist()) == orders
        assert lines.order.tolist() == sorted(lines.order.tolist())
    before = history.latest_lines(7.0, 9)
    assert set(before.order.tolist()) == {0, 4}
    assert before.customer.tolist() == [0, 0, UNKNOWN, UNKNOWN]


def test_what_was_sold_and_how_much_before_a_day() -> None:
    history = of_orders()
    assert history.sold_before(3.0).tolist() == [0, 2]
    assert history.lines_before(7.0) == 4
    assert history.n_lines == 8


def test_what_is_bought_by_drawn_customers_is_all_that_they_bought_before_a_day() -> None:
    history = of_orders()
    everyone = set(zip(*(codes.tolist() for codes in history.bought_by(9.0, 100, 1)), strict=True))
    assert everyone == {(0, 2), (0, 0), (2, 0)}
    few = {seed: history.bought_by(100.0, 4, seed) for seed in (1, 2, 3, 4)}
    all_of = {0: {0, 2}, 1: {1, 2}, 2: {0}}
    for customer, product in few.values():
        assert {c: set(product[customer == c].tolist()) for c in set(customer.tolist())} == {
            c: all_of[c] for c in set(customer.tolist())
        }
    assert 0 < max(len(set(customer.tolist())) for customer, _ in few.values()) < 3
    assert len({tuple(sorted(customer.tolist())) for customer, _ in few.values()}) > 1


def test_without_a_limit_the_timeline_holds_all() -> None:
    history = of_tables()
    timeline = history.timeline()
    assert (timeline.n_lines, timeline.n_orders) == (1200, 600)
    assert len(timeline.customer_ids) == 160
    assert timeline.order_day.tolist() == history.order_day.tolist()


@pytest.mark.parametrize("seed", [0, 7])
def test_a_long_history_comes_as_whole_customers_and_whole_orders_of_nobody(seed: int) -> None:
    history = of_tables()
    whole, part = history.timeline(), history.timeline(500, seed)
    assert 480 <= part.n_lines <= 500
    of_customer = dict(zip(*np.unique(whole.order_customer, return_counts=True), strict=True))
    orders = dict(zip(whole.customer_ids, (of_customer[c] for c in range(len(whole.customer_ids))), strict=True))
    assert np.diff(part.customer_start).tolist() == [orders[customer] for customer in part.customer_ids]
    assert (part.order_customer == UNKNOWN).any()
    assert set(part.order_ids) < set(whole.order_ids)
    place = {order: code for code, order in enumerate(whole.order_ids)}
    for code, order in enumerate(part.order_ids):
        there = whole.line_product[whole.order_lines(place[order])]
        assert part.line_product[part.order_lines(code)].tolist() == there.tolist()
        assert part.order_day[code] == whole.order_day[place[order]]
    assert part.product_ids == whole.product_ids
    again = history.timeline(500, seed)
    assert again.order_ids == part.order_ids
    assert history.timeline(500, seed + 1).order_ids != part.order_ids


def test_a_history_that_ends_earlier_knows_nothing_later() -> None:
    history = of_orders().ending(7.0)
    assert history.order_day.tolist() == [1.0, 3.0]
    assert history.sold_before(100.0).tolist() == [0, 1, 2]
    assert history.lines_before(100.0) == 4
    later = history_of(make_timeline([Order("ann", 50, "milk"), Order("bob", 1, "jam")], PRICES)).ending(9.0)
    assert later.bought_by(100.0, 100, 1)[0].tolist() == [1]


def test_ids_are_forgotten_but_the_lines_are_not() -> None:
    history = of_tables()
    history.forget_ids()
    assert history.n_lines == 1200
    with pytest.raises(duckdb.CatalogException):
        history.engine.rows("SELECT * FROM order_codes")
