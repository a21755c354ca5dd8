"""Exports opened as sources: the narrow tables of order lines and of products that an adapter makes of them."""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.columns import Format
from mersalg_training.data.exports.files import Export, open_export
from mersalg_training.data.exports.shapes import PRODUCTS, Shape, shape_of
from mersalg_training.data.sources import DataSource, identifier, refused, source_of
from mersalg_training.engine.database import fitting

DECISIONS: Final = "decisions"
"""The column of an adapter with what was decided about a line, in words that follow a number of lines."""
MONEY: Final = ("unit_price", "price", "cost")


def open_export_orders(
    connection: duckdb.DuckDBPyConnection, format: Format, location: str, encoding: str
) -> tuple[DataSource, list[str]]:
    """The order lines of an export, and a sentence for each decision about them.

    The export is read once, into a table of the database; what it never tells is no column. DataError for files of
    another shape: it says what they lack and what they look like.
    """
    export = open_export(connection, "data.orders", location, encoding)
    shape = shape_of(export, format)
    table = make_table(connection, export, shape, "export_lines")
    counts = connection.execute(
        f"SELECT told, count(*) FROM (SELECT unnest({DECISIONS}) AS told FROM {table}) GROUP BY told ORDER BY 2 DESC, 1"
    ).fetchall()
    reasons = connection.execute(
        f"SELECT no_purchase, count(*) FROM {table} WHERE no_purchase IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1"
    ).fetchall()
    notes = [f"data.orders: read as {shape.title}"]
    notes += [f"no purchase, {reason}: {count:,} lines" for reason, count in reasons]
    notes += [f"{count:,} lines {decision}" for decision, count in counts]
    notes += settle_currency(connection, table)
    return told_columns(connection, export, table), notes


def open_export_products(
    connection: duckdb.DuckDBPyConnection, format: Format, location: str, encoding: str
) -> tuple[DataSource, list[str]] | None:
    """The products of an export of the same system and a note; None where it is a table like any other."""
    if format == "table":
        return None
    export = open_export(connection, "data.products", location, encoding)
    shape = next((s for s in PRODUCTS if s.format == format and not s.missing(export.columns)), None)
    if shape is None and not export.is_json:
        return None
    if shape is None:
        wanted = ", ".join(s.title for s in PRODUCTS if s.format == format) or "a CSV or Parquet file"
        raise DataError(
            f"{export.key} = {location!r}: expected {wanted}, or a plain table, as data.format = {format!r} says\n"
            f"Found: {', '.join(export.columns) or 'no fields'}"
        )
    table = make_table(connection, export, shape, "export_products")
    return told_columns(connection, export, table), [f"data.products: read as {shape.title}"]


def make_table(connection: duckdb.DuckDBPyConnection, export: Export, shape: Shape, table: str) -> str:
    """Run an adapter's statement into a table; DataError where a record is not as its shape says."""
    try:
        with fitting(connection):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {shape.statement(connection, export)}")
    except duckdb.Error as error:
        raise DataError(
            f"{export.key} = {export.location!r}: cannot be read as {shape.title}: {refused(error)}"
        ) from None
    return table


def settle_currency(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Take out the prices of lines in another currency than most lines, and say so."""
    found = connection.execute(
        f"SELECT currency, count(*) FROM {table} WHERE currency IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1"
    ).fetchall()
    if len(found) <= 1:
        return []
    main, others = found[0][0], sum(count for _, count in found[1:])
    columns = [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall() if row[0] in MONEY]
    unknown = ", ".join(f"{column} = NULL" for column in columns)
    connection.execute(f"UPDATE {table} SET {unknown} WHERE currency <> $main", {"main": main})
    names = ", ".join(name for name, _ in found[1:])
    return [f"{others:,} lines are in other currencies than {main} ({names}): their prices are unknown"]


def told_columns(connection: duckdb.DuckDBPyConnection, export: Export, table: str) -> DataSource:
    """The table as a source, of the columns that tell anything in any row."""
    names = [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall() if row[0] != DECISIONS]
    counts = connection.execute(f"SELECT {', '.join(f'count({identifier(name)})' for name in names)} FROM {table}")
    kept = [identifier(name) for name, count in zip(names, counts.fetchall()[0], strict=True) if count]
    relation = f"(SELECT {', '.join(kept or map(identifier, names))} FROM {table})"
    return source_of(connection, export.key, export.location, relation, is_text=False)
