"""Claims: a cluster takes and gives back columns as they are; what it refuses is told, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cluster.spark_cluster import Cluster, tables_in
from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig
from mersalg_training.engine.spark_engine import SparkEngine

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def engine(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    scratch = tmp_path_factory.mktemp("scratch")
    engine = SparkEngine(EngineConfig(kind="spark", master=cluster.address, scratch=str(scratch)))
    yield engine
    engine.close()
    assert not tables_in(scratch)


def test_columns_come_back_as_they_were_laid(engine: SparkEngine) -> None:
    columns = {
        "whole": np.array([3, -1, 2**60], dtype=np.int64),
        "code": np.array([3, -1, 7], dtype=np.int32),
        "exact": np.array([0.1, np.nan, -0.0]),
        "single": np.array([0.1, np.inf, -3.5], dtype=np.float32),
        "flag": np.array([True, False, True]),
        "unknown": np.ma.MaskedArray([1.5, 2.5, 3.5], mask=[False, True, False]),
    }
    engine.lay("laid", columns)
    found = engine.rows("SELECT * FROM laid")
    order = np.argsort(found["code"])
    for name, column in columns.items():
        assert found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name][order], column[np.argsort(columns["code"])])
    assert np.ma.getmaskarray(found["unknown"]).sum() == 1
    engine.drop("laid")


def test_a_table_is_made_of_a_select_with_parameters_and_its_files_go_with_it(engine: SparkEngine) -> None:
    engine.make("made", "SELECT $least AS least, CAST($n AS BIGINT) AS n", least=2.5, n=3)
    assert {name: column.tolist() for name, column in engine.rows("SELECT * FROM made").items()} == {
        "least": [2.5],
        "n": [3],
    }
    folder = Path(str(engine.config.scratch))
    assert list(folder.rglob("made_*/*.parquet"))
    engine.drop("made")
    assert not list(folder.rglob("made_*"))


def test_a_table_grows_and_may_be_made_of_itself(engine: SparkEngine) -> None:
    engine.lay("kept", {"n": np.arange(5)})
    engine.add("kept", "SELECT n + $more AS n FROM kept WHERE n > 2", more=100)
    engine.make("kept", "SELECT * FROM kept WHERE n > 1")
    assert sorted(engine.rows("SELECT * FROM kept")["n"].tolist()) == [2, 3, 4, 103, 104]
    assert len(list(Path(str(engine.config.scratch)).rglob("kept_*"))) == 1
    engine.drop("kept")


def test_no_columns_of_no_rows_are_a_table_too(engine: SparkEngine) -> None:
    engine.lay("empty", {"a": np.zeros(0, dtype=np.int64)})
    assert engine.rows("SELECT count(*) AS n FROM empty")["n"].tolist() == [0]
    engine.drop("empty")


def test_more_rows_than_go_in_one_piece_all_arrive(engine: SparkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "brought_at_once", 1000)
    engine.lay("pieces", {"a": np.arange(2500)})
    found = engine.rows("SELECT count(DISTINCT a) AS n, CAST(sum(a) AS BIGINT) AS total FROM pieces")
    assert (found["n"].tolist(), found["total"].tolist()) == ([2500], [2500 * 2499 // 2])
    engine.drop("pieces")


def test_times_are_in_utc_and_what_overflows_is_an_error(engine: SparkEngine) -> None:
    found = engine.rows("SELECT unix_micros(TIMESTAMP '2024-07-01 12:00:00') / 1e6 / 86400e0 AS day")
    assert found["day"].tolist() == [19905.5]
    with pytest.raises(ConfigError, match="overflow"):
        engine.rows("SELECT CAST($many AS INT) AS n", many=2**40)
