"""Engines that note what a counting asks: what each statement reads, and whether another engine answers the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from cluster.portable_sql import Schema
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.engine import Columns, Engine
from mersalg_training.tables import counts, statements


@dataclass(frozen=True)
class Asked:
    """A statement, the table that was made of it, and the tables that were there."""

    table: str | None
    select: str
    schema: Schema


class RecordingEngine(DuckDBEngine):
    """DuckDB, with a list of all that it was asked."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.asked: list[Asked] = []

    def make(self, table: str, select: str, **parameters: float) -> None:
        self.asked.append(Asked(table, select, self.schema()))
        super().make(table, select, **parameters)

    def rows(self, select: str, **parameters: float) -> Columns:
        self.asked.append(Asked(None, select, self.schema()))
        return super().rows(select, **parameters)

    def lay(self, table: str, columns: Columns) -> None:
        self.connection.register("laid_columns", columns)
        DuckDBEngine.make(self, table, "SELECT * FROM laid_columns")
        self.connection.unregister("laid_columns")

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

    what: str
    rows: int
    seconds: float
    other_seconds: float


class ComparingEngine(RecordingEngine):
    """DuckDB beside another engine: each statement is run by both, and their rows have to be equal to the bit."""

    other: Engine
    compared: list[Compared]

    def make(self, table: str, select: str, **parameters: float) -> None:
        seconds = timed(lambda: RecordingEngine.make(self, table, select, **parameters))
        other_seconds = timed(lambda: self.other.make(table, select, **parameters))
        self.compare(select, "SELECT * FROM " + table, {}, seconds, other_seconds)

    def rows(self, select: str, **parameters: float) -> Columns:
        return self.compare(select, select, parameters)

    def lay(self, table: str, columns: Columns) -> None:
        super().lay(table, columns)
        self.other.lay(table, columns)

    def drop(self, *tables: str) -> None:
        super().drop(*tables)
        self.other.drop(*tables)

    def compare(self, what: str, select: str, parameters: dict[str, float], *made: float) -> Columns:
        """The rows of a statement, which have to be the same in both; with the seconds that making them took."""
        found: list[Columns] = []
        seconds = timed(lambda: found.append(RecordingEngine.rows(self, select, **parameters)))
        other_seconds = timed(lambda: found.append(self.other.rows(select, **parameters)))
        mine, others = (in_order(columns) for columns in found)
        assert list(mine) == list(others), what
        for name, column in mine.items():
            assert column.dtype == others[name].dtype, (what, name)
            np.testing.assert_array_equal(
                np.ma.getmaskarray(column), np.ma.getmaskarray(others[name]), f"{what} {name}"
            )
            # Bits, not values: -0.0 is not 0.0, and NaN is itself.
            assert bits(column).tobytes() == bits(others[name]).tobytes(), (what, name)
        rows = len(next(iter(mine.values())))
        took = made or (seconds, other_seconds)
        self.compared.append(Compared(what, rows, took[0], took[1]))
        return found[0]


def named_statements(cuts: int) -> dict[str, str]:
    """Every statement of the registry, for so many cuts -> its name."""
    found = {}
    for name, value in vars(statements).items():
        if isinstance(value, str) and name.isupper():
            found[value] = name
        elif callable(value) and name not in ("for_cuts", "Final"):
            found[value(cuts)] = name
    found[statements.left_out(cuts, " AND n{k} >= $min_pairs")] = "left_out of pairs"
    found["SELECT * FROM product_counts"] = "the rows of products"
    return found


def bits(column: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The values, with zero where they are masked."""
    return np.ascontiguousarray(np.ma.filled(np.ma.asarray(column), 0))


def in_order(columns: Columns) -> Columns:
    """The same rows by all columns."""
    keys = [key for column in columns.values() for key in (bits(column), np.ma.getmaskarray(column))]
    order = np.lexsort(keys)
    return {name: column[order] for name, column in columns.items()}


def timed(work: object) -> float:
    """Seconds of the wall's clock."""
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


@contextmanager
def counting_by(engine: Engine) -> Iterator[None]:
    """Let what counts purchases count them by an engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "open_engine", lambda config: engine)
        yield
