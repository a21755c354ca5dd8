"""All clean order lines under codes, where an engine holds them; and the part of them that comes into memory.

What grows with the lines is counted in the engine. Requests are made of a `Timeline`: of all customers, or of a drawn
part of them where the history is long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg.errors import DataError
from mersalg_training.config import EngineConfig
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline, offsets
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.engine import Columns, Engine
from mersalg_training.engine.opening import counting_engine

PRODUCT_CODES: Final = """
SELECT product_id, CAST(row_number() OVER (ORDER BY product_id) - 1 AS INTEGER) AS product FROM products
"""
CUSTOMER_CODES: Final = """
SELECT customer_id, CAST(row_number() OVER (ORDER BY customer_id) - 1 AS INTEGER) AS customer
FROM (SELECT DISTINCT customer_id FROM lines WHERE customer_id IS NOT NULL) AS known
"""
ORDER_CODES: Final = """
SELECT o.order_id, CAST(coalesce(c.customer, -1) AS INTEGER) AS customer, epoch(o.ordered_at) / 86400e0 AS day,
       CAST(row_number() OVER (ORDER BY o.customer_id NULLS LAST, o.ordered_at, o.order_id) - 1 AS INTEGER)
           AS order_code, o.products
FROM (SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at,
             CAST(count(*) AS INTEGER) AS products
      FROM lines GROUP BY order_id) AS o LEFT JOIN customer_codes c ON c.customer_id = o.customer_id
"""
ORDER_LINES: Final = """
SELECT o.order_code, o.customer, p.product, o.day, CAST(l.quantity AS FLOAT) AS quantity,
       CAST(l.unit_price AS FLOAT) AS price, o.products
FROM lines l JOIN order_codes o ON o.order_id = l.order_id JOIN product_codes p ON p.product_id = l.product_id
"""

ORDER_DAYS: Final = "SELECT min(day) AS day FROM order_lines GROUP BY order_code ORDER BY order_code NULLS LAST"
SOLD: Final = "SELECT DISTINCT product FROM order_lines WHERE day < $before"
LATEST_ORDERS: Final = """
SELECT order_code FROM (SELECT DISTINCT order_code, day FROM order_lines WHERE day < $before) AS orders
ORDER BY day DESC NULLS LAST, order_code DESC NULLS LAST LIMIT $most
"""
LATEST_LINES: Final = """
SELECT l.order_code, l.customer, l.product
FROM order_lines l JOIN latest_orders o ON o.order_code = l.order_code
ORDER BY l.order_code NULLS LAST, l.product NULLS LAST
"""
BOUGHT: Final = """
SELECT DISTINCT l.customer, l.product FROM order_lines l JOIN drawn_units u ON u.unit = l.customer
WHERE l.customer >= 0 AND l.day < $before
"""
UNITS: Final = """
SELECT CASE WHEN customer >= 0 THEN customer ELSE -1 - order_code END AS unit, CAST(count(*) AS BIGINT) AS n_lines
FROM order_lines GROUP BY unit ORDER BY unit NULLS LAST
"""
"""Customers, and the orders of nobody, with the lines of each."""
DRAWN_ORDERS: Final = """
SELECT o.order_code, o.order_id, o.customer, o.day
FROM order_codes o JOIN drawn_units u ON u.unit = CASE WHEN o.customer >= 0 THEN o.customer ELSE -1 - o.order_code END
"""
DRAWN_LINES: Final = """
SELECT l.order_code, l.product, l.quantity, l.price
FROM order_lines l JOIN drawn_orders o ON o.order_code = l.order_code ORDER BY l.order_code, l.product
"""
DRAWN_CUSTOMERS: Final = """
SELECT customer_id FROM customer_codes c JOIN drawn_units u ON u.unit = c.customer ORDER BY customer
"""
CODES: Final = {
    "product_codes": PRODUCT_CODES,
    "customer_codes": CUSTOMER_CODES,
    "order_codes": ORDER_CODES,
    "order_lines": ORDER_LINES,
}
"""Made in this order of the tables `lines` and `products` that the data contract leaves."""


@dataclass(frozen=True)
class CodedLines:
    """(n,) codes of some order lines, by order and product; the customer is UNKNOWN where nobody knows."""

    order: Int64
    customer: Int64
    product: Int64


@dataclass(frozen=True)
class History:
    """The table `order_lines` of an engine: order_code, customer, product, day, quantity, price, products.

    Codes count from 0; a customer is -1 where nobody knows. Orders ascend by customer, time and id, those of nobody
    last. quantity and price are single precision, price NaN or NULL where it is unknown; products: of the line's order.
    """

    engine: Engine
    n_products: int

    def timeline(self, most_lines: int | None = None, seed: int = 0) -> Timeline:
        """The lines of all customers and of the orders of nobody, or of as many drawn ones as have `most_lines`."""
        return self.timeline_of(self.drawn_units(most_lines, seed))

    def timeline_of(self, units: Int64) -> Timeline:
        """The lines of some customers and orders of nobody, numbered as in UNITS.

        Products keep their codes; customers and orders are numbered anew.
        """
        engine = self.engine
        engine.lay("drawn_units", {"unit": units})
        engine.make("drawn_orders", DRAWN_ORDERS)
        orders = engine.rows("SELECT * FROM drawn_orders ORDER BY order_code")
        lines, customers = engine.rows(DRAWN_LINES), engine.rows(DRAWN_CUSTOMERS)
        product_ids = engine.rows("SELECT product_id FROM product_codes ORDER BY product_id")
        engine.drop("drawn_units", "drawn_orders")
        return timeline_of(orders, lines, texts(customers["customer_id"]), texts(product_ids["product_id"]))

    def drawn_units(self, most_lines: int | None, seed: int) -> Int64:
        """(n,) the units in the order of a draw, as many as have `most_lines`; fewer lines draw a part of the same.

        One at least: a single customer may have more lines than that.
        """
        unit, n_lines = self.units
        if most_lines is None or int(n_lines.sum()) <= most_lines:
            return unit
        order = np.random.default_rng([seed, 17]).permutation(len(unit))
        few = max(1, np.count_nonzero(np.cumsum(n_lines[order]) <= most_lines))
        return unit[order[:few]]

    def drawn_note(self, timeline: Timeline) -> list[str]:
        """A sentence where the timeline holds a part of the history."""
        lines = self.n_lines
        if timeline.n_lines == lines:
            return []
        return [
            f"{timeline.n_lines:,} of {lines:,} lines are in memory (engine.drawn_lines), those of "
            f"{len(timeline.customer_ids):,} drawn customers and of drawn orders of nobody: of them are requests, "
            "evaluation and baselines, while counts are of all"
        ]

    @cached_property
    def units(self) -> tuple[Int64, Int64]:
        """(n_units,) customers, and below 0 the orders of nobody; the lines of each."""
        units = self.engine.rows(UNITS)
        return np.asarray(units["unit"], dtype=np.int64), np.asarray(units["n_lines"], dtype=np.int64)

    @cached_property
    def n_lines(self) -> int:
        """All lines."""
        return int(self.engine.rows("SELECT count(*) AS n FROM order_lines")["n"][0])

    @cached_property
    def order_day(self) -> Float64:
        """(n_orders,) days since 1970-01-01, by order code."""
        return np.asarray(self.engine.rows(ORDER_DAYS)["day"], dtype=np.float64)

    def sold_before(self, day: float) -> Int64:
        """The codes of the products that were sold before a day, ascending."""
        return np.sort(np.asarray(self.engine.rows(SOLD, before=day)["product"], dtype=np.int64))

    def lines_before(self, day: float) -> int:
        """How many lines lie before a day."""
        return int(self.engine.rows("SELECT count(*) AS n FROM order_lines WHERE day < $day", day=day)["n"][0])

    def ending(self, day: float) -> History:
        """The history without the lines from a day on, which are forgotten here, too."""
        self.engine.make("order_lines", "SELECT * FROM order_lines WHERE day < $day", day=day)
        return History(self.engine, self.n_products)

    def forget_ids(self) -> None:
        """Drop the tables that hold the ids of customers and orders, and those that the codes were made of."""
        self.engine.drop("lines", "order_codes", "customer_codes", "product_codes")

    def where_it_is_counted(self, config: EngineConfig) -> History:
        """The same history, on the cluster if one is named, to which `order_lines` alone is brought."""
        if not isinstance(self.engine, DuckDBEngine):
            return self
        return History(counting_engine(self.engine, "order_lines", config), self.n_products)

    def latest_lines(self, before_day: float, most_orders: int) -> CodedLines:
        """The lines of the latest orders before a day."""
        self.engine.make("latest_orders", LATEST_ORDERS, before=before_day, most=most_orders)
        lines = self.engine.rows(LATEST_LINES)
        self.engine.drop("latest_orders")
        return CodedLines(*(np.asarray(lines[name], dtype=np.int64) for name in ("order_code", "customer", "product")))

    def bought_by(self, before_day: float, most_lines: int, seed: int) -> tuple[Int64, Int64]:
        """(n,) customer and product, each pair once, of customers who have at most so many lines: what they bought."""
        self.engine.lay("drawn_units", {"unit": self.drawn_units(most_lines, seed)})
        pairs = self.engine.rows(BOUGHT, before=before_day)
        self.engine.drop("drawn_units")
        return np.asarray(pairs["customer"], dtype=np.int64), np.asarray(pairs["product"], dtype=np.int64)


def check_company(connection: duckdb.DuckDBPyConnection) -> None:
    """DataError where the contract's `lines` have one product, one customer, or nothing that goes with anything.

    That is where no order holds two products and no known customer comes back.
    """
    lines, orders, products, customers, known = connection.execute("""
        SELECT count(*), count(DISTINCT order_id), count(DISTINCT product_id), count(DISTINCT customer_id),
               count(DISTINCT order_id) FILTER (WHERE customer_id IS NOT NULL)
        FROM lines
    """).fetchall()[0]
    if products == 1:
        raise DataError(
            "data.orders: expected lines of several products, got one product in all of them; "
            "map product_id to the column that tells products apart"
        )
    if customers == 1 and known == orders:
        raise DataError(
            "data.orders: expected orders of several customers, got one customer in all of them; "
            "map customer_id to the column that tells customers apart, or say that there is none:\n"
            '[data.columns]\n  customer_id = "NULL"'
        )
    if lines == orders and known == customers:
        raise DataError(
            "data.orders: expected orders of several products, or customers who come back; "
            f"got {orders} orders of one product each, which teach nothing; "
            "map order_id to what the lines of a basket share, or customer_id"
        )


def read_history(connection: duckdb.DuckDBPyConnection) -> History:
    """Code the tables `lines` and `products` that the data contract leaves."""
    engine = DuckDBEngine(connection)
    for table, select in CODES.items():
        engine.make(table, select)
    return History(engine, int(engine.rows("SELECT count(*) AS n FROM product_codes")["n"][0]))


def history_of(timeline: Timeline, config: EngineConfig) -> History:
    """The lines of a timeline in an engine of their own."""
    engine, order = DuckDBEngine.open(config), timeline.line_order
    engine.lay(
        "order_lines",
        {
            "order_code": order,
            "customer": timeline.order_customer[order],
            "product": timeline.line_product,
            "day": timeline.line_day,
            "quantity": timeline.line_quantity,
            "price": timeline.line_price,
            "products": np.diff(timeline.order_start)[order],
        },
    )
    return History(engine, len(timeline.product_ids))


def timeline_of(orders: Columns, lines: Columns, customer_ids: list[str], product_ids: list[str]) -> Timeline:
    """A timeline of orders and their lines, both by ascending order code."""
    order_code = np.asarray(orders["order_code"], dtype=np.int64)
    customer = np.asarray(orders["customer"], dtype=np.int64)
    known = customer != UNKNOWN
    _, place = np.unique(customer[known], return_inverse=True)
    order_customer = np.full(len(customer), UNKNOWN, dtype=np.int32)
    order_customer[known] = place
    order = np.searchsorted(order_code, np.asarray(lines["order_code"], dtype=np.int64))
    return Timeline(
        product_ids=product_ids,
        customer_ids=customer_ids,
        order_ids=texts(orders["order_id"]),
        line_product=np.asarray(lines["product"], dtype=np.int32),
        line_quantity=np.asarray(lines["quantity"], dtype=np.float32),
        line_price=np.ma.filled(np.ma.asarray(lines["price"], dtype=np.float32), np.nan),
        order_start=offsets(order, len(order_code)),
        order_customer=order_customer,
        order_day=np.asarray(orders["day"], dtype=np.float64),
        customer_start=offsets(order_customer[known], len(customer_ids)),
    )


def texts(values: npt.NDArray[np.generic]) -> list[str]:
    """A column of ids."""
    return [str(value) for value in values.tolist()]
