"""Claims: training reads ids and times as everything else that reads orders does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from mersalg_training.config import EngineConfig
from mersalg_training.data.casts import id_text, timestamp_sql
from mersalg_training.engine.database import connect
from shop_spellings import TEXT_IDS, TIMES, TYPED_IDS, ZONED_TIMES


def view_of(values: list[Any]) -> duckdb.DuckDBPyConnection:
    """A connection whose view `lines` has these values, with their places, as its columns `value` and `place`."""
    connection = connect(EngineConfig())  # as training's, whose dates are in UTC wherever the machine is
    connection.register("lines", pa.table({"value": values, "place": list(range(len(values)))}))
    return connection


def read(values: list[Any], sql: str) -> list[Any]:
    return [row[0] for row in view_of(values).execute(f"SELECT {sql} FROM lines ORDER BY place").fetchall()]


def test_a_text_is_the_id_that_it_means() -> None:
    assert dict(zip(TEXT_IDS, read(list(TEXT_IDS), id_text("value")), strict=True)) == TEXT_IDS


@pytest.mark.parametrize(("value", "expected"), TYPED_IDS)
def test_a_value_of_a_typed_column_is_the_id_that_it_means(value: Any, expected: str | None) -> None:
    assert read([value], id_text("value")) == [expected]


@pytest.mark.parametrize("times", [TIMES, ZONED_TIMES])
def test_a_time_is_the_one_that_it_spells(times: dict[str, datetime | None]) -> None:
    connection = view_of(list(times))
    sql, note = timestamp_sql(connection, "lines", "value")
    found = [row[0] for row in connection.execute(f"SELECT {sql} FROM lines ORDER BY place").fetchall()]
    assert dict(zip(times, found, strict=True)) == times
    assert note is None
