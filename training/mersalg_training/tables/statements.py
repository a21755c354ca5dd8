"""The statements that count, in SQL that DuckDB and Spark understand alike.

Only equi-joins, grouping, `row_number`/`lag` windows, medians of doubles and arithmetic on integers and epoch days are
used; every sum of integers is cast, for the engines' sums are of different types, and every order says where NULL goes,
which none of its columns holds. tests/cluster/portable_sql.py holds the rules.

**Everything is counted once, for all cuts of a job.** A line's period is the number of the first cut that it lies
before, so that what lies before cut k is what has a period up to k. A count of several lines belongs to the latest
period among them; a product is frequent from a period on and stays so, since counts only grow. `{k}` in a text stands
for each cut: one column for each, n0, n1, ...

Every statement reads `count_lines`. Pairs, and windows over all lines, are counted one slice at a time, of the products
(or types) whose code is $slice modulo $slices, so that memory does not grow with the history. Pairs are laid down in a
table before they are grouped: an engine that groups below a join would hold a state of every line.
"""

from __future__ import annotations

from typing import Final


def for_cuts(text: str, cuts: int, between: str = ", ") -> str:
    """The text once for each cut, with its number for `{k}`."""
    return between.join(text.replace("{k}", str(k)) for k in range(cuts))


def count_lines(cuts: int) -> str:
    """A line's unit is its customer, or its order where the customer is not known; its price NULL if unknown."""
    period = for_cuts("WHEN day < $cut{k} THEN {k}", cuts, " ")
    return f"""
SELECT order_code, customer, CASE WHEN customer >= 0 THEN customer ELSE -1 - order_code END AS unit,
       product, day, CASE WHEN isnan(price) THEN NULL ELSE price END AS price, products,
       CASE {period} END AS period
FROM order_lines WHERE day < $cut{cuts - 1}
"""


def products(cuts: int) -> str:
    """By product and cut: orders, customers, days, prices, company."""
    of_cut = """
       CAST(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS orders{k},
       count(DISTINCT CASE WHEN period <= {k} THEN unit END) AS customers{k},
       max(CASE WHEN period <= {k} THEN day END) AS last_day{k},
       median(CASE WHEN period <= {k} THEN CAST(price AS DOUBLE) END) AS price{k},
       CAST(sum(CASE WHEN period <= {k} THEN products - 1 ELSE 0 END) AS BIGINT) AS company{k},
       CAST(sum(CASE WHEN period <= {k} AND day >= $cut{k} - 28e0 THEN 1 ELSE 0 END) AS BIGINT) AS month_orders{k},
       CAST(sum(CASE WHEN period <= {k} AND day >= $cut{k} - 7e0 THEN 1 ELSE 0 END) AS BIGINT) AS week_orders{k}"""
    return f"SELECT product, min(day) AS first_day,{for_cuts(of_cut, cuts, ',')}\n" + (
        "FROM count_lines GROUP BY product"
    )


def repeats(cuts: int) -> str:
    """By product and cut: customers who bought it, and of those who bought it again."""
    times = for_cuts("CAST(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS times{k}", cuts)
    of_cut = for_cuts(
        "CAST(sum(CASE WHEN times{k} > 0 THEN 1 ELSE 0 END) AS BIGINT) AS customers{k}, "
        "CAST(sum(CASE WHEN times{k} > 1 THEN 1 ELSE 0 END) AS BIGINT) AS repeaters{k}",
        cuts,
    )
    return f"""
SELECT product, {of_cut}
FROM (SELECT product, customer, {times} FROM count_lines WHERE customer >= 0 GROUP BY product, customer) AS bought
GROUP BY product
"""


def intervals(cuts: int) -> str:
    """By product and cut: days between two purchases of a customer."""
    of_cut = for_cuts(
        "median(CASE WHEN period <= {k} THEN gap END) AS interval_days{k}, "
        "CAST(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS intervals{k}, "
        "count(DISTINCT CASE WHEN period <= {k} THEN customer END) AS customers{k}",
        cuts,
    )
    return f"""
SELECT product, {of_cut}
FROM (SELECT customer, product, period,
             day - lag(day) OVER (PARTITION BY customer, product ORDER BY day NULLS LAST) AS gap
      FROM count_lines WHERE customer >= 0 AND product % $slices = $slice) AS gaps
WHERE gap > 5e-1 GROUP BY product
"""


def order_gaps(cuts: int) -> str:
    """By cut: the median of the days between two orders of a customer."""
    return f"""
SELECT {for_cuts("median(CASE WHEN period <= {k} THEN gap END) AS gap{k}", cuts)}
FROM (SELECT period, day - lag(day) OVER (PARTITION BY customer ORDER BY day NULLS LAST) AS gap
      FROM (SELECT DISTINCT customer, order_code, day, period FROM count_lines WHERE customer >= 0) AS orders) AS gaps
WHERE gap > 5e-1
"""


def orders(cuts: int) -> str:
    """By cut: all orders."""
    of_cut = for_cuts("CAST(coalesce(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END), 0) AS BIGINT) AS orders{k}", cuts)
    return f"SELECT {of_cut} FROM (SELECT DISTINCT order_code, period FROM count_lines) AS orders"


def frequent_products(cuts: int) -> str:
    """Products with enough orders and customers, and the period from which on. Reads `product_counts`."""
    enough = "orders{k} >= $min_support AND customers{k} >= $min_customers"
    return f"""
SELECT product, CASE {for_cuts(f"WHEN {enough} THEN {{k}}", cuts, " ")} END AS period
FROM product_counts WHERE {for_cuts(f"({enough})", cuts, " OR ")}
"""


FREQUENT_LINES: Final = """
SELECT l.order_code, l.unit, l.product, t.product_type, greatest(l.period, f.period) AS period
FROM count_lines l JOIN frequent_products f ON f.product = l.product JOIN product_types t ON t.product = l.product
"""

PAIRS_TO_COUNT: Final = """
SELECT CAST(coalesce(sum(products * (products - 1)), 0) AS BIGINT) AS n
FROM (SELECT count(*) AS products FROM frequent_lines GROUP BY order_code) AS sizes
"""

PRODUCT_PAIRS: Final = """
SELECT a.product AS a, b.product AS b, a.unit, greatest(a.period, b.period) AS period
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product < b.product
WHERE a.product % $slices = $slice
"""

TYPE_PAIRS: Final = """
SELECT a.product_type AS a, b.product AS b, b.unit, greatest(a.period, b.period) AS period
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product <> b.product
WHERE a.product_type < $types AND b.product % $slices = $slice
"""


def counted_pairs(cuts: int) -> str:
    """By pair and cut: how often, and of how many units. Reads `pairs`."""
    times = for_cuts("CAST(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS times{k}", cuts)
    of_cut = for_cuts(
        "CAST(sum(times{k}) AS BIGINT) AS n{k}, "
        "CAST(sum(CASE WHEN times{k} > 0 THEN 1 ELSE 0 END) AS BIGINT) AS customers{k}",
        cuts,
    )
    return f"""
SELECT a, b, {of_cut} FROM (SELECT a, b, unit, {times} FROM pairs GROUP BY a, b, unit) AS of_units
GROUP BY a, b HAVING sum(times{cuts - 1}) >= $min_pairs
"""


NEXT_ORDERS: Final = """
SELECT order_code, next_order, customer, period
FROM (SELECT customer, order_code, day,
             lead(order_code) OVER (PARTITION BY customer ORDER BY day NULLS LAST, order_code NULLS LAST) AS next_order,
             lead(period) OVER (PARTITION BY customer ORDER BY day NULLS LAST, order_code NULLS LAST) AS period,
             lead(day) OVER (PARTITION BY customer ORDER BY day NULLS LAST, order_code NULLS LAST) AS next_day
      FROM (SELECT DISTINCT customer, order_code, day, period FROM count_lines WHERE customer >= 0) AS orders) AS visits
WHERE next_day - day <= $follow_days
"""

FIRST_LINES: Final = """
SELECT l.order_code, l.product, l.period, f.period AS frequent_from
FROM count_lines l
JOIN (SELECT customer, product, min(day) AS day FROM count_lines WHERE customer >= 0 GROUP BY customer, product) m
     ON m.customer = l.customer AND m.product = l.product AND m.day = l.day
LEFT JOIN frequent_products f ON f.product = l.product
WHERE l.order_code IN (SELECT next_order FROM next_orders)
"""

FOLLOW_PAIRS_TO_COUNT: Final = """
SELECT CAST(coalesce(sum(e.lines * l.lines), 0) AS BIGINT) AS n
FROM next_orders v
JOIN (SELECT order_code, count(*) AS lines FROM frequent_lines GROUP BY order_code) e ON e.order_code = v.order_code
JOIN (SELECT order_code, count(*) AS lines FROM first_lines WHERE frequent_from IS NOT NULL GROUP BY order_code) l
     ON l.order_code = v.next_order
"""

FOLLOW_PAIRS: Final = """
SELECT e.product AS a, l.product AS b, v.customer AS unit,
       greatest(v.period, greatest(e.period, l.frequent_from)) AS period
FROM next_orders v JOIN frequent_lines e ON e.order_code = v.order_code
JOIN first_lines l ON l.order_code = v.next_order
WHERE l.frequent_from IS NOT NULL AND e.product <> l.product AND e.product % $slices = $slice
"""


def followed(cuts: int) -> str:
    """By product and cut: orders with it that another follows, and what was first bought in those."""
    of_cut = for_cuts(
        "CAST(sum(CASE WHEN v.period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS n{k}, "
        "CAST(sum(CASE WHEN v.period <= {k} THEN coalesce(f.lines, 0) ELSE 0 END) AS BIGINT) AS company{k}",
        cuts,
    )
    return f"""
SELECT l.product, {of_cut}
FROM next_orders v JOIN count_lines l ON l.order_code = v.order_code
LEFT JOIN (SELECT order_code, count(*) AS lines FROM first_lines GROUP BY order_code) f ON f.order_code = v.next_order
GROUP BY l.product
"""


def firsts(cuts: int) -> str:
    """By product and cut: orders in which a customer bought it first."""
    of_cut = for_cuts("CAST(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS n{k}", cuts)
    return f"SELECT product, {of_cut} FROM first_lines GROUP BY product"


def switches(cuts: int) -> str:
    """By pair of products of a type and cut: how often a customer bought b next after a, and how many customers did."""
    of_cut = for_cuts(
        "CAST(sum(CASE WHEN period <= {k} THEN 1 ELSE 0 END) AS BIGINT) AS n{k}, "
        "count(DISTINCT CASE WHEN period <= {k} THEN customer END) AS customers{k}",
        cuts,
    )
    return f"""
SELECT previous AS a, product AS b, {of_cut}
FROM (SELECT l.customer, l.product, l.period,
             lag(l.product) OVER (PARTITION BY l.customer, t.product_type
                                  ORDER BY l.day NULLS LAST, l.product NULLS LAST) AS previous
      FROM count_lines l JOIN product_types t ON t.product = l.product
      WHERE l.customer >= 0 AND t.product_type < $types AND t.product_type % $slices = $slice) AS bought
WHERE previous IS NOT NULL AND previous <> product
GROUP BY previous, product
"""


def well_known(cuts: int) -> str:
    """The rows of `grouped` that rest on enough customers."""
    return f"SELECT * FROM grouped WHERE customers{cuts - 1} >= $least"


def well_known_pairs(cuts: int) -> str:
    """Those of `grouped`, in as few bytes as they take."""
    of_cut = for_cuts("CAST(n{k} AS INTEGER) AS n{k}, CAST(customers{k} AS INTEGER) AS customers{k}", cuts)
    return f"SELECT a, b, {of_cut} FROM grouped WHERE customers{cuts - 1} >= $least"


def left_out(cuts: int, floor: str = "") -> str:
    """By cut: how many rows of `grouped` rest on too few customers. floor: ` AND n{k} >= $min_pairs`, or nothing."""
    of_cut = "CAST(coalesce(sum(CASE WHEN customers{k} > 0 AND customers{k} < $least" + floor
    return f"SELECT {for_cuts(of_cut + ' THEN 1 ELSE 0 END), 0) AS BIGINT) AS n{k}', cuts)} FROM grouped"


def pair_slice(cut: int, table: str, is_two_way: bool) -> str:
    """The pairs of a table that are known before a cut, of the anchors whose code is $slice modulo $slices."""
    known = f"customers{cut} >= $least AND n{cut} >= $min_pairs"
    counted = f"CAST(n{cut} AS DOUBLE) AS n, CAST(customers{cut} AS DOUBLE) AS customers"
    turned = f"""
UNION ALL SELECT b AS a, a AS b, {counted} FROM {table} WHERE {known} AND b % $slices = $slice"""
    return f"SELECT a, b, {counted} FROM {table} WHERE {known} AND a % $slices = $slice" + (
        turned if is_two_way else ""
    )
