"""New orders beside kept ones: what is added, what is replaced, who is taken out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from mersalg_training.engine.engine import Columns
from mersalg_training.update.state import State, relation

LINES = "customer_id, order_id, product_id, ordered_at, quantity, unit_price"


@dataclass(frozen=True)
class Added:
    """What new orders change, in numbers."""

    lines: int
    orders: int
    late: int
    """Orders of days that the state had counted."""
    replaced: int
    """Orders that were kept otherwise."""
    known: int
    """Orders that were kept just so."""
    forgotten: int
    """Customers who are taken out with all that they bought."""
    touched: int
    """Order lines of customers whose counts change."""
    kept: int
    """Order lines afterwards."""
    since: str
    """The day of the first added order, ISO 8601; where none was added, where the state's orders end."""

    @property
    def only_appends(self) -> bool:
        """Whether every kept line stays."""
        return self.replaced == 0 and self.forgotten == 0


def read_kept(connection: duckdb.DuckDBPyConnection, state: State) -> None:
    """Make `kept_lines` and `kept_products`, as the contract left them."""
    connection.execute(f"CREATE TABLE kept_lines AS SELECT {LINES} FROM {relation(state.files('lines'))}")
    connection.execute(f"CREATE TABLE kept_products AS SELECT * FROM {relation(state.files('products'))}")


def add_orders(connection: duckdb.DuckDBPyConnection, state: State, forget: Collection[str]) -> Added:
    """Make `lines` of the kept and the new lines, which stand in `lines` before.

    A new order replaces a kept one of its id. Also made: `added` and `removed`, the lines that differ, and
    `touched_before` and `touched_after`, all lines of the customers, and of orders without one, that change.
    """
    run = connection.execute
    run("ALTER TABLE lines RENAME TO new_lines")
    run("CREATE TABLE forgotten AS SELECT unnest($ids::VARCHAR[]) AS customer_id", {"ids": sorted(forget)})
    run("DELETE FROM new_lines WHERE customer_id IN (SELECT customer_id FROM forgotten)")
    run("CREATE TABLE common AS SELECT DISTINCT order_id FROM new_lines SEMI JOIN kept_lines USING (order_id)")
    of_common = f"(SELECT {LINES} FROM {{}} SEMI JOIN common USING (order_id))"
    new, kept = of_common.format("new_lines"), of_common.format("kept_lines")
    run(f"""
        CREATE TABLE replaced AS
        SELECT DISTINCT order_id FROM (({new} EXCEPT {kept}) UNION ALL ({kept} EXCEPT {new}))
    """)
    run(f"""
        CREATE TABLE added AS SELECT {LINES} FROM new_lines
        WHERE order_id NOT IN (SELECT order_id FROM common) OR order_id IN (SELECT order_id FROM replaced)
    """)
    is_removed = """
        order_id IN (SELECT order_id FROM replaced)
        OR (customer_id IS NOT NULL AND customer_id IN (SELECT customer_id FROM forgotten))
    """
    run(f"CREATE TABLE removed AS SELECT {LINES} FROM kept_lines WHERE {is_removed}")
    run(f"""
        CREATE TABLE lines AS
        SELECT {LINES} FROM kept_lines ANTI JOIN (SELECT DISTINCT order_id FROM removed) USING (order_id)
        UNION ALL SELECT {LINES} FROM added
    """)
    run("""
        CREATE TABLE touched AS SELECT DISTINCT customer_id
        FROM (SELECT customer_id FROM added UNION ALL SELECT customer_id FROM removed) WHERE customer_id IS NOT NULL
    """)
    for name, table, differing in (("before", "kept_lines", "removed"), ("after", "lines", "added")):
        run(f"""
            CREATE TABLE touched_{name} AS SELECT {LINES} FROM {table} SEMI JOIN touched USING (customer_id)
            UNION ALL SELECT {LINES} FROM {differing} WHERE customer_id IS NULL
        """)
    numbers = run(
        """
        SELECT (SELECT count(*) FROM added), (SELECT count(DISTINCT order_id) FROM added),
               (SELECT count(DISTINCT order_id) FROM added WHERE ordered_at < CAST($to AS TIMESTAMP)),
               (SELECT count(*) FROM replaced),
               (SELECT count(*) FROM common) - (SELECT count(*) FROM replaced),
               (SELECT count(DISTINCT customer_id) FROM removed SEMI JOIN forgotten USING (customer_id)),
               (SELECT count(*) FROM touched_after) + (SELECT count(*) FROM touched_before),
               (SELECT count(*) FROM lines),
               (SELECT strftime(coalesce(min(ordered_at), CAST($to AS TIMESTAMP)), '%Y-%m-%d') FROM added)
    """,
        {"to": state.manifest["to"]},
    ).fetchall()[0]
    return Added(*numbers)


def add_products(connection: duckdb.DuckDBPyConnection, has_catalogue: bool) -> None:
    """Make `products` of the new ones, which stand in it before, and of the kept ones that they do not name.

    has_catalogue: the new ones are all that a catalogue lists, so that the others are listed no longer.
    """
    listed = "false" if has_catalogue else "listed"
    connection.execute("ALTER TABLE products RENAME TO new_products")
    connection.execute(f"""
        CREATE TABLE products AS SELECT * FROM new_products
        UNION ALL BY NAME
        SELECT * REPLACE ({listed} AS listed) FROM kept_products ANTI JOIN new_products USING (product_id)
    """)


def touched_lines(connection: duckdb.DuckDBPyConnection) -> tuple[Columns, Columns]:
    """The order lines of `touched_before` and `touched_after`, by one numbering of customers and orders.

    Orders are numbered as a timeline numbers them: by customer, time and id. Reads `product_codes`.
    """
    each = """
        SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at, count(*) AS products,
               {} AS is_after FROM touched_{} GROUP BY order_id
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE touched_orders AS
        SELECT *, CAST(row_number() OVER (ORDER BY customer_id NULLS LAST, ordered_at, order_id, is_after) - 1
                       AS INTEGER) AS order_code,
               CASE WHEN customer_id IS NULL THEN -1
                    ELSE CAST(dense_rank() OVER (ORDER BY customer_id NULLS LAST) AS INTEGER) END AS customer
        FROM ({each.format(0, "before")} UNION ALL {each.format(1, "after")})
    """)
    before, after = (
        dict(
            connection.execute(f"""
                SELECT o.order_code, o.customer, p.product, epoch(o.ordered_at) / 86400e0 AS day,
                       CAST('nan' AS FLOAT) AS price, o.products
                FROM touched_{name} l JOIN touched_orders o ON o.order_id = l.order_id AND o.is_after = {is_after}
                JOIN product_codes p ON p.product_id = l.product_id
            """).fetchnumpy()
        )
        for is_after, name in enumerate(("before", "after"))
    )
    return before, after
