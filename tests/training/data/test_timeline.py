"""Claims: clean lines become arrays in which an order and a history are slices."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from mersalg_training.data.history import read_history
from mersalg_training.data.timeline import UNKNOWN, Timeline, offsets, plain
from small_history import named

LINES = """
SELECT * FROM (VALUES
    ('zoe', 'o3', 'milk', TIMESTAMP '1970-01-03 12:00:00', 2.0, 1.5),
    ('zoe', 'o3', 'bread', TIMESTAMP '1970-01-03 12:00:00', 1.0, NULL),
    ('zoe', 'o1', 'milk', TIMESTAMP '1970-01-02 00:00:00', 1.0, 1.0),
    (NULL, 'o2', 'milk', TIMESTAMP '1970-01-01 06:00:00', 1.0, 1.0),
    ('amy', 'o4', 'bread', TIMESTAMP '1970-01-09 00:00:00', 3.0, 2.0)
) t(customer_id, order_id, product_id, ordered_at, quantity, unit_price)
"""


def read(lines: str = LINES, products: tuple[str, ...] = ("milk", "bread", "never sold")) -> Timeline:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE lines AS {lines}")
        connection.execute("CREATE TABLE products AS SELECT unnest($1) AS product_id", [list(products)])
        return read_history(connection).timeline()


def test_orders_go_by_customer_and_time_and_those_of_nobody_come_last() -> None:
    timeline = read()
    assert timeline.customer_ids == ["amy", "zoe"]
    assert timeline.order_ids == ["o4", "o1", "o3", "o2"]
    assert timeline.order_customer.tolist() == [0, 1, 1, UNKNOWN]
    assert timeline.customer_start.tolist() == [0, 1, 3]


def test_products_are_codes_of_all_products_by_ascending_id() -> None:
    timeline = read()
    assert timeline.product_ids == ["bread", "milk", "never sold"]
    assert named(timeline, timeline.line_product[timeline.order_lines(2)]) == ["bread", "milk"]


def test_days_count_from_1970_with_the_time_of_day_as_a_fraction() -> None:
    timeline = read()
    assert timeline.order_day.tolist() == [8.0, 1.0, 2.5, 0.25]
    assert timeline.line_day.tolist() == [8.0, 1.0, 2.5, 2.5, 0.25]


def test_an_unknown_price_is_nan() -> None:
    timeline = read()
    assert np.isnan(timeline.line_price).tolist() == [False, False, True, False, False]
    assert timeline.line_quantity.tolist() == [3.0, 1.0, 1.0, 2.0, 1.0]


def test_a_history_is_the_same_customers_earlier_lines_alone() -> None:
    timeline = read()
    histories = [named(timeline, timeline.line_product[timeline.history_before(order)]) for order in range(4)]
    assert histories == [[], [], ["milk"], []]


def test_without_any_customer_every_order_is_nobodys() -> None:
    timeline = read(f"SELECT * REPLACE (CAST(NULL AS VARCHAR) AS customer_id) FROM ({LINES})")
    assert timeline.customer_ids == []
    assert set(timeline.order_customer.tolist()) == {UNKNOWN}
    assert timeline.order_ids == ["o2", "o1", "o3", "o4"]
    assert all(timeline.history_before(order) == slice(s, s) for order, s in enumerate(timeline.order_start[:-1]))


def test_null_stays_none_whether_or_not_the_column_is_masked() -> None:
    masked = np.ma.masked_array(np.array(["a", "?"], dtype=object), mask=[False, True])
    assert plain(masked) == ["a", None]
    assert plain(np.array(["a", "?"], dtype=object)) == ["a", "?"]


@pytest.mark.parametrize(("codes", "n", "expected"), [([0, 0, 2], 3, [0, 2, 2, 3]), ([], 2, [0, 0, 0])])
def test_offsets_say_where_each_run_starts(codes: list[int], n: int, expected: list[int]) -> None:
    assert offsets(np.array(codes, dtype=np.int64), n).tolist() == expected
