"""A cluster that counts: tables are Parquet files below `[engine] scratch`, and SELECTs are run by Spark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig
from mersalg_training.engine.arrow_columns import as_arrow, as_numpy
from mersalg_training.engine.database import spill_folder
from mersalg_training.engine.engine import Columns
from mersalg_training.engine.spark_session import (
    PATIENCE,
    check_address,
    counting_rows,
    open_session,
    refusals,
    watched,
)

LAID_AT_ONCE: Final = 2**20
"""Rows that go to the cluster in one piece."""


class SparkEngine:
    """An Engine on a cluster; its tables are a database of their own, which goes when it is closed.

    ConfigError where the cluster does not answer, is lost, or may not write below the scratch folder.
    """

    rows_at_once: int = 2**32
    """Some ten bytes of each on disk; each slice is made by jobs of its own, which take seconds however small."""

    def __init__(self, config: EngineConfig, patience: float = PATIENCE) -> None:
        self.config = config
        self.patience = patience
        check_address(config)
        self.database = f"mersalg_{uuid4().hex}"
        folder = location(config, self.database)
        opened = open_session(config)
        self.session, self.is_own = opened.session, opened.is_own
        try:
            with watched(self.session, config, patience):
                self.session.sql(f"CREATE DATABASE {self.database} LOCATION '{folder}'")
                self.session.sql(f"USE {self.database}")
            self.make("probe", "SELECT 1 AS one")  # by a worker: what it may not write is told before hours of work
            self.drop("probe")
        except ConfigError:
            self.close()
            raise

    def make(self, table: str, select: str, **parameters: float) -> None:
        """See `Engine.make`. ConfigError where not all that workers wrote can be read."""
        with watched(self.session, self.config, self.patience):
            self.session.sql(f"DROP TABLE IF EXISTS {table}")
            frame, rows = counting_rows(self.frame(select, parameters))
            frame.write.format("parquet").saveAsTable(table)
            self.check(table, rows())

    def rows(self, select: str, **parameters: float) -> Columns:
        """See `Engine.rows`."""
        with watched(self.session, self.config, self.patience):
            found = self.frame(select, parameters).toArrow()
        return {name: as_numpy(column) for name, column in zip(found.column_names, found.columns, strict=True)}

    def lay(self, table: str, columns: Columns) -> None:
        """See `Engine.lay`."""
        laid = as_arrow(columns)
        with watched(self.session, self.config, self.patience):
            self.session.sql(f"DROP TABLE IF EXISTS {table}")
            for start in range(0, max(1, laid.num_rows), LAID_AT_ONCE):
                frame = self.session.createDataFrame(laid.slice(start, LAID_AT_ONCE))
                frame.write.format("parquet").mode("append").saveAsTable(table)
            self.check(table, laid.num_rows)

    def drop(self, *tables: str) -> None:
        """See `Engine.drop`; the files go with the tables."""
        with watched(self.session, self.config, self.patience):
            for table in tables:
                self.session.sql(f"DROP TABLE {table}")

    def close(self) -> None:
        """Remove the database with all its files, and end a session that was opened for it."""
        try:
            with refusals(self.config):
                self.session.sql(f"DROP DATABASE IF EXISTS {self.database} CASCADE")
        finally:
            if self.is_own:
                self.session.stop()

    def frame(self, select: str, parameters: dict[str, float]) -> Any:
        """A SELECT with its parameters as Spark writes them."""
        return self.session.sql(re.sub(r"\$(\w+)", r":\1", select), args=parameters)

    def check(self, table: str, written: int) -> None:
        """ConfigError where a table does not hold as many rows as were written."""
        found = self.session.table(table).count()
        if found != written:
            raise ConfigError(
                f"engine.scratch: expected a folder that the driver and all workers share, got "
                f"{self.config.scratch!r}: of {written:,} rows that workers wrote there {found:,} can be read"
            )


def location(config: EngineConfig, database: str) -> str:
    """Where a database lies below the scratch folder, as SQL text.

    A folder that this process sees as well is one that is swept when a job was killed, as those of `spill` are.
    """
    scratch = str(config.scratch)
    if config.master and "://" not in scratch:
        scratch = str(spill_folder(Path(scratch), "engine.scratch"))
    return f"{scratch.rstrip('/')}/{database}".replace("\\", "\\\\").replace("'", "\\'")
