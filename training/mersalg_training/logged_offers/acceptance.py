"""What was accepted, of a log that does not say it: told by the orders, as a service cannot know it when it writes."""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg.names import AFTER_PAYMENT
from mersalg_training.data.sources import literal

WITHIN_DAYS: Final = 7
"""After the offer, for a purchase that is no part of the order in which it was made."""


def fill_acceptance(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Fill `accepted` of `typed_offers` where no row says it, from `lines`; what was done, in sentences.

    Accepted is what was bought in the offer's order, unless that was paid, or by its customer within WITHIN_DAYS.
    Rows whose days are not over, and of which nothing was bought, are left out: nobody knows yet.
    """
    rows, said = connection.execute("SELECT count(*), count(said) FROM typed_offers").fetchall()[0]
    if said or not rows or not has_lines(connection):
        return []
    window = f"INTERVAL {WITHIN_DAYS} DAY"
    paid = ", ".join(map(literal, sorted(AFTER_PAYMENT)))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE typed_offers AS
        SELECT t.* REPLACE (
            CASE WHEN EXISTS (
                    SELECT 1 FROM lines l WHERE l.product_id = t.product_id AND CASE
                        WHEN l.order_id = t.order_id THEN t.moment NOT IN ({paid})
                        ELSE l.customer_id = t.customer_id
                             AND l.ordered_at BETWEEN t.offered_at AND t.offered_at + {window} END
                 ) THEN 1
                 WHEN t.offered_at + {window} <= (SELECT max(ordered_at) FROM lines) THEN 0 END AS accepted
        ) FROM typed_offers t
    """)
    early = int(
        connection.execute("DELETE FROM typed_offers WHERE accepted IS NULL AND offered_at IS NOT NULL").fetchall()[0][
            0
        ]
    )
    told = [f"accepted is empty: what was bought in the order, or within {WITHIN_DAYS} days, counts as accepted"]
    return [*told, f"{early:,} rows are so new that their days are not over, and are left out"] if early else told


def has_lines(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the database holds the contract's order lines."""
    query = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'lines'"
    return bool(connection.execute(query).fetchall()[0][0])
