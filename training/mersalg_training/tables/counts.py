"""What past orders say, counted in portable SQL: products, pairs in a basket, follow-on pairs, intervals, switches.

Only equi-joins, grouping, `row_number`/`lag` windows and arithmetic on integers and epoch days are used, so that the
same statements run on a cluster's engine. Every statement reads `count_lines`, which holds the lines before the cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg_training.config import CountsConfig
from mersalg_training.data.timeline import Timeline

Columns = dict[str, npt.NDArray[np.generic]]

PRODUCTS = """
SELECT product, count(*) AS orders, count(DISTINCT customer) AS customers, min(day) AS first_day, max(day) AS last_day,
       median(price) AS price,
       sum(CASE WHEN day >= $cut - $month THEN 1 ELSE 0 END) AS month_orders,
       sum(CASE WHEN day >= $cut - $week THEN 1 ELSE 0 END) AS week_orders
FROM count_lines GROUP BY product
"""

REPEATS = """
SELECT product, count(*) AS buyers, sum(CASE WHEN times > 1 THEN 1 ELSE 0 END) AS repeaters
FROM (SELECT product, customer, count(*) AS times FROM count_lines WHERE customer >= 0 GROUP BY product, customer)
GROUP BY product
"""

INTERVALS = """
SELECT product, median(gap) AS interval_days, count(*) AS intervals
FROM (SELECT product, day - lag(day) OVER (PARTITION BY customer, product ORDER BY day) AS gap
      FROM count_lines WHERE customer >= 0)
WHERE gap > 0.5 GROUP BY product
"""

ORDER_GAPS = """
SELECT median(gap) AS gap FROM (
    SELECT day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap
    FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0))
WHERE gap > 0.5
"""

BASKET_PAIRS = """
CREATE OR REPLACE TEMP TABLE basket_pairs AS
SELECT a.product AS a, b.product AS b, count(*) AS n
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product < b.product
GROUP BY a.product, b.product
"""

PRODUCT_PAIRS = """
SELECT a, b, n FROM basket_pairs WHERE n >= $min_pairs
UNION ALL SELECT b AS a, a AS b, n FROM basket_pairs WHERE n >= $min_pairs
"""

TYPE_PAIRS = """
SELECT t.product_type AS a, p.b AS b, sum(p.n) AS n
FROM (SELECT a, b, n FROM basket_pairs UNION ALL SELECT b AS a, a AS b, n FROM basket_pairs) p
JOIN product_types t ON t.product = p.a
WHERE t.product_type < $types
GROUP BY t.product_type, p.b HAVING sum(p.n) >= $min_pairs
"""

FOLLOW_PAIRS = """
WITH visits AS (
    SELECT customer, order_code, day, row_number() OVER (PARTITION BY customer ORDER BY day, order_code) AS visit
    FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0)),
firsts AS (
    SELECT customer, product, min(day) AS day FROM count_lines WHERE customer >= 0 GROUP BY customer, product),
later AS (
    SELECT v.customer, v.visit, v.day, l.product
    FROM visits v JOIN frequent_lines l ON l.order_code = v.order_code
    JOIN firsts f ON f.customer = v.customer AND f.product = l.product AND f.day = v.day)
SELECT e.product AS a, l.product AS b, count(*) AS n
FROM visits v JOIN frequent_lines e ON e.order_code = v.order_code
JOIN later l ON l.customer = v.customer AND l.visit = v.visit + 1
WHERE l.day - v.day <= $follow_days AND e.product <> l.product
GROUP BY e.product, l.product HAVING count(*) >= $min_pairs
"""

FOLLOWED = """
WITH visits AS (
    SELECT customer, order_code, day, lead(day) OVER (PARTITION BY customer ORDER BY day, order_code) AS next_day
    FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0))
SELECT l.product, count(*) AS n FROM visits v JOIN count_lines l ON l.order_code = v.order_code
WHERE v.next_day - v.day <= $follow_days GROUP BY l.product
"""

SWITCHES = """
SELECT previous AS a, product AS b, count(*) AS n
FROM (SELECT l.product,
             lag(l.product) OVER (PARTITION BY l.customer, t.product_type ORDER BY l.day, l.product) AS previous
      FROM count_lines l JOIN product_types t ON t.product = l.product
      WHERE l.customer >= 0 AND t.product_type < $types)
WHERE previous IS NOT NULL AND previous <> product
GROUP BY previous, product
"""


@dataclass(frozen=True)
class PairCounts:
    """Directed counts: b was bought with, or after, a in n orders."""

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    n: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Counts of the lines before the cut. Products are product codes of the timeline."""

    cut_day: float
    orders: int
    products: Columns
    repeats: Columns
    intervals: Columns
    followed: Columns
    basket: PairCounts
    by_type: PairCounts
    """a is a product type's code."""
    follow: PairCounts
    """b is new to the customer in the next order after one with a."""
    switches: PairCounts
    """b was the customer's next purchase within the product type after a."""
    order_gap_days: float
    """Median days between two orders of a customer; NaN without customers."""


def count_purchases(
    timeline: Timeline, product_type: npt.NDArray[np.int32], n_types: int, cut_day: float, config: CountsConfig
) -> Counts:
    """Count all lines before `cut_day` (days since 1970-01-01).

    product_type: (n_products,) int32 codes, `n_types` = unknown.
    """
    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "3GB"}) as connection:
        orders = register_lines(connection, timeline, product_type, cut_day, config.min_support)
        connection.execute(BASKET_PAIRS)
        query = partial(run_query, connection)
        gap = query(ORDER_GAPS)["gap"]
        return Counts(
            cut_day=cut_day,
            orders=orders,
            products=query(PRODUCTS, cut=cut_day, month=28.0, week=7.0),
            repeats=query(REPEATS),
            intervals=query(INTERVALS),
            followed=query(FOLLOWED, follow_days=config.follow_days),
            basket=pairs(query(PRODUCT_PAIRS, min_pairs=config.min_pairs)),
            by_type=pairs(query(TYPE_PAIRS, types=n_types, min_pairs=config.min_pairs)),
            follow=pairs(query(FOLLOW_PAIRS, follow_days=config.follow_days, min_pairs=config.min_pairs)),
            switches=pairs(query(SWITCHES, types=n_types)),
            order_gap_days=float(np.ma.filled(np.ma.asarray(gap, dtype=np.float64), np.nan)[0]),
        )


def register_lines(
    connection: duckdb.DuckDBPyConnection,
    timeline: Timeline,
    product_type: npt.NDArray[np.int32],
    cut_day: float,
    min_support: int,
) -> int:
    """Make `count_lines`, `frequent_lines` and `product_types`; the number of orders before the cut."""
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
    connection.execute(
        "CREATE TEMP TABLE count_lines AS SELECT order_code, customer, product, day, "
        "CASE WHEN isnan(price) THEN NULL ELSE price END AS price FROM line_columns"
    )
    connection.execute("CREATE TEMP TABLE product_types AS SELECT * FROM type_columns")
    connection.execute(
        "CREATE TEMP TABLE frequent_lines AS SELECT l.order_code, l.product FROM count_lines l JOIN "
        "(SELECT product FROM count_lines GROUP BY product HAVING count(*) >= $min_support) f ON f.product = l.product",
        {"min_support": min_support},
    )
    return len(np.unique(order_code))


def run_query(connection: duckdb.DuckDBPyConnection, statement: str, **parameters: float) -> Columns:
    """The columns of a statement with named parameters."""
    return dict(connection.execute(statement, parameters or None).fetchnumpy())


def pairs(columns: Columns) -> PairCounts:
    """Columns a, b, n as arrays, ordered by a, then b."""
    a, b = (np.asarray(columns[name], dtype=np.int64) for name in ("a", "b"))
    order = np.lexsort((b, a))
    return PairCounts(a[order], b[order], np.asarray(columns["n"], dtype=np.float64)[order])
