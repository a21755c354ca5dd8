"""Claims: a job names its cluster in one way, and is told what is missing before it reads a line of its purchases."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig, load_config
from mersalg_training.engine import spark_session
from mersalg_training.engine.arrow_columns import as_arrow, as_numpy
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.opening import check_engine, counting_engine
from mersalg_training.engine.spark_session import is_answering
from mersalg_training.learn import read_purchases
from mersalg_training.progress import Stages

SPARK = ['engine.kind="spark"', 'engine.master="spark://127.0.0.1:1"', 'engine.scratch="scratch"']


@pytest.fixture
def job(tmp_path: Path) -> Path:
    job = tmp_path / "job.toml"
    job.write_text('name = "job"\n[data]\norders = "orders-that-are-not-there.csv"\n')
    return job


@pytest.fixture
def with_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are looked at before Spark is loaded, and without it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (['engine.kind="spark"'], "needs scratch and either master or remote, not none"),
        (SPARK[:2], "needs scratch and either master or remote"),
        ([SPARK[0], SPARK[2]], "needs scratch and either master or remote"),
        ([*SPARK, 'engine.remote="sc://127.0.0.1"'], "needs scratch and either master or remote"),
        (SPARK[1:], 'stands beside kind = "spark" only'),
        (['engine.kind="flink"'], "engine.kind"),
    ],
)
def test_a_cluster_is_named_in_one_way(settings: list[str], why: str, job: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        load_config(job, settings)


def test_a_token_belongs_in_the_environment_and_is_not_repeated(job: Path) -> None:
    remote = 'engine.remote="sc://127.0.0.1/;token=s3cret"'
    with pytest.raises(ConfigError, match="SPARK_CONNECT_AUTHENTICATE_TOKEN") as caught:
        load_config(job, [SPARK[0], remote, SPARK[2]])
    assert "s3cret" not in str(caught.value)


def test_a_missing_extra_is_told_before_purchases_are_read(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pyspark is not installed; .*mersalg-training\[spark\]"):
        read_purchases(load_config(job, SPARK), Stages(Console(quiet=True)))


@pytest.mark.usefixtures("with_pyspark")
def test_a_wrong_address_is_told_before_purchases_are_read(job: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"spark://127.0.0.1:{taken.getsockname()[1]}"
        config = load_config(job, [SPARK[0], f'engine.master="{address}"', SPARK[2]])
        with pytest.raises(ConfigError, match=rf"engine\.master: nothing takes connections at '{address}'"):
            read_purchases(config, Stages(Console(quiet=True)))


def test_one_of_several_masters_suffices_and_other_managers_are_not_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free, port = taken.getsockname()[1], server.getsockname()[1]
        assert is_answering(f"spark://127.0.0.1:{free},127.0.0.1:{port}")
        assert is_answering(f"sc://127.0.0.1:{port}/")
        assert not is_answering(f"spark://127.0.0.1:{free}")
        assert not is_answering("spark://127.0.0.1:no-port")
    assert is_answering("yarn")
    assert is_answering("k8s://https://nowhere.invalid:6443")


def test_the_database_that_has_read_counts_unless_a_cluster_is_named() -> None:
    check_engine(EngineConfig())
    with DuckDBEngine.open(EngineConfig()) as source:
        assert counting_engine(source, "order_lines", EngineConfig()) is source


def test_columns_go_through_arrow_and_come_back_as_they_were() -> None:
    columns = {
        "n": np.array([3, -1], dtype=np.int64),
        "day": np.array([0.1, np.nan]),
        "price": np.array([0.1, np.inf], dtype=np.float32),
        "flag": np.array([True, False]),
        "from": np.ma.MaskedArray(np.array([7, 8], dtype=np.int32), mask=[False, True]),
    }
    table = as_arrow(columns)
    for name, column in columns.items():
        back = as_numpy(table.column(name))
        assert back.dtype == column.dtype
        np.testing.assert_array_equal(back, column)
    assert as_numpy(table.column("from")).mask.tolist() == [False, True]


def test_what_cannot_be_told_is_refused_by_the_key_that_mends_it() -> None:
    config = EngineConfig(kind="spark", remote="sc://somewhere:15002/;user_id=eve", scratch="/mnt/shared")
    said = "Job aborted\njava.nio.file.AccessDeniedException: Permission denied: /mnt/shared/x\n\tat Some.java"
    assert "engine.scratch" in str(spark_session.refused(config, Exception(said)))
    other = str(spark_session.refused(config, Exception("\nNo space left on device\n\tat Some.java")))
    assert other == "engine: the cluster at 'sc://somewhere:15002' gave up: No space left on device"
