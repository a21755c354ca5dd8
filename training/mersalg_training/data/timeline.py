"""Order lines as arrays in which a customer's history is one slice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

UNKNOWN = -1
"""The code of no customer, no type, no category, no brand."""


@dataclass(frozen=True)
class Timeline:
    """Clean order lines, sorted by customer, time and order; orders without a customer come last.

    A product code is a position in `product_ids`; the same for customers and orders. A line belongs to one order,
    and a product stands at most once in an order.
    """

    product_ids: list[str]
    customer_ids: list[str]
    order_ids: list[str]
    line_product: Int32
    """(n_lines,) product code."""
    line_quantity: Float32
    line_price: Float32
    """(n_lines,) price paid for one; NaN = unknown."""
    order_start: Int64
    """(n_orders + 1,) the lines of order o are order_start[o] : order_start[o + 1]."""
    order_customer: Int32
    """(n_orders,) customer code, UNKNOWN without one."""
    order_day: Float64
    """(n_orders,) days since 1970-01-01, with the time of day as a fraction."""
    customer_start: Int64
    """(n_customers + 1,) the orders of customer c are customer_start[c] : customer_start[c + 1]."""

    @property
    def n_lines(self) -> int:
        """Lines of all orders."""
        return len(self.line_product)

    @property
    def n_orders(self) -> int:
        """Orders of all customers, and of none."""
        return len(self.order_customer)

    @cached_property
    def line_order(self) -> Int32:
        """(n_lines,) the order of each line."""
        return np.repeat(np.arange(self.n_orders, dtype=np.int32), np.diff(self.order_start))

    @cached_property
    def line_day(self) -> Float64:
        """(n_lines,) the day of each line."""
        return self.order_day[self.line_order]

    def order_lines(self, order: int) -> slice:
        """The lines of an order."""
        return slice(int(self.order_start[order]), int(self.order_start[order + 1]))

    def history_before(self, order: int) -> slice:
        """The lines of the same customer's earlier orders; empty without a customer."""
        customer = int(self.order_customer[order])
        first = int(self.customer_start[customer]) if customer != UNKNOWN else order
        return slice(int(self.order_start[first]), int(self.order_start[order]))


def read_timeline(connection: duckdb.DuckDBPyConnection) -> Timeline:
    """Read the tables `lines` and `products` that the data contract leaves."""
    product_ids = column(connection, "SELECT product_id FROM products ORDER BY product_id")
    customer_ids = column(
        connection, "SELECT DISTINCT customer_id FROM lines WHERE customer_id IS NOT NULL ORDER BY customer_id"
    )
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE order_codes AS
        SELECT order_id, customer_id, ordered_at,
               row_number() OVER (ORDER BY customer_id NULLS LAST, ordered_at, order_id) - 1 AS order_code
        FROM (SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at
              FROM lines GROUP BY order_id)
    """)
    orders = connection.execute("""
        SELECT o.order_id, o.customer_id, epoch(o.ordered_at) / 86400.0 AS day
        FROM order_codes o ORDER BY order_code
    """).fetchnumpy()
    lines = connection.execute("""
        WITH codes AS (SELECT product_id, row_number() OVER (ORDER BY product_id) - 1 AS product_code FROM products)
        SELECT o.order_code, c.product_code, l.quantity, l.unit_price
        FROM lines l JOIN order_codes o USING (order_id) JOIN codes c USING (product_id)
        ORDER BY o.order_code, c.product_code
    """).fetchnumpy()
    code_of_customer = {customer: code for code, customer in enumerate(customer_ids)}
    order_customer = np.array(
        [UNKNOWN if c is None else code_of_customer[c] for c in plain(orders["customer_id"])], dtype=np.int32
    )
    known = order_customer[order_customer != UNKNOWN]
    order_code = np.asarray(lines["order_code"], dtype=np.int64)
    return Timeline(
        product_ids=product_ids,
        customer_ids=customer_ids,
        order_ids=[str(order_id) for order_id in plain(orders["order_id"])],
        line_product=np.asarray(lines["product_code"], dtype=np.int32),
        line_quantity=np.asarray(lines["quantity"], dtype=np.float32),
        line_price=np.ma.filled(np.ma.asarray(lines["unit_price"], dtype=np.float64), np.nan).astype(np.float32),
        order_start=offsets(order_code, len(order_customer)),
        order_customer=order_customer,
        order_day=np.asarray(orders["day"], dtype=np.float64),
        customer_start=offsets(known, len(customer_ids)),
    )


def offsets(codes: npt.NDArray[np.integer], n: int) -> Int64:
    """(n + 1,) where each code's run starts in an ascending array of codes 0 .. n - 1."""
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n))]).astype(np.int64)


def column(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """The only column of a query as a list."""
    return [row[0] for row in connection.execute(query).fetchall()]


def plain(values: npt.NDArray[np.object_] | np.ma.MaskedArray) -> list[str | None]:
    """A column of strings as a list, with None where the database has NULL."""
    return list(values.tolist())  # of a masked array, None where it is masked
