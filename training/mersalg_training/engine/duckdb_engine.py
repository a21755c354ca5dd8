"""DuckDB as the engine: one process, as many threads and as much memory as `[engine]` says, the rest on disk."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import duckdb

from mersalg_training.config import EngineConfig
from mersalg_training.engine.database import connect, fitting
from mersalg_training.engine.engine import Columns


class DuckDBEngine:
    """An `Engine` over a connection, its own or one in which the history lies already.

    ConfigError where neither memory nor disk hold what a statement needs.
    """

    rows_at_once: int = 2**23
    """Some hundred bytes of each while they are counted."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, config: EngineConfig) -> DuckDBEngine:
        """An engine with an empty database of its own."""
        return cls(connect(config))

    def __enter__(self) -> DuckDBEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def make(self, table: str, select: str, **parameters: float) -> None:
        """See `Engine.make`."""
        with fitting(self.connection):
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {select}", parameters or None)

    def add(self, table: str, select: str, **parameters: float) -> None:
        """See `Engine.add`."""
        with fitting(self.connection):
            self.connection.execute(f"INSERT INTO {table} {select}", parameters or None)

    def lay(self, table: str, columns: Columns) -> None:
        """See `Engine.lay`."""
        self.connection.register("laid_columns", columns)
        self.make(table, "SELECT * FROM laid_columns")
        self.connection.unregister("laid_columns")

    def rows(self, select: str, **parameters: float) -> Columns:
        """See `Engine.rows`."""
        with fitting(self.connection):
            return dict(self.connection.execute(select, parameters or None).fetchnumpy())

    def batches(self, select: str, rows: int) -> Iterator[Any]:
        """What a statement selects in pieces of Arrow, each of at most so many rows."""
        with fitting(self.connection):
            yield from self.connection.sql(select).to_arrow_reader(rows)

    def drop(self, *tables: str) -> None:
        """See `Engine.drop`."""
        for table in tables:
            self.connection.execute(f"DROP TABLE {table}")

    def close(self) -> None:
        """See `Engine.close`."""
        self.connection.close()
