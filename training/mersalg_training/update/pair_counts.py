"""Counts of pairs that are kept: of every product, however rare, so that days can be added to them.

The counts are sums over customers (an order without one stands for itself), of how often, and of whether at all. So
what orders change is what their customers' lines count with them, less what they count without them: however late the
orders are, whatever they replace, and whoever is taken out.

Pairs of a type and a product are kept of frequent products alone, as training counts them: how many customers a type's
pair has cannot be added up from its products. Where products become frequent, or are of another type now, the pairs of
those types are counted again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from mersalg_training.config import Config
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.engine import Columns
from mersalg_training.tables import statements
from mersalg_training.update.state import StateWriter

PAIR_TABLES: Final = ("follow", "basket", "by_type")
EVERY_LINE: Final = 1e18
"""A day behind all days."""
EVERY_PRODUCT: Final = "SELECT product, 0 AS period FROM product_types"
FREQUENT: Final = "SELECT product, 0 AS period FROM frequent_now"
CHANGED_TYPES: Final = """
SELECT a.product_type AS a, b.product AS b, b.unit, 0 AS period
FROM frequent_lines a JOIN frequent_lines b ON a.order_code = b.order_code AND a.product <> b.product
WHERE a.product_type < $types AND a.product_type IN (SELECT product_type FROM changed_types)
      AND b.product % $slices = $slice
UNION ALL
SELECT a.product_type AS a, b.product AS b, b.unit, 0 AS period
FROM frequent_lines b JOIN frequent_lines a ON a.order_code = b.order_code AND a.product <> b.product
WHERE a.product_type < $types AND a.product_type NOT IN (SELECT product_type FROM changed_types)
      AND b.product IN (SELECT product FROM changed_products) AND b.product % $slices = $slice
"""
"""The pairs of types in which a product became frequent or is no longer, and of such products with the other types."""
Take = Callable[[str], None]
"""Is told of which table `grouped` holds counts now: a, b, n0, customers0."""


def count_pairs(engine: DuckDBEngine, n_types: int, config: Config, take: Take) -> None:
    """Count the pairs of `order_lines`, by slices. Reads `product_types`, and of types `frequent_now`, too."""
    engine.make("count_lines", statements.count_lines(1), cut0=EVERY_LINE)
    engine.make("frequent_products", EVERY_PRODUCT)
    engine.make("frequent_lines", statements.FREQUENT_LINES)
    engine.make("next_orders", statements.NEXT_ORDERS, follow_days=config.counts.follow_days)
    engine.make("first_lines", statements.FIRST_LINES)
    in_slices(engine, statements.FOLLOW_PAIRS, statements.FOLLOW_PAIRS_TO_COUNT, partial(take, "follow"))
    engine.drop("next_orders", "first_lines")
    in_slices(engine, statements.PRODUCT_PAIRS, statements.PAIRS_TO_COUNT, partial(take, "basket"))
    count_types(engine, statements.TYPE_PAIRS, n_types, partial(take, "by_type"))


def count_types(engine: DuckDBEngine, statement: str, n_types: int, take: Callable[[], None]) -> None:
    """Count pairs of a type and a product. Reads `count_lines`."""
    engine.make("frequent_products", FREQUENT)
    engine.make("frequent_lines", statements.FREQUENT_LINES)
    in_slices(engine, statement, statements.PAIRS_TO_COUNT, take, types=n_types)


def in_slices(
    engine: DuckDBEngine, statement: str, how_many: str, take: Callable[[], None], **parameters: float
) -> None:
    """Make `grouped` of each slice of the pairs that a statement lays down, one after the other."""
    slices = 1 + int(engine.rows(how_many)["n"][0]) // engine.rows_at_once
    for number in range(slices):
        engine.make("pairs", statement, slices=slices, slice=number, **parameters)
        engine.make("grouped", statements.counted_pairs(1), min_pairs=1)
        take()
        engine.drop("pairs", "grouped")


def in_state(table: str, counts: str) -> str:
    """Counts by the codes of the state. Reads `codes` and `type_codes`."""
    if table == "by_type":
        a, b, of_a = "ca.code", "cb.code", "type_codes ca ON ca.product_type = g.a"
    else:
        of_a = "codes ca ON ca.product = g.a"
        # A pair of an order has no direction; codes of the state are in another order than those of a timeline.
        a, b = ("least(ca.code, cb.code)", "greatest(ca.code, cb.code)")
        if table == "follow":
            a, b = "ca.code", "cb.code"
    return (
        f"SELECT {a} AS a, {b} AS b, CAST(g.n0 AS INTEGER) AS n, CAST(g.customers0 AS INTEGER) AS customers "
        f"FROM {counts} g JOIN {of_a} JOIN codes cb ON cb.product = g.b"
    )


def write_pairs(engine: DuckDBEngine, n_types: int, config: Config, writer: StateWriter) -> None:
    """Write the counts of all `order_lines` as the first run. Reads `codes` and `type_codes`, too."""
    count_pairs(
        engine,
        n_types,
        config,
        lambda table: writer.copy(engine.connection, table, in_state(table, "grouped")),
    )


def changes_of(
    before: Columns, after: Columns, product_types: Columns, frequent: Columns, n_types: int, config: Config
) -> dict[str, Columns]:
    """Table -> a, b, n0, customers0: what pairs have more of after than before; only where that is not nothing.

    before, after: the order lines of the customers who are touched, by one numbering of products, customers and orders.
    """
    with DuckDBEngine.open(config.engine) as engine:
        engine.lay("product_types", product_types)
        engine.lay("frequent_now", frequent)
        for table in PAIR_TABLES:
            engine.connection.execute(f"CREATE TEMP TABLE sum_{table} (a INTEGER, b INTEGER, n BIGINT, m BIGINT)")
        for sign, lines in ((-1, before), (1, after)):
            engine.lay("order_lines", lines)

            def add(table: str, sign: int = sign) -> None:
                engine.connection.execute(
                    f"INSERT INTO sum_{table} SELECT a, b, {sign} * n0, {sign} * customers0 FROM grouped"
                )

            count_pairs(engine, n_types, config, add)
        return {
            table: engine.rows(
                f"SELECT a, b, CAST(sum(n) AS BIGINT) AS n0, CAST(sum(m) AS BIGINT) AS customers0 FROM sum_{table} "
                "GROUP BY a, b HAVING sum(n) <> 0 OR sum(m) <> 0"
            )
            for table in PAIR_TABLES
        }


def merged(first: str, later: str | None) -> str:
    """SQL for all runs of a table added up: a, b, n, customers. first, later: what reads the first run, and the others.

    The first has each pair once; the others are small, so that they are what is hashed.
    """
    if later is None:
        return f"SELECT a, b, n, customers FROM {first}"
    return f"""
SELECT coalesce(s.a, d.a) AS a, coalesce(s.b, d.b) AS b, coalesce(s.n, 0) + coalesce(d.n, 0) AS n,
       coalesce(s.customers, 0) + coalesce(d.customers, 0) AS customers
FROM {first} s
FULL JOIN (SELECT a, b, CAST(sum(n) AS INTEGER) AS n, CAST(sum(customers) AS INTEGER) AS customers
           FROM {later} GROUP BY a, b) d ON d.a = s.a AND d.b = s.b
"""
