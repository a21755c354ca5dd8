"""mersalg's columns found in a shop's table: by the configured mapping, by their own name, by an alias."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from mersalg.errors import DataError
from mersalg_training.columns import Column, find_alias, find_exact
from mersalg_training.data.sources import DataSource, identifier

How = Literal["mapping", "name", "alias", "stand-in"]


@dataclass(frozen=True)
class Bound:
    """A column of mersalg as SQL over a source."""

    column: Column
    how: How
    told: str
    """The column of the source, or the expression, as a person writes it."""
    sql: str
    over_numbers: bool = False
    """The expression reads the columns of a CSV as numbers, because it does not bind to text."""


@dataclass(frozen=True)
class Unbound:
    """A configured mapping that names nothing in a source, and why."""

    column: Column
    mapping: str
    why: str


def bind_columns(
    connection: duckdb.DuckDBPyConnection,
    source: DataSource,
    wanted: Sequence[Column],
    mappings: Mapping[Column, str],
    taken: Sequence[str] = (),
) -> tuple[dict[Column, Bound], list[Unbound]]:
    """Every wanted column that the source has, and the mappings that do not hold for it.

    The order is: the mapping, the column's own name, an alias. A column in `taken` is found by a mapping alone; no
    alias names a column that another one of `wanted` has found.
    """
    result: dict[Column, Bound] = {}
    unbound: list[Unbound] = []
    for column in wanted:
        mapping = mappings.get(column)
        bound = bind_mapping(connection, source, column, mapping) if mapping is not None else None
        if isinstance(bound, Bound):
            result[column] = bound
            continue
        if bound is not None:
            unbound.append(bound)
        if (name := find_exact(column, source.columns)) and name not in taken:
            result[column] = Bound(column, "name", name, identifier(name))
    for column in wanted:
        used = {*taken, *(bound.told for bound in result.values())}
        if column not in result and (name := find_alias(column, [c for c in source.columns if c not in used])):
            result[column] = Bound(column, "alias", name, identifier(name))
    return result, unbound


def bind_mapping(
    connection: duckdb.DuckDBPyConnection, source: DataSource, column: Column, mapping: str
) -> Bound | Unbound:
    """A mapping as SQL: a column of the source, else a DuckDB expression over its columns.

    An expression is first bound to the columns as they are. In a CSV they are text; where the expression does not
    bind to text (as a division), it is bound to all columns as numbers. A row on which it fails gives NULL.
    """
    if name := find_exact(mapping, source.columns):
        return Bound(column, "mapping", name, identifier(name))
    sql = f"TRY({mapping}\n)"
    why = why_unbound(connection, sql, source.shape)
    if why is None:
        return Bound(column, "mapping", mapping, sql)
    if source.is_text and why_unbound(connection, sql, f"(SELECT {numbers(source)} FROM {source.shape})") is None:
        return Bound(column, "mapping", mapping, sql, over_numbers=True)
    return Unbound(column, mapping, why)


def why_unbound(connection: duckdb.DuckDBPyConnection, sql: str, relation: str) -> str | None:
    """What DuckDB says against it, in a line, or None where the expression binds."""
    try:
        connection.execute(f"DESCRIBE SELECT {sql} FROM {relation}")
    except (
        duckdb.BinderException,
        duckdb.ParserException,
        duckdb.CatalogException,
        duckdb.ConversionException,
    ) as error:
        return str(error).split("\n", maxsplit=1)[0].split("Error: ", maxsplit=1)[-1]
    except duckdb.Error as error:
        raise DataError(f"data.columns: the expression {sql!r} is not understood by DuckDB: {error}") from error
    return None


def columns_read(connection: duckdb.DuckDBPyConnection, source: DataSource, bound: Iterable[Bound]) -> list[str]:
    """The columns of a source that these are made of, in the source's order; all of them where one takes a star."""
    names: set[str] = set()
    for sql in dict.fromkeys(one.sql for one in bound):
        rows = connection.execute("SELECT json_serialize_sql($sql)", {"sql": f"SELECT {sql}"}).fetchall()
        for name in named_columns(json.loads(rows[0][0])):
            if name is None:
                return list(source.columns)
            names.add(name.lower())
    return [column for column in source.columns if column.lower() in names]


def named_columns(tree: Any) -> Iterator[str | None]:
    """Every part of a name of a column in a statement's syntax tree, None for a star."""
    if isinstance(tree, list):
        for branch in tree:
            yield from named_columns(branch)
    elif isinstance(tree, dict):
        if tree.get("class") == "STAR":
            yield None
        elif tree.get("class") == "COLUMN_REF":
            yield from tree["column_names"]
        for branch in tree.values():
            yield from named_columns(branch)


def mapped_view(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    source: DataSource,
    wanted: Sequence[Column],
    result: Mapping[Column, Bound],
) -> None:
    """Create a view with exactly the wanted columns, in the source's types; a column that is not found is NULL."""
    inner = [
        f"{result[c].sql} AS {identifier('mersalg ' + c)}" for c in wanted if c in result and not result[c].over_numbers
    ]
    if any(bound.over_numbers for bound in result.values()):
        inner.append(numbers(source))
    outer = []
    for column in wanted:
        if column not in result:
            outer.append(f"CAST(NULL AS VARCHAR) AS {column}")
        elif result[column].over_numbers:
            outer.append(f"{result[column].sql} AS {column}")
        else:
            outer.append(f"{identifier('mersalg ' + column)} AS {column}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS "
        f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner) or '1'} FROM {source.relation})"
    )


def numbers(source: DataSource) -> str:
    """Every column of a CSV as a number, NULL where it is none, under its own name.

    The trim stays: a bare TRY_CAST of a column is taken over by DuckDB's CSV reader, which stops at what is no number.
    """
    return ", ".join(f"TRY_CAST(trim({identifier(name)}) AS DOUBLE) AS {identifier(name)}" for name in source.columns)
