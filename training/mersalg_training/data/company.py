"""Whether clean lines can teach what goes with what."""

from __future__ import annotations

import duckdb

from mersalg.errors import DataError


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
