"""What past orders say, counted in portable SQL: products, pairs in a basket, follow-on pairs, intervals, switches.

Only equi-joins, grouping, `row_number`/`lag` windows and arithmetic on integers and epoch days are used, so that the
same statements run on a cluster's engine. Every statement reads `count_lines`, which holds the lines before the cut.
Statements with a column `customers` go through `well_known`, which alone applies `privacy.min_customers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config
from mersalg_training.data.timeline import Timeline

Columns = dict[str, npt.NDArray[np.generic]]

PRODUCTS = """
SELECT product, count(*) AS orders, count(DISTINCT unit) AS customers, min(day) AS first_day, max(day) AS last_day,
       median(price) AS price, sum(products - 1) AS company,
       sum(CASE WHEN day >= $cut - $month THEN 1 ELSE 0 END) AS month_orders,
       sum(CASE WHEN day >= $cut - $week THEN 1 ELSE 0 END) AS week_orders
FROM count_lines GROUP BY product
"""

REPEATS = """
SELECT product, count(*) AS customers, sum(CASE WHEN times > 1 THEN 1 ELSE 0 END) AS repeaters
FROM (SELECT product, customer, count(*) AS times FROM count_lines WHERE customer >= 0 GROUP BY product, customer)
GROUP BY product
"""

INTERVALS = """
SELECT product, median(gap) AS interval_days, count(*) AS intervals, count(DISTINCT customer) AS customers
FROM (SELECT customer, product, day - lag(day) OVER (PARTITION BY customer, product ORDER BY day) AS gap
      FROM count_lines WHERE customer >= 0)
WHERE gap > 0.5 GROUP BY product
"""

ORDER_GAPS = """
SELECT median(gap) AS gap FROM (
    SELECT day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap
    FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0))
WHERE gap > 0.5
"""

PAIRS_OF_CUSTOMERS = """
CREATE OR REPLACE TEMP TABLE pairs_of_customers AS
SELECT a.product AS a, b.product AS b, a.unit, count(*) AS n
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product < b.product
GROUP BY a.product, b.product, a.unit
"""

PRODUCT_PAIRS = """
SELECT a, b, CAST(sum(n) AS BIGINT) AS n, count(*) AS customers FROM pairs_of_customers
GROUP BY a, b HAVING sum(n) >= $min_pairs
"""

TYPE_PAIRS = """
WITH both_ways AS (
    SELECT a, b, unit, n FROM pairs_of_customers UNION ALL SELECT b AS a, a AS b, unit, n FROM pairs_of_customers),
of_customers AS (
    SELECT t.product_type AS a, p.b AS b, p.unit, sum(p.n) AS n
    FROM both_ways p JOIN product_types t ON t.product = p.a
    WHERE t.product_type < $types GROUP BY t.product_type, p.b, p.unit)
SELECT a, b, CAST(sum(n) AS BIGINT) AS n, count(*) AS customers FROM of_customers
GROUP BY a, b HAVING sum(n) >= $min_pairs
"""

NEXT_ORDERS = """
CREATE OR REPLACE TEMP TABLE next_orders AS
SELECT order_code, next_order, customer
FROM (SELECT customer, order_code, day,
             lead(order_code) OVER (PARTITION BY customer ORDER BY day, order_code) AS next_order,
             lead(day) OVER (PARTITION BY customer ORDER BY day, order_code) AS next_day
      FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0))
WHERE next_day - day <= $follow_days
"""

FIRST_LINES = """
CREATE OR REPLACE TEMP TABLE first_lines AS
SELECT l.order_code, l.product, f.product IS NOT NULL AS is_frequent
FROM (SELECT order_code, product, day, min(day) OVER (PARTITION BY customer, product) AS first_day
      FROM count_lines WHERE customer >= 0) l
LEFT JOIN frequent_products f ON f.product = l.product
WHERE l.day = l.first_day AND l.order_code IN (SELECT next_order FROM next_orders)
"""

FOLLOW_PAIRS = """
WITH of_customers AS (
    SELECT e.product AS a, l.product AS b, v.customer, count(*) AS n
    FROM next_orders v JOIN frequent_lines e ON e.order_code = v.order_code
    JOIN first_lines l ON l.order_code = v.next_order
    WHERE l.is_frequent AND e.product <> l.product
    GROUP BY e.product, l.product, v.customer)
SELECT a, b, CAST(sum(n) AS BIGINT) AS n, count(*) AS customers FROM of_customers
GROUP BY a, b HAVING sum(n) >= $min_pairs
"""

FOLLOWED = """
SELECT l.product, count(*) AS n, CAST(sum(coalesce(f.lines, 0)) AS BIGINT) AS company
FROM next_orders v JOIN count_lines l ON l.order_code = v.order_code
LEFT JOIN (SELECT order_code, count(*) AS lines FROM first_lines GROUP BY order_code) f ON f.order_code = v.next_order
GROUP BY l.product
"""

FIRSTS = "SELECT product, count(*) AS n FROM first_lines GROUP BY product"

SWITCHES = """
SELECT previous AS a, product AS b, count(*) AS n, count(DISTINCT customer) AS customers
FROM (SELECT l.customer, l.product,
             lag(l.product) OVER (PARTITION BY l.customer, t.product_type ORDER BY l.day, l.product) AS previous
      FROM count_lines l JOIN product_types t ON t.product = l.product
      WHERE l.customer >= 0 AND t.product_type < $types)
WHERE previous IS NOT NULL AND previous <> product
GROUP BY previous, product
"""


@dataclass(frozen=True)
class PairCounts:
    """Directed counts: b was bought with, or after, a in n orders of so many customers."""

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    n: npt.NDArray[np.float64]
    customers: npt.NDArray[np.float64]
    """Distinct; an order without a customer counts as one."""


@dataclass(frozen=True)
class LeftOut:
    """How much rests on fewer than `privacy.min_customers` distinct customers, and is therefore in no table."""

    products: int
    """Products in `counts.min_support` orders or more, without neighbours and factors of their own."""
    pairs: int
    """Pairs of other products in one order."""
    type_pairs: int
    """Pairs of a product type and another product in one order."""
    follow_pairs: int
    switches: int
    intervals: int
    """Products without a repurchase interval of their own."""
    repeats: int
    """Products without a share of buyers who came back of their own."""


@dataclass(frozen=True)
class Counts:
    """Counts of the lines before the cut. Products are product codes of the timeline."""

    cut_day: float
    orders: int
    products: Columns
    """By product: orders, customers, days, prices, and its company: the other products of the orders that hold it."""
    repeats: Columns
    intervals: Columns
    followed: Columns
    """By product: orders with it that another follows, and its company: the products first bought in those."""
    firsts: Columns
    """By product: orders of `followed` in which a customer bought it first."""
    basket: PairCounts
    by_type: PairCounts
    """a is a product type's code."""
    follow: PairCounts
    """b is new to the customer in the next order after one with a."""
    switches: PairCounts
    """b was the customer's next purchase within the product type after a."""
    order_gap_days: float
    """Median days between two orders of a customer; NaN without customers."""
    left_out: LeftOut


def count_purchases(
    timeline: Timeline, product_type: npt.NDArray[np.int32], n_types: int, cut_day: float, config: Config
) -> Counts:
    """Count all lines before `cut_day` (days since 1970-01-01).

    product_type: (n_products,) int32 codes, `n_types` = unknown. Pairs, switches, intervals and repeats that rest on
    fewer than `privacy.min_customers` distinct customers are left out.
    """
    counts, least = config.counts, config.privacy.min_customers
    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "6GB"}) as connection:
        orders = register_lines(connection, timeline, product_type, cut_day, config)
        connection.execute(PAIRS_OF_CUSTOMERS)
        connection.execute(NEXT_ORDERS, {"follow_days": counts.follow_days})
        connection.execute(FIRST_LINES)
        query, known = partial(run_query, connection), partial(well_known, connection, least)
        gap = query(ORDER_GAPS)["gap"]
        products = query(PRODUCTS, cut=cut_day, month=28.0, week=7.0)
        repeats, rare_repeats = known(REPEATS)
        intervals, rare_intervals = known(INTERVALS)
        basket, rare_pairs = known(PRODUCT_PAIRS, min_pairs=counts.min_pairs)
        by_type, rare_type_pairs = known(TYPE_PAIRS, types=n_types, min_pairs=counts.min_pairs)
        follow, rare_follow_pairs = known(FOLLOW_PAIRS, min_pairs=counts.min_pairs)
        switches, rare_switches = known(SWITCHES, types=n_types)
        orders_of, customers_of = (np.asarray(products[name], dtype=np.int64) for name in ("orders", "customers"))
        return Counts(
            cut_day=cut_day,
            orders=orders,
            products=products,
            repeats=repeats,
            intervals=intervals,
            followed=query(FOLLOWED),
            firsts=query(FIRSTS),
            basket=pairs(both_ways(basket)),
            by_type=pairs(by_type),
            follow=pairs(follow),
            switches=pairs(switches),
            order_gap_days=float(np.ma.filled(np.ma.asarray(gap, dtype=np.float64), np.nan)[0]),
            left_out=LeftOut(
                products=int(np.count_nonzero((orders_of >= counts.min_support) & (customers_of < least))),
                pairs=rare_pairs,
                type_pairs=rare_type_pairs,
                follow_pairs=rare_follow_pairs,
                switches=rare_switches,
                intervals=rare_intervals,
                repeats=rare_repeats,
            ),
        )


def register_lines(
    connection: duckdb.DuckDBPyConnection,
    timeline: Timeline,
    product_type: npt.NDArray[np.int32],
    cut_day: float,
    config: Config,
) -> int:
    """Make `count_lines`, `frequent_products`, `frequent_lines` and `product_types`; the orders before the cut.

    A line's unit is its customer, or its order where the customer is not known.
    """
    before = timeline.line_day < cut_day
    order_code = timeline.line_order[before]
    line_columns = {
        "order_code": order_code,
        "customer": timeline.order_customer[order_code],
        "product": timeline.line_product[before],
        "day": timeline.line_day[before],
        "price": timeline.line_price[before],
    }
    type_columns = {"product": np.arange(len(product_type), dtype=np.int32), "product_type": product_type}
    connection.register("line_columns", line_columns)
    connection.register("type_columns", type_columns)
    connection.execute("""
        CREATE TEMP TABLE count_lines AS
        SELECT order_code, customer, CASE WHEN customer >= 0 THEN customer ELSE -1 - order_code END AS unit,
               product, day, CASE WHEN isnan(price) THEN NULL ELSE price END AS price,
               count(*) OVER (PARTITION BY order_code) AS products
        FROM line_columns
    """)
    connection.execute("CREATE TEMP TABLE product_types AS SELECT * FROM type_columns")
    connection.execute(
        "CREATE TEMP TABLE frequent_products AS SELECT product FROM count_lines GROUP BY product "
        "HAVING count(*) >= $min_support AND count(DISTINCT unit) >= $min_customers",
        {"min_support": config.counts.min_support, "min_customers": config.privacy.min_customers},
    )
    connection.execute(
        "CREATE TEMP TABLE frequent_lines AS "
        "SELECT l.order_code, l.unit, l.product FROM count_lines l JOIN frequent_products f ON f.product = l.product"
    )
    return len(np.unique(order_code))


def run_query(connection: duckdb.DuckDBPyConnection, statement: str, **parameters: float) -> Columns:
    """The columns of a statement with named parameters."""
    return dict(connection.execute(statement, parameters or None).fetchnumpy())


def well_known(
    connection: duckdb.DuckDBPyConnection, min_customers: int, statement: str, **parameters: float
) -> tuple[Columns, int]:
    """The rows of a statement that rest on enough `customers`, and how many do not. Each group is made once."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE grouped AS {statement}", parameters or None)
    kept = run_query(connection, "SELECT * FROM grouped WHERE customers >= $least", least=min_customers)
    left_out = run_query(connection, "SELECT count(*) AS n FROM grouped WHERE customers < $least", least=min_customers)
    connection.execute("DROP TABLE grouped")
    return kept, int(left_out["n"][0])


def both_ways(columns: Columns) -> Columns:
    """Pairs (a, b), and behind them (b, a) with the same counts."""
    turned = {**columns, "a": columns["b"], "b": columns["a"]}
    return {name: np.concatenate([column, turned[name]]) for name, column in columns.items()}


def pairs(columns: Columns) -> PairCounts:
    """Columns a, b, n, customers as arrays, ordered by a, then b."""
    a, b = (np.asarray(columns[name], dtype=np.int64) for name in ("a", "b"))
    n, customers = (np.asarray(columns[name], dtype=np.float64) for name in ("n", "customers"))
    order = np.lexsort((b, a))
    return PairCounts(a[order], b[order], n[order], customers[order])
