"""A table elsewhere as a source: its rows come as a stream of Arrow record batches, of the columns that are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.data.sources import DataSource, columns_of, table_of
from mersalg_training.engine.database import fitting

STREAM: Final = "mersalg_stream"
"""The name under which the database scans a stream."""


@dataclass(frozen=True)
class Stream:
    """Rows on their way."""

    batches: Any
    """Anything with Arrow's C stream interface, which is read once."""
    columns: str = "*"
    """SQL over it."""


Rows = Callable[[Sequence[str] | None, int | None], AbstractContextManager[Stream]]
"""Opens the rows of a table: of these columns alone, or None = of all, and at most so many, or None = all of them."""


def source_of_rows(
    connection: duckdb.DuckDBPyConnection, key: str, location: str, rows: Rows, pinned: str | None = None
) -> DataSource:
    """A table elsewhere as a source, of which no row is read before its `fetch` asks for columns.

    rows: raises DataError where the table cannot be read.
    """
    shape, copy = table_of("shape", key), table_of("copy", key)

    def fetch(columns: Sequence[str], most: int | None) -> None:
        copy_rows(connection, f"{key} = {location!r}", copy, rows(columns, most))

    copy_rows(connection, f"{key} = {location!r}", shape, rows(None, 0))
    connection.execute(f"DROP TABLE IF EXISTS {copy}")  # nobody reads the rows of another time
    columns = columns_of(connection, shape)
    return DataSource(key, location, copy, columns, False, shape, fetch=fetch, pinned=pinned)


def copy_rows(
    connection: duckdb.DuckDBPyConnection, where: str, table: str, rows: AbstractContextManager[Stream]
) -> None:
    """Make a temporary table of a stream, batch by batch; what does not fit in memory is spilled."""
    with rows as stream:
        connection.register(STREAM, stream.batches)
        try:
            with fitting(connection):
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {stream.columns} FROM {STREAM}")
        except duckdb.Error as error:
            raise DataError(f"{where}: cannot be read to its end: {first_line(error)}") from None
        finally:
            connection.unregister(STREAM)


def first_line(error: Exception) -> str:
    """What a library or a server says against reading, without the lines that repeat a statement or its own code."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"^.*?\b(ERROR|Failed to prepare query): +", "", line)
