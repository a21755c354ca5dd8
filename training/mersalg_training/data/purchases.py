"""Purchases opened: a shop's order lines and catalogue under mersalg's names, whatever the shop calls them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import duckdb

from mersalg.errors import DataError
from mersalg_training.columns import NO_PRICE, ORDER_COLUMNS, PRODUCT_COLUMNS, REQUIRED, SWITCHED_OFF, Column
from mersalg_training.config import DataConfig
from mersalg_training.data.mapping import Bound, Unbound, bind_columns, mapped_view
from mersalg_training.data.sources import DataSource, open_source


@dataclass(frozen=True)
class Purchases:
    """A database in memory with the views `raw_orders` and `raw_products`, neither cast nor checked yet.

    raw_orders has the columns ORDER_COLUMNS and raw_products PRODUCT_COLUMNS, in the types of the source (text in a
    CSV). A column that the source lacks is NULL in every row. Without a catalogue raw_products holds one row an order
    line.
    """

    connection: duckdb.DuckDBPyConnection
    orders: Mapping[Column, Bound]
    """The columns of raw_orders that the source has, and how they were found."""
    products: Mapping[Column, Bound]
    has_catalogue: bool
    """A products source is given, so that a product can be unknown to it."""
    notes: list[str]
    """What was found otherwise than by the mapping or the column's own name."""
    switched_off: list[str]
    """A sentence for each missing column: what depends on it."""


def open_purchases(data: DataConfig) -> Purchases:
    """Find the sources and map their columns; no row is read yet.

    DataError if a source is missing or unreadable, or if order_id, product_id or ordered_at is not found.
    """
    connection = connect()
    notes: list[str] = []
    orders_source = open_source(connection, "data.orders", data.orders)
    orders, unbound = bind_columns(connection, orders_source, ORDER_COLUMNS, data.columns)
    require(orders_source, orders)
    products_source = open_source(connection, "data.products", data.products) if data.products is not None else None
    catalogue = products_source or orders_source
    taken = [] if products_source else [bound.told for bound in orders.values()]
    products, unbound_products = bind_columns(connection, catalogue, PRODUCT_COLUMNS, data.columns, taken)
    if products_source is None:
        products["product_id"] = orders["product_id"]
    elif "product_id" not in products:
        raise DataError(missing(products_source, ["product_id"]))
    if "product_type" not in products and "category" in products:
        products["product_type"] = replace(products["category"], column="product_type", how="name")
        notes.append("product_type is missing: category serves as the type")
    notes[:0] = [
        *mapping_notes([*unbound, *unbound_products], {**products, **orders}),
        *alias_notes(orders_source, orders),
        *(alias_notes(catalogue, products) if products_source else alias_notes(catalogue, without(products, orders))),
    ]
    if products_source is None:
        notes.append("no data.products: the catalogue is what the order lines tell of their products")
    mapped_view(connection, "raw_orders", orders_source, ORDER_COLUMNS, orders)
    mapped_view(connection, "raw_products", catalogue, PRODUCT_COLUMNS, products)
    missing_columns = [c for c in SWITCHED_OFF if c not in orders and c not in products]
    return Purchases(
        connection, orders, products, products_source is not None, notes, switched_off(missing_columns, products)
    )


def connect() -> duckdb.DuckDBPyConnection:
    """An empty database in memory: two threads, 4 GB, dates in UTC; it installs no extension.

    What does not fit is spilled to a folder of the system's place for temporary files, which DuckDB makes when it is
    needed and removes when the connection is closed.
    """
    spill = Path(tempfile.gettempdir()) / f"mersalg-{uuid4().hex}"
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 2,
            "memory_limit": "4GB",
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what DuckDB refuses while it reads a source into a DataError that says where."""
    try:
        yield
    except duckdb.Error as error:
        raise DataError(
            f"{what}: a row cannot be read: {error}\nA CSV needs a header, one separator and UTF-8 throughout"
        ) from error


def switched_off(missing_columns: list[Column], products: Mapping[Column, Bound]) -> list[str]:
    """A sentence for each missing column."""
    sentences = []
    for column in missing_columns:
        if column == "product_type" and "category" in products:
            continue
        sentences.append(NO_PRICE if column == "unit_price" and "price" not in products else SWITCHED_OFF[column])
    return sentences


def require(source: DataSource, result: Mapping[Column, Bound]) -> None:
    """DataError if a column is missing without which nothing can be learned."""
    if absent := [column for column in REQUIRED if column not in result]:
        raise DataError(missing(source, absent))


def missing(source: DataSource, absent: Sequence[Column]) -> str:
    """What to do about columns that were not found."""
    example = "\n".join(f'  {column} = "..."' for column in absent)
    return (
        f"{source.key} = {source.location!r}: no column for {', '.join(absent)}.\n"
        f"Columns found: {', '.join(source.columns)}.\n"
        f"Name them in the configuration, each a column or a DuckDB expression over columns:\n[data.columns]\n{example}"
    )


def mapping_notes(unbound: list[Unbound], result: Mapping[Column, Bound]) -> list[str]:
    """One sentence for each mapping that holds in no source."""
    notes = {}
    for failed in unbound:
        bound = result.get(failed.column)
        if bound is not None and bound.how == "mapping":
            continue
        instead = f"{bound.told} is used instead" if bound else "nothing else was found"
        notes[failed.column] = (
            f"data.columns.{failed.column} = {failed.mapping!r} does not bind ({failed.why}): {instead}"
        )
    return list(notes.values())


def alias_notes(source: DataSource, result: Mapping[Column, Bound]) -> list[str]:
    """One sentence for each column that was found by an alias."""
    return [f"{source.key}: {b.column} is read from {b.told}" for b in result.values() if b.how == "alias"]


def without(some: Mapping[Column, Bound], others: Mapping[Column, Bound]) -> dict[Column, Bound]:
    """The entries of the first mapping that the second lacks."""
    return {column: bound for column, bound in some.items() if column not in others}
