"""Claims: a server of Spark Connect counts as a driver of this process does, and one that is gone is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cluster.spark_cluster import Cluster, Daemon, start
from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig
from mersalg_training.engine import spark_session
from mersalg_training.engine.spark_engine import SparkEngine

pytestmark = pytest.mark.long

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


@pytest.fixture
def server(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Daemon, str]]:
    """A Spark Connect server whose work the cluster does, and its address."""
    bound = ["--conf", "spark.connect.grpc.binding.address=127.0.0.1", "--conf", "spark.connect.grpc.binding.port=0"]
    options = ["--master", cluster.address, *bound, "--class", SERVER]
    daemon = start(tmp_path, "connect", "org.apache.spark.deploy.SparkSubmit", *options, memory="1g")
    try:
        port = daemon.logged(r"Spark Connect server started at: \S*:(\d+)")
        yield daemon, f"sc://127.0.0.1:{port}"
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


def test_a_server_counts_and_one_that_is_gone_is_told(
    server: tuple[Daemon, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_session, "CONNECT_RETRIES", 3)
    daemon, address = server
    scratch = tmp_path / "scratch"
    engine = SparkEngine(EngineConfig(kind="spark", remote=address, scratch=str(scratch)))
    engine.lay("laid", {"n": np.arange(5), "price": np.ma.MaskedArray(np.ones(5), mask=np.arange(5) == 2)})
    engine.make("made", "SELECT n, price FROM laid WHERE n >= $least", least=2)
    engine.add("made", "SELECT n + 10 AS n, price FROM laid WHERE n >= $least", least=4)
    found = engine.rows("SELECT * FROM made ORDER BY n NULLS LAST")
    assert found["n"].tolist() == [2, 3, 4, 14]
    assert found["price"].tolist() == [None, 1.0, 1.0, 1.0]
    engine.drop("laid")
    engine.close()
    assert not list(scratch.rglob("*.parquet"))
    engine = SparkEngine(EngineConfig(kind="spark", remote=address, scratch=str(scratch)))
    daemon.kill()
    with pytest.raises(ConfigError, match=f"engine: the cluster at '{address}' gave up"):
        engine.rows("SELECT 1 AS one")
    with pytest.raises(ConfigError, match=f"engine: the cluster at '{address}' gave up"):
        engine.close()
