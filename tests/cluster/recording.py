"""Engines that note what a job asks of the one that counts, and whether another engine answers the same."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from cluster.portable_sql import Schema
from mersalg_training.config import Config
from mersalg_training.data import history, shop_statistics
from mersalg_training.data.calendar import time_to_day
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.engine import Columns
from mersalg_training.engine.spark_engine import SparkEngine
from mersalg_training.learn import count_shop, read_purchases, work_of
from mersalg_training.progress import Stages
from mersalg_training.tables import statements

CUTS = 3
"""Of a job."""


@dataclass(frozen=True)
class Asked:
    """A statement and the tables that were there."""

    select: str
    schema: Schema


class RecordingEngine(DuckDBEngine):
    """DuckDB, with a list of all that it was asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self.asked: list[Asked] = []

    def make(self, table: str, select: str, **parameters: float) -> None:
        self.asked.append(Asked(select, self.schema()))
        super().make(table, select, **parameters)

    def add(self, table: str, select: str, **parameters: float) -> None:
        self.asked.append(Asked(select, self.schema()))
        super().add(table, select, **parameters)

    def rows(self, select: str, **parameters: float) -> Columns:
        self.asked.append(Asked(select, self.schema()))
        return super().rows(select, **parameters)

    def lay(self, table: str, columns: Columns) -> None:
        DuckDBEngine(self.connection).lay(table, columns)  # which asks nothing that a cluster is asked

    def schema(self) -> dict[str, dict[str, str]]:
        """Table -> column -> type, of all tables."""
        found: dict[str, dict[str, str]] = {}
        listed = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        for table, column, kind in self.connection.execute(listed).fetchall():
            found.setdefault(table, {})[column] = kind
        return found


@dataclass(frozen=True)
class Compared:
    """What two engines made of a statement."""

    name: str
    rows: int
    seconds: float
    other_seconds: float


class ComparingEngine(RecordingEngine):
    """DuckDB beside a cluster: each statement is run by both, and their rows have to be equal to the bit."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, other: SparkEngine) -> None:
        super().__init__(connection)
        self.other = other
        self.compared: list[Compared] = []

    def make(self, table: str, select: str, **parameters: float) -> None:
        seconds = timed(lambda: RecordingEngine.make(self, table, select, **parameters))
        other_seconds = timed(lambda: self.other.make(table, select, **parameters))
        self.compare(select, f"SELECT * FROM {table}", {}, (seconds, other_seconds))

    def add(self, table: str, select: str, **parameters: float) -> None:
        seconds = timed(lambda: RecordingEngine.add(self, table, select, **parameters))
        other_seconds = timed(lambda: self.other.add(table, select, **parameters))
        self.compare(select, f"SELECT * FROM {table}", {}, (seconds, other_seconds))

    def rows(self, select: str, **parameters: float) -> Columns:
        self.asked.append(Asked(select, self.schema()))
        return self.compare(select, select, parameters)

    def lay(self, table: str, columns: Columns) -> None:
        super().lay(table, columns)
        self.other.lay(table, columns)

    def drop(self, *tables: str) -> None:
        super().drop(*tables)
        self.other.drop(*tables)

    def close(self) -> None:
        super().close()
        self.other.close()

    def compare(
        self, asked: str, select: str, parameters: dict[str, float], made: tuple[float, float] | None = None
    ) -> Columns:
        """The rows of a SELECT, which have to be the same in both. made: the seconds that making a table took."""
        found: list[Columns] = []
        seconds = timed(lambda: found.append(DuckDBEngine.rows(self, select, **parameters)))
        other_seconds = timed(lambda: found.append(self.other.rows(select, **parameters)))
        name, mine, others = name_of(asked), in_order(found[0]), in_order(found[1])
        assert list(mine) == list(others), name
        for column, values in mine.items():
            assert values.dtype == others[column].dtype, (name, column)
            assert np.array_equal(np.ma.getmaskarray(values), np.ma.getmaskarray(others[column])), (name, column)
            # Bits, not values: -0.0 is not 0.0, and NaN is itself.
            assert bits(values).tobytes() == bits(others[column]).tobytes(), (name, column)
        self.compared.append(Compared(name, len(next(iter(mine.values()))), *(made or (seconds, other_seconds))))
        return found[0]


def bits(column: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The values, with zero where they are masked."""
    return np.ascontiguousarray(np.ma.filled(np.ma.asarray(column), 0))


def in_order(columns: Columns) -> Columns:
    """The same rows by all columns."""
    keys = [key for column in columns.values() for key in (bits(column), np.ma.getmaskarray(column))]
    order = np.lexsort(keys)
    return {name: column[order] for name, column in columns.items()}


def timed(work: Callable[[], object]) -> float:
    """Seconds of the wall's clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def registry() -> dict[str, str]:
    """Every statement of `tables.statements`, for a job's cuts -> its name; and those of the history."""
    found = {}
    for module in (statements, history, shop_statistics):
        for name, value in vars(module).items():
            if isinstance(value, str) and "SELECT" in value and name.isupper():
                found[value] = name
    for name, value in inspect.getmembers(statements, inspect.isfunction):
        if list(inspect.signature(value).parameters)[:1] == ["cuts"]:
            found[value(CUTS)] = name
    found[statements.left_out(CUTS, " AND n{k} >= $min_pairs")] = "left_out, of pairs"
    for cut in range(CUTS):
        for table, is_two_way in (("basket", True), ("by_type", False)):
            found[statements.pair_slice(cut, table, is_two_way)] = f"pair_slice of {table}, cut {cut}"
    return found


def name_of(select: str) -> str:
    """The name of a statement, or its text where it is a short one without."""
    return registry().get(select, " ".join(select.split()))


@contextmanager
def counting_by(choose: Callable[[DuckDBEngine, str], DuckDBEngine]) -> Iterator[None]:
    """Let a job count by an engine that is made of the one that has read, and of the table's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "counting_engine", lambda source, table, config: choose(source, table))
        yield


def ask_all(config: Config) -> None:
    """Let a job on purchases ask its engine all that jobs ask, without fitting anything."""
    stages = Stages(Console(quiet=True))
    purchased = read_purchases(config, stages)
    work_of(purchased, config, 10)
    counted = count_shop(purchased, config, stages)
    for cut in range(CUTS):
        counted.tables(purchased, cut, counted.adapted.config, lambda *_: None)
    purchased.history.ending(time_to_day(purchased.windows.calibrate_from))
