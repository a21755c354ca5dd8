"""Whether a catalogue is of the products that are sold, and what is the matter where it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.data.casts import id_text
from mersalg_training.data.purchases import Purchases
from mersalg_training.data.sources import identifier

FEW: Final = 0.5
"""A smaller share of the products sold that the catalogue knows is told."""
EXAMPLES: Final = 3
DIFFERENCES: Final[Mapping[str, str]] = {
    "leading zeros": "ltrim(CAST({} AS VARCHAR), '0')",
    "upper and lower case": "lower(CAST({} AS VARCHAR))",
    "blanks and punctuation": "regexp_replace(lower(CAST({} AS VARCHAR)), '[^a-z0-9]', '', 'g')",
}
"""In what ids may differ -> SQL that takes it away."""


def check_known(purchases: Purchases) -> list[str]:
    """A note where the catalogue knows few of the products that are sold; DataError where it knows none.

    Reads `typed` and `catalogue`. The error names the likeliest cause: another column, or another spelling of ids.
    """
    if purchases.catalogue is None:
        return []
    connection = purchases.connection
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE sold AS SELECT DISTINCT product_id FROM typed WHERE product_id IS NOT NULL
    """)
    sold, known = connection.execute(
        "SELECT count(*), count(c.product_id) FROM sold s LEFT JOIN catalogue c ON s.product_id = c.product_id"
    ).fetchall()[0]
    if not sold or known >= FEW * sold:
        return []
    unknown, listed = (", ".join(map(repr, ids)) for ids in examples(connection))
    told = (
        f"{purchases.catalogue.key}: knows {known:,} of {sold:,} products that are sold; not known are for example "
        f"{unknown}; it lists {listed or 'no product'}"
    )
    if known:
        return [f"{told}. Names, types and prices of the others are missing"]
    raise DataError(f"{told}.\n{likeliest_cause(purchases)}")


def examples(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    """Some products that are sold and not in the catalogue, and some that it lists."""
    unknown = connection.execute(
        f"SELECT product_id FROM sold ANTI JOIN catalogue USING (product_id) ORDER BY ALL LIMIT {EXAMPLES}"
    ).fetchall()
    listed = connection.execute(f"SELECT product_id FROM catalogue ORDER BY ALL LIMIT {EXAMPLES}").fetchall()
    return [row[0] for row in unknown], [row[0] for row in listed]


def likeliest_cause(purchases: Purchases) -> str:
    """What makes most of the products sold known, and the mapping that does it; else what to look for."""
    causes = {**other_spellings(purchases), **other_columns(purchases)}
    best = max(causes, key=lambda cause: causes[cause])
    if causes[best]:
        return best
    return (
        "No other column of either table has the ids of the other one: is it the catalogue of this shop? "
        'Train without it: --set data.products=""'
    )


def other_spellings(purchases: Purchases) -> dict[str, int]:
    """A difference in spelling and the mapping that takes it away -> the products that are known then.

    A mapping holds for both tables where the ids have one name in both, else for the one whose column it names.
    """
    sold, listed = (columns["product_id"].told for columns in (purchases.orders, purchases.products))
    causes = {}
    for what, expression in DIFFERENCES.items():
        for column in dict.fromkeys((sold, listed)):
            some = expression.format("product_id") if column == sold else "product_id"
            others = expression.format("product_id") if column == listed else "product_id"
            mapping = json.dumps(expression.format(identifier(column)))
            told = f"The ids differ in {what}; this makes them equal:\n[data.columns]\n  product_id = {mapping}"
            causes[told] = count_known(
                purchases.connection, f"SELECT {some} AS id FROM sold", f"SELECT {others} AS id FROM catalogue"
            )
    return causes


def other_columns(purchases: Purchases) -> dict[str, int]:
    """Another column of either table and its mapping -> the products that are known by it."""
    causes = {}
    for source, others in ((purchases.catalogue, "sold"), (purchases.order_lines, "catalogue")):
        if source is None:
            continue
        for column in source.columns:
            told = f"The column {column} of {source.key} has the ids of the other table; map it:"
            ids = f"SELECT DISTINCT {id_text(identifier(column))} AS id FROM {source.relation}"
            causes[f"{told}\n[data.columns]\n  product_id = {json.dumps(column)}"] = count_known(
                purchases.connection, ids, f"SELECT product_id AS id FROM {others}"
            )
    return causes


def count_known(connection: duckdb.DuckDBPyConnection, some: str, others: str) -> int:
    """How many ids two queries have in common."""
    rows = connection.execute(f"SELECT count(*) FROM (({some}) INTERSECT ({others})) WHERE id <> ''").fetchall()
    return int(rows[0][0])
