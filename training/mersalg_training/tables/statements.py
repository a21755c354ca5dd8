"""The statements that count, in portable SQL.

Only equi-joins, grouping, `row_number`/`lag` windows and arithmetic on integers and epoch days are used, so that the
same statements run on a cluster's engine. Every statement reads `count_lines`, which holds the lines before the cut.

Pairs, and windows over all lines, are counted one slice at a time, of the products (or types) whose code is $slice
modulo $slices, so that memory does not grow with the history. Pairs are laid down in a table before they are grouped:
an engine that groups below a join would hold a state of every line.
"""

from __future__ import annotations

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
      FROM count_lines WHERE customer >= 0 AND product % $slices = $slice)
WHERE gap > 0.5 GROUP BY product
"""

ORDER_GAPS = """
SELECT median(gap) AS gap FROM (
    SELECT day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap
    FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0))
WHERE gap > 0.5
"""

COUNT_LINES = """
CREATE TEMP TABLE count_lines AS
SELECT order_code, customer, CASE WHEN customer >= 0 THEN customer ELSE -1 - order_code END AS unit,
       product, day, CASE WHEN isnan(price) THEN NULL ELSE price END AS price, products
FROM line_columns
"""
"""A line's unit is its customer, or its order where the customer is not known."""

FREQUENT_PRODUCTS = """
CREATE TEMP TABLE frequent_products AS
SELECT product FROM count_lines GROUP BY product
HAVING count(*) >= $min_support AND count(DISTINCT unit) >= $min_customers
"""

FREQUENT_LINES = """
CREATE TEMP TABLE frequent_lines AS
SELECT l.order_code, l.unit, l.product, t.product_type
FROM count_lines l JOIN frequent_products f ON f.product = l.product JOIN product_types t ON t.product = l.product
"""

PAIRS_TO_COUNT = """
SELECT CAST(coalesce(sum(products * (products - 1)), 0) AS BIGINT) AS n
FROM (SELECT count(*) AS products FROM frequent_lines GROUP BY order_code)
"""

PRODUCT_PAIRS = """
CREATE TEMP TABLE pairs AS
SELECT a.product AS a, b.product AS b, a.unit
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product < b.product
WHERE a.product % $slices = $slice
"""

TYPE_PAIRS = """
CREATE TEMP TABLE pairs AS
SELECT a.product_type AS a, b.product AS b, b.unit
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product <> b.product
WHERE a.product_type < $types AND b.product % $slices = $slice
"""

COUNTED_PAIRS = """
SELECT a, b, CAST(sum(n) AS BIGINT) AS n, count(*) AS customers
FROM (SELECT a, b, unit, count(*) AS n FROM pairs GROUP BY a, b, unit)
GROUP BY a, b HAVING sum(n) >= $min_pairs
"""

NEXT_ORDERS = """
CREATE TEMP TABLE next_orders AS
SELECT order_code, next_order, customer
FROM (SELECT customer, order_code, day,
             lead(order_code) OVER (PARTITION BY customer ORDER BY day, order_code) AS next_order,
             lead(day) OVER (PARTITION BY customer ORDER BY day, order_code) AS next_day
      FROM (SELECT DISTINCT customer, order_code, day FROM count_lines WHERE customer >= 0))
WHERE next_day - day <= $follow_days
"""

FIRST_LINES = """
CREATE TEMP TABLE first_lines AS
SELECT l.order_code, l.product, f.product IS NOT NULL AS is_frequent
FROM count_lines l
JOIN (SELECT customer, product, min(day) AS day FROM count_lines WHERE customer >= 0 GROUP BY customer, product) m
     ON m.customer = l.customer AND m.product = l.product AND m.day = l.day
LEFT JOIN frequent_products f ON f.product = l.product
WHERE l.order_code IN (SELECT next_order FROM next_orders)
"""

FOLLOW_PAIRS_TO_COUNT = """
SELECT CAST(coalesce(sum(e.lines * l.lines), 0) AS BIGINT) AS n
FROM next_orders v
JOIN (SELECT order_code, count(*) AS lines FROM frequent_lines GROUP BY order_code) e ON e.order_code = v.order_code
JOIN (SELECT order_code, count(*) AS lines FROM first_lines WHERE is_frequent GROUP BY order_code) l
     ON l.order_code = v.next_order
"""

FOLLOW_PAIRS = """
CREATE TEMP TABLE pairs AS
SELECT e.product AS a, l.product AS b, v.customer AS unit
FROM next_orders v JOIN frequent_lines e ON e.order_code = v.order_code
JOIN first_lines l ON l.order_code = v.next_order
WHERE l.is_frequent AND e.product <> l.product AND e.product % $slices = $slice
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
      WHERE l.customer >= 0 AND t.product_type < $types AND t.product_type % $slices = $slice)
WHERE previous IS NOT NULL AND previous <> product
GROUP BY previous, product
"""
