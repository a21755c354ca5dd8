"""Claims: every SELECT that counts means the same to DuckDB and to Spark; what does not is found without a cluster."""

from __future__ import annotations

import pytest

from cluster.portable_sql import faults, types_of
from cluster.recording import Asked, RecordingEngine, ask_all, counting_by, name_of, registry
from mersalg_training.data import history
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from quick_job import QUICK
from small_shop import SmallShop, write_shop

SHOP = {
    "lines": {
        "product": "INTEGER", "customer": "BIGINT", "n": "BIGINT", "day": "DOUBLE", "price": "FLOAT", "name": "VARCHAR",
        "is_new": "BOOLEAN",
    },
    "types": {"product": "INTEGER", "product_type": "INTEGER"},
}  # fmt: skip

GOOD = [
    "SELECT count(*) AS orders, CAST(sum(n) AS BIGINT) AS total FROM lines GROUP BY product HAVING sum(n) >= $least",
    "SELECT median(day) AS day, median(CAST(price AS DOUBLE)) AS price FROM lines WHERE n % $slices = $slice",
    "SELECT avg(CASE WHEN n > 1 THEN 1e0 ELSE 0e0 END) AS share, avg(CAST(n AS DOUBLE)) AS n FROM lines",
    "SELECT day - lag(day) OVER (PARTITION BY customer ORDER BY day NULLS LAST) AS gap FROM lines",
    "SELECT l.product, t.product_type FROM lines l LEFT JOIN types t USING (product) WHERE day > 5e-1",
    "SELECT CASE WHEN isnan(day) THEN NULL ELSE day END AS day, n / nullif(product, 0) AS share FROM lines",
    "SELECT count(DISTINCT customer) FILTER (WHERE is_new) AS n FROM lines GROUP BY CAST(floor(day) AS BIGINT)",
    "SELECT CAST(coalesce(sum(n * (n - 1)), 0) AS BIGINT) AS n FROM (SELECT count(*) AS n FROM lines GROUP BY product)",
]
BAD = {
    "epoch() of a time": "SELECT epoch(day) AS day FROM lines",
    "a literal that is a DECIMAL": "SELECT day / 86400.0 AS day FROM lines",
    "the median of single precision": "SELECT median(price) AS price FROM lines",
    "the median of whole numbers": "SELECT median(n) AS n FROM lines",
    "a sum that is HUGEINT": "SELECT sum(n) AS n FROM lines",
    "a sum whose last bits hang on the order": "SELECT CAST(sum(day) AS BIGINT) AS n FROM lines",
    "an average, which is such a sum": "SELECT avg(day) AS n FROM lines",
    "an average of whole numbers as they are": "SELECT avg(n) AS n FROM lines",
    "a regular expression": "SELECT regexp_matches(name, '^[a-z]') AS found FROM lines",
    "a text, its order and its marks": "SELECT n FROM lines WHERE name > 'a\\b'",
    "a place among rows in no order": "SELECT row_number() OVER () AS place FROM lines",
    "a place by an order that NULL turns around": "SELECT row_number() OVER (ORDER BY day) AS place FROM lines",
    "the same of the next row": "SELECT lead(n) OVER (PARTITION BY product ORDER BY day) AS n FROM lines",
    "whole division": "SELECT n // 2 AS n FROM lines",
    "division by what may be zero": "SELECT n / product AS n FROM lines",
    "a remainder by what may be zero": "SELECT n % product AS n FROM lines",
    "a fraction cast to whole numbers": "SELECT CAST(day AS BIGINT) AS day FROM lines",
    "a floor that stays a DOUBLE": "SELECT floor(day) AS day FROM lines",
    "rounding to digits": "SELECT round(day, 3) AS day FROM lines",
    "the logarithm, to base ten or e": "SELECT log(day) AS day FROM lines",
    "a power, to the last bit": "SELECT pow(day, 2) AS day FROM lines",
    "a quoted name": 'SELECT "product" FROM lines',
    "NOT isnan() of NULL": "SELECT n FROM lines WHERE NOT isnan(day)",
    "any value": "SELECT any_value(n) AS n FROM lines GROUP BY product",
    "the first rows of none in order": "SELECT n FROM lines LIMIT 3",
    "QUALIFY": "SELECT n FROM lines QUALIFY row_number() OVER (ORDER BY n NULLS LAST) = 1",
    "HAVING by a name that is an alias, too": "SELECT count(*) AS n FROM lines GROUP BY product HAVING sum(n) > 3",
    "DISTINCT ON": "SELECT DISTINCT ON (product) n FROM lines",
    "several columns in count(DISTINCT)": "SELECT count(DISTINCT n, product) AS n FROM lines",
    "all columns but some": "SELECT * EXCLUDE (n) FROM lines",
    "a join in time": "SELECT l.n FROM lines l ASOF JOIN types t ON l.product >= t.product",
    "a running sum": "SELECT CAST(sum(n) OVER (ORDER BY day NULLS LAST) AS BIGINT) AS n FROM lines",
    "a list": "SELECT list(n) AS n FROM lines",
    "a table function": "SELECT * FROM range(3)",
    "a time": "SELECT n FROM lines WHERE day > TIMESTAMP '2024-01-01'",
    "a clock": "SELECT current_timestamp AS now FROM lines",
    "chance": "SELECT n FROM lines WHERE random() < 5e-1",
    "a hash of its own": "SELECT hash(n) AS n FROM lines",
    "TRY_CAST": "SELECT TRY_CAST(name AS BIGINT) AS n FROM lines",
    "CAST to a text": "SELECT CAST(n AS VARCHAR) AS n FROM lines",
    "CREATE": "CREATE TABLE other AS SELECT n FROM lines",
    "what neither reads": "SELECT FROM WHERE",
}  # fmt: skip


@pytest.mark.parametrize("select", GOOD)
def test_what_both_read_alike_has_no_fault(select: str) -> None:
    assert faults(select, SHOP) == []


@pytest.mark.parametrize("what", BAD)
def test_what_one_lacks_or_means_otherwise_is_a_fault(what: str) -> None:
    assert faults(BAD[what], SHOP)


def test_types_go_from_a_statement_to_the_next() -> None:
    select = (
        "SELECT product, median(day) AS day, count(*) AS n, CAST(sum(n) AS BIGINT) AS total FROM lines GROUP BY product"
    )
    assert types_of(select, SHOP) == {"product": "INT", "day": "DOUBLE", "n": "BIGINT", "total": "BIGINT"}


@pytest.fixture(scope="module")
def asked(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> list[Asked]:
    """All that a job asks of the engine that counts."""
    engines: list[RecordingEngine] = []

    def choose(source: DuckDBEngine, table: str) -> DuckDBEngine:
        engines.append(RecordingEngine(source.connection))
        return engines[-1]

    with counting_by(choose):
        ask_all(write_shop(small_shop, tmp_path_factory.mktemp("asked"), **QUICK))
    return engines[0].asked


def test_each_statement_that_counts_is_asked(asked: list[Asked]) -> None:
    of_statements = {name for select, name in registry().items() if select not in vars(history).values()}
    assert of_statements <= {name_of(one.select) for one in asked}


def test_each_statement_that_is_asked_means_the_same_to_both(asked: list[Asked]) -> None:
    assert {name_of(one.select): found for one in asked if (found := faults(one.select, one.schema))} == {}
