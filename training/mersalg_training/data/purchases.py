"""Purchases opened: a shop's order lines and catalogue under mersalg's names, whatever the shop calls them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches

import duckdb

from mersalg.errors import DataError
from mersalg_training.columns import (
    NO_PRICE,
    ORDER_COLUMNS,
    PRODUCT_COLUMNS,
    REQUIRED,
    SWITCHED_OFF,
    Column,
    Format,
    find_exact,
)
from mersalg_training.config import DataConfig, EngineConfig
from mersalg_training.data.exports.opening import open_export_orders, open_export_products
from mersalg_training.data.exports.shapes import likeness
from mersalg_training.data.external.opening import open_table
from mersalg_training.data.mapping import Bound, Unbound, bind_columns, columns_read, mapped_view
from mersalg_training.data.sources import DataSource, identifier, refused
from mersalg_training.engine.database import connect


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
    order_lines: DataSource
    catalogue: DataSource | None
    """The products source, to which a product can be unknown; None = order lines tell of the products."""
    notes: list[str]
    """What was found otherwise than by the mapping or the column's own name."""
    switched_off: list[str]
    """A sentence for each missing column: what depends on it."""

    @property
    def category_is_type(self) -> bool:
        """Whether the category stands in for a product type that is missing."""
        product_type = self.products.get("product_type")
        return product_type is not None and product_type.how == "stand-in"

    @property
    def pinned(self) -> dict[str, str]:
        """A source's key -> the address that reads the same rows again, of those that have one."""
        sources = [self.order_lines, *([self.catalogue] if self.catalogue else [])]
        return {source.key: source.pinned for source in sources if source.pinned is not None}

    @property
    def has_catalogue(self) -> bool:
        """Whether a products source is given."""
        return self.catalogue is not None


def open_purchases(data: DataConfig, engine: EngineConfig | None = None, most: int | None = None) -> Purchases:
    """Find the sources and map their columns.

    No row of files here is read yet, but of an export, which is made a table first; of a table elsewhere the mapped
    columns are read, once. most: rows of a table elsewhere; None = all. DataError if a source is missing or unreadable,
    if order_id, product_id or ordered_at is not found, or if a mapping that fits neither source looks misspelt.
    """
    connection = connect(engine or EngineConfig())
    notes: list[str] = []
    orders_source = open_orders(connection, data, notes)
    orders, unbound = bind_columns(connection, orders_source, ORDER_COLUMNS, data.columns)
    products_source = None
    if data.products is not None:
        products_source = open_products(connection, data, data.products, notes)
    catalogue = products_source or orders_source
    taken = [] if products_source else [bound.told for bound in orders.values()]
    products, unbound_products = bind_columns(connection, catalogue, PRODUCT_COLUMNS, data.columns, taken)
    bound = [*orders.values(), *products.values()]
    notes += unbound_notes([*unbound, *unbound_products], bound, [orders_source, catalogue])
    require(orders_source, orders, data.format)
    if products_source is None:
        products["product_id"] = orders["product_id"]
    elif "product_id" not in products:
        raise DataError(missing(products_source, ["product_id"]))
    if "product_type" not in products and "category" in products:
        products["product_type"] = replace(products["category"], column="product_type", how="stand-in")
        notes.append("product_type is missing: category serves as the type")
    notes[:0] = [
        *alias_notes(orders_source, orders),
        *(alias_notes(catalogue, products) if products_source else alias_notes(catalogue, without(products, orders))),
    ]
    if products_source is None:
        notes.append("no data.products: the catalogue is what the order lines tell of their products")
    notes += header_notes(orders_source, orders)
    notes += header_notes(products_source, products) if products_source else []
    notes += pinned_notes(orders_source, products_source)
    of_orders = [*orders.values(), *(products.values() if products_source is None else [])]
    orders_source = read_elsewhere(connection, orders_source, of_orders, most)
    if products_source is not None:
        products_source = read_elsewhere(connection, products_source, products.values(), most)
    mapped_view(connection, "raw_orders", orders_source, ORDER_COLUMNS, orders)
    mapped_view(connection, "raw_products", products_source or orders_source, PRODUCT_COLUMNS, products)
    off = switched_off([c for c in SWITCHED_OFF if c not in orders and c not in products], products)
    return Purchases(connection, orders, products, orders_source, products_source, notes, off)


def open_orders(connection: duckdb.DuckDBPyConnection, data: DataConfig, notes: list[str]) -> DataSource:
    """The order lines: a table, or what an adapter makes of an export; what was decided there is added to the notes."""
    if data.format == "table":
        return open_table(connection, "data.orders", data.orders, data.encoding)
    source, told = open_export_orders(connection, data.format, data.orders, data.encoding)
    notes += told
    return source


def open_products(
    connection: duckdb.DuckDBPyConnection, data: DataConfig, location: str, notes: list[str]
) -> DataSource:
    """The catalogue: a table in any case, or the products that the same system exports."""
    export = open_export_products(connection, data.format, location, data.encoding)
    if export is None:
        return open_table(connection, "data.products", location, data.encoding)
    source, told = export
    notes += told
    return source


def read_elsewhere(
    connection: duckdb.DuckDBPyConnection, source: DataSource, bound: Iterable[Bound], most: int | None
) -> DataSource:
    """A table elsewhere with the columns read that these are made of; files here as they are."""
    return source if source.fetch is None else source.fetched(columns_read(connection, source, bound), most)


def pinned_notes(*sources: DataSource | None) -> list[str]:
    """A sentence for each source of which a version was read."""
    return [
        f"{source.key}: {source.pinned} reads the same again, whatever is written later"
        for source in sources
        if source is not None and source.pinned is not None
    ]


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what DuckDB refuses while it reads a source into a DataError that says where."""
    try:
        yield
    except duckdb.Error as error:
        raise DataError(
            f"{what}: cannot be read: {refused(error)}\nA CSV needs a header, one separator and one encoding throughout"
        ) from None


def switched_off(missing_columns: list[Column], products: Mapping[Column, Bound]) -> list[str]:
    """A sentence for each missing column."""
    sentences = []
    for column in missing_columns:
        if column == "product_type" and "category" in products:
            continue
        sentences.append(NO_PRICE if column == "unit_price" and "price" not in products else SWITCHED_OFF[column])
    return sentences


def require(source: DataSource, result: Mapping[Column, Bound], format: Format) -> None:
    """DataError if a column is missing without which nothing can be learned."""
    if absent := [column for column in REQUIRED if column not in result]:
        raise DataError("\n".join(filter(None, [missing(source, absent), likeness(source.columns, format)])))


def missing(source: DataSource, absent: Sequence[Column]) -> str:
    """What to do about columns that were not found."""
    example = "\n".join(f'  {column} = "..."' for column in absent)
    return (
        f"{source.key} = {source.location!r}: no column for {', '.join(absent)}.\n"
        f"Columns found: {', '.join(source.columns)}.\n"
        f"Name them in the configuration, each a column or a DuckDB expression over columns:\n[data.columns]\n{example}"
    )


def unbound_notes(unbound: Sequence[Unbound], found: Sequence[Bound], sources: Sequence[DataSource]) -> list[str]:
    """A sentence for each mapping that fits none of the sources; DataError for one that looks misspelt.

    A configuration may be pointed at another history, of which other columns are found by their names. A misspelt
    name means a column that is not read as another one.
    """
    bound = {column.column: column for column in found}
    columns = dict.fromkeys(column for source in sources for column in source.columns)
    unread = [column for column in columns if column not in {one.told for one in found}]
    notes = []
    for failed in unbound:
        instead = bound.get(failed.column)
        if instead is not None and instead.how == "mapping":
            continue
        told = f"data.columns.{failed.column} = {failed.mapping!r}"
        near = get_close_matches(failed.mapping, unread, n=1)
        if instead is None and near:
            raise DataError(
                f"{told}: expected a column of the source, or an expression over its columns; {failed.why}. "
                f"Did you mean {near[0]!r}?{quoting(failed.mapping, columns)}\nColumns found: {', '.join(columns)}"
            )
        is_used = f"{instead.told} is used" if instead is not None else "nothing is used"
        notes.append(f"{told} fits no column ({failed.why}): {is_used} instead")
    return notes


def quoting(mapping: str, columns: Iterable[str]) -> str:
    """A sentence where an expression seems to name a column that needs quotes; empty otherwise."""
    named = [name for name in columns if not name.isidentifier() and name in mapping and name != mapping]
    return f" In an expression its name stands in double quotes: {identifier(named[0])}." if named else ""


def header_notes(source: DataSource, result: Mapping[Column, Bound]) -> list[str]:
    """One sentence for each column that some files of a source lack; DataError where it is a required one."""
    notes = []
    for bound in result.values():
        lack = [file for file, columns in source.by_file.items() if find_exact(bound.told, columns) is None]
        if bound.told not in source.columns or not lack:
            continue
        other = next((name for name in source.by_file[lack[0]] if name not in result_columns(result)), "ITS_NAME")
        mend = json.dumps(f"coalesce({identifier(bound.told)}, {identifier(other)})")
        told = (
            f"{source.key}: {len(lack)} of {len(source.by_file)} files have no column {bound.told}, as {lack[0]}, "
            f"whose columns are {', '.join(source.by_file[lack[0]])}"
        )
        if bound.column in REQUIRED:
            raise DataError(
                f"{told}. Name files of one header with a glob, or say what the column is called there:\n"
                f"[data.columns]\n  {bound.column} = {mend}"
            )
        notes.append(f"{told}; {bound.column} is empty in their lines")
    return notes


def result_columns(result: Mapping[Column, Bound]) -> set[str]:
    """The columns of a source that are read."""
    return {bound.told for bound in result.values()}


def alias_notes(source: DataSource, result: Mapping[Column, Bound]) -> list[str]:
    """One sentence for each column that was found by an alias."""
    return [f"{source.key}: {b.column} is read from {b.told}" for b in result.values() if b.how == "alias"]


def without(some: Mapping[Column, Bound], others: Mapping[Column, Bound]) -> dict[Column, Bound]:
    """The entries of the first mapping that the second lacks."""
    return {column: bound for column, bound in some.items() if column not in others}
