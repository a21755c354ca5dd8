"""A cluster that counts: tables are Parquet files below `[engine] scratch`, and SELECTs are run by Spark."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig
from mersalg_training.engine.arrow_columns import as_arrow, as_numpy, as_table
from mersalg_training.engine.database import spill_folder
from mersalg_training.engine.engine import Columns
from mersalg_training.engine.spark_session import (
    PATIENCE,
    Opened,
    check_address,
    counting_rows,
    open_session,
    refusals,
    watched,
)

PARAMETER: Final = re.compile(r"\$(\w+)")


class SparkEngine:
    """An `Engine` on a cluster. Its tables are in a database of their own, which goes when it is closed or forgotten.

    ConfigError where the cluster does not answer, is lost, or may not write below the scratch folder. A table's name is
    a view of the table that was made last under it, so that one may be made of itself.
    """

    rows_at_once: int = 2**32
    """Some ten bytes of each on disk; each slice is made by jobs of its own, which take seconds however small."""
    brought_at_once: int = 2**20
    """Rows that go to the cluster in one piece."""

    def __init__(self, config: EngineConfig, patience: float = PATIENCE) -> None:
        check_address(config)
        self.config, self.patience = config, patience
        self.database = f"mersalg_{uuid4().hex}"
        folder = location(config, self.database)
        opened = open_session(config)
        self.session = opened.session
        self.end = weakref.finalize(self, end_session, opened, self.database, config)
        self.numbers, self.places = count(), dict[str, str]()
        try:
            with watched(self.session, config, patience):
                self.session.sql(f"CREATE DATABASE {self.database} LOCATION '{folder}'")
            self.make("probe", "SELECT 1 AS one")  # by a worker: what it may not write is told before hours of work
            self.drop("probe")
        except ConfigError:
            self.close()
            raise

    def make(self, table: str, select: str, **parameters: float) -> None:
        """See `Engine.make`. ConfigError where not all that workers wrote can be read."""
        with watched(self.session, self.config, self.patience):
            frame, rows = counting_rows(self.frame(select, parameters), self.config)
            place = self.new_place(table)
            frame.write.format("parquet").saveAsTable(place)
            self.check(place, rows())
            self.name(table, place)

    def add(self, table: str, select: str, **parameters: float) -> None:
        """See `Engine.add`."""
        place = self.places[table]
        with watched(self.session, self.config, self.patience):
            before = self.session.table(place).count()
            frame, rows = counting_rows(self.frame(select, parameters), self.config)
            frame.write.format("parquet").mode("append").saveAsTable(place)
            self.check(place, before + rows())

    def lay(self, table: str, columns: Columns) -> None:
        """See `Engine.lay`; NaN stays NaN, and what is masked becomes NULL."""
        laid = as_arrow(columns)
        starts = range(0, max(1, laid.num_rows), self.brought_at_once)
        self.bring(table, (laid.slice(start, self.brought_at_once) for start in starts))

    def bring(self, table: str, pieces: Iterable[Any]) -> None:
        """Make a table of pieces of Arrow, of which there is one at least."""
        brought, place = 0, self.new_place(table)
        with watched(self.session, self.config, self.patience):
            for piece in pieces:
                frame = self.session.createDataFrame(as_table(piece))
                frame.write.format("parquet").mode("append").saveAsTable(place)
                brought += piece.num_rows
            self.check(place, brought)
            self.name(table, place)

    def rows(self, select: str, **parameters: float) -> Columns:
        """See `Engine.rows`."""
        with watched(self.session, self.config, self.patience):
            found = self.frame(select, parameters).toArrow()
        return {name: as_numpy(column) for name, column in zip(found.column_names, found.columns, strict=True)}

    def drop(self, *tables: str) -> None:
        """See `Engine.drop`; the files go with the tables."""
        with watched(self.session, self.config, self.patience):
            for table in tables:
                self.session.sql(f"DROP VIEW {table}")
                self.session.sql(f"DROP TABLE {self.places.pop(table)}")

    def close(self) -> None:
        """Remove the database with all its files, and end a session that was opened for it."""
        self.end()

    def frame(self, select: str, parameters: dict[str, float]) -> Any:
        """A SELECT with its parameters as Spark writes them."""
        return self.session.sql(PARAMETER.sub(r":\1", select), args=parameters)

    def new_place(self, table: str) -> str:
        """A name that no table has had."""
        return f"{self.database}.{table}_{next(self.numbers)}"

    def name(self, table: str, place: str) -> None:
        """Let a name mean a table, and remove the one that it meant before."""
        self.session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {table} AS SELECT * FROM {place}")
        if table in self.places:
            self.session.sql(f"DROP TABLE {self.places[table]}")
        self.places[table] = place

    def check(self, place: str, written: int) -> None:
        """ConfigError where a table does not hold as many rows as were written."""
        found = self.session.table(place).count()
        if found != written:
            raise ConfigError(
                f"engine.scratch: expected a folder that the driver and all workers share, got "
                f"{self.config.scratch!r}: of {written:,} rows that workers wrote there {found:,} can be read"
            )


def end_session(opened: Opened, database: str, config: EngineConfig) -> None:
    """Remove a database, and end a session that is nobody else's."""
    try:
        with refusals(config):
            opened.session.sql(f"DROP DATABASE IF EXISTS {database} CASCADE")
    finally:
        if opened.is_own:
            opened.session.stop()


def location(config: EngineConfig, database: str) -> str:
    """Where a database lies below the scratch folder, as SQL text.

    A folder that this process sees as well is one that is swept when a job was killed, as those of `spill` are.
    """
    scratch = str(config.scratch)
    if config.master and "://" not in scratch:
        scratch = str(spill_folder(Path(scratch), "engine.scratch"))
    return f"{scratch.rstrip('/')}/{database}".replace("\\", "\\\\").replace("'", "\\'")
