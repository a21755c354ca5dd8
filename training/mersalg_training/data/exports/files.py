"""The files of an export, whatever they are written in, as records of one fixed shape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.columns import plain_name
from mersalg_training.data.csv_files import is_packed
from mersalg_training.data.external.opening import address_of
from mersalg_training.data.sources import (
    CSV,
    JSON,
    PARQUET,
    find_files,
    identifier,
    literal,
    open_source,
    refused,
    suffix,
)

LOOKED_AT: Final = 1000
"""The names of fields are those of so many records."""
MAX_OBJECT_BYTES: Final = 2**24
"""DuckDB's own limit for one JSON object; where one is larger, it may be as large as its file."""
TOO_LARGE: Final = "maximum_object_size"
"""What DuckDB speaks of where an object is larger than that."""
PACKED: Final = 30
"""A packed file is taken to be at most so many times as large."""
Spec = str | Mapping[str, "Spec"] | Sequence[Mapping[str, "Spec"]]
"""The shape of a field: "VARCHAR", "JSON", a mapping for an object, or a list of one mapping for a list of objects."""


@dataclass(frozen=True)
class Export:
    """The files of an export, of which nothing but the names of fields was read."""

    key: str
    """The configuration's key that names it, for messages."""
    location: str
    files: tuple[Path, ...]
    columns: tuple[str, ...]
    """Of the rows of a CSV or Parquet, or of the objects of JSON."""
    relation: str
    """The rows of a CSV or Parquet as SQL; empty for JSON."""
    object_bytes: int = MAX_OBJECT_BYTES
    """The largest object of JSON that is read."""

    @property
    def is_json(self) -> bool:
        """Whether its records are objects of JSON."""
        return not self.relation

    def find(self, *names: str) -> str | None:
        """The first of its columns that goes by one of the names, in any case and with any blanks; None without one."""
        spelled = {plain_name(column): column for column in reversed(self.columns)}
        return next((spelled[plain_name(name)] for name in names if plain_name(name) in spelled), None)

    def column(self, *names: str) -> str:
        """SQL for the text of such a column, NULL where it is blank or there is none."""
        found = self.find(*names)
        return "CAST(NULL AS VARCHAR)" if found is None else f"nullif(trim(CAST({identifier(found)} AS VARCHAR)), '')"


def open_export(connection: duckdb.DuckDBPyConnection, key: str, location: str, encoding: str) -> Export:
    """Find the files of an export and the names of their fields; DataError where there are none, or no records."""
    if address_of(key, location) is not None:
        raise DataError(f"{key} = {location!r}: an export is read from files; bring them here, or name a plain table")
    files = find_files(key, location, (*PARQUET, *CSV, *JSON))
    if suffix(files[0]) not in JSON:
        source = open_source(connection, key, location, encoding)
        return Export(key, location, tuple(files), source.columns, source.relation)
    limit = MAX_OBJECT_BYTES
    try:
        try:
            columns = fields_of(connection, files, limit)
        except duckdb.InvalidInputException as error:
            if TOO_LARGE not in str(error):
                raise
            limit = most_bytes(files)  # a page of an API is one object
            columns = fields_of(connection, files, limit)
    except duckdb.Error as error:
        raise DataError(f"{key} = {location!r}: cannot be read as JSON: {refused(error)}") from None
    return Export(key, location, tuple(files), columns, "", limit)


def fields_of(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], limit: int) -> tuple[str, ...]:
    """The names of fields of the first objects of JSON files, of which none is larger than so many bytes."""
    rows = connection.execute(f"""
        SELECT DISTINCT unnest(json_keys(json)) FROM
        (SELECT json FROM read_json_objects({listed(files)}, maximum_object_size = {limit}) LIMIT {LOOKED_AT})
    """).fetchall()
    return tuple(sorted(row[0] for row in rows))


def listed(files: Sequence[Path]) -> str:
    """SQL for a list of files."""
    return "[" + ", ".join(literal(str(file)) for file in files) + "]"


def most_bytes(files: Sequence[Path]) -> int:
    """The largest object that the files can hold, at least DuckDB's own limit."""
    return max(MAX_OBJECT_BYTES, *(file.stat().st_size * (PACKED if is_packed(file) else 1) for file in files))


def records(connection: duckdb.DuckDBPyConnection, export: Export, shape: Mapping[str, Spec], envelope: str) -> str:
    """SQL for the records of an export with exactly the fields of a shape; what a record lacks is NULL.

    envelope: the field of a page of an API that holds its records, as in {"orders": [...]}; a file may also hold the
    records alone, as a list or one a line.
    """
    if not export.is_json:
        return f"(SELECT {fixed(connection, export, shape)} FROM {export.relation})"
    reader = f"read_json({listed(export.files)}, maximum_object_size = {export.object_bytes}"
    if is_page(export, shape, envelope):
        pages = f"{reader}, columns = {{{literal(envelope)}: {literal(sql_type([shape]))}}})"
        return f"(SELECT page.* FROM (SELECT unnest({identifier(envelope)}) AS page FROM {pages}))"
    fields = ", ".join(f"{literal(name)}: {literal(sql_type(spec))}" for name, spec in shape.items())
    return f"{reader}, columns = {{{fields}}})"


def is_page(export: Export, shape: Mapping[str, Spec], envelope: str) -> bool:
    """Whether its objects are pages of an API: they have the envelope, and hardly anything of a record."""
    others = [name for name in shape if name != envelope and name in export.columns]
    return export.is_json and envelope in export.columns and not others


def fixed(connection: duckdb.DuckDBPyConnection, export: Export, shape: Mapping[str, Spec]) -> str:
    """SQL for the columns of a Parquet file as a shape has them; its own may have more fields, or fewer."""
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {export.relation}").fetchall()}
    columns = []
    for name, spec in shape.items():
        if name not in types:
            sql = f"CAST(NULL AS {sql_type(spec)})"
        elif isinstance(spec, str):
            sql = f"CAST({identifier(name)} AS {spec})"
        else:
            sql = f"from_json(to_json({unwrapped(name, types[name])}), {literal(json.dumps(spec))})"
        columns.append(f"{sql} AS {identifier(name)}")
    return ", ".join(columns)


def unwrapped(name: str, kind: str) -> str:
    """SQL for a column of Parquet; a list that some writers, as BigQuery, wrap as `list.element` is taken out."""
    for field in ("element", "item"):
        if kind.startswith(f'STRUCT("list" STRUCT({field} ') or kind.startswith(f"STRUCT(list STRUCT({field} "):
            return f"list_transform({identifier(name)}.list, lambda x: x.{field})"
    return identifier(name)


def sql_type(spec: Spec) -> str:
    """DuckDB's type of a shape."""
    if isinstance(spec, str):
        return spec
    if isinstance(spec, Mapping):
        return "STRUCT(" + ", ".join(f"{identifier(name)} {sql_type(inner)}" for name, inner in spec.items()) + ")"
    return f"{sql_type(spec[0])}[]"
