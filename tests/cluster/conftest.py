from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.spark_cluster import Cluster, running_cluster, what_is_missing
from mersalg_training.config import EngineConfig

DEFAULTS = """
spark.ui.enabled false
spark.sql.shuffle.partitions 4
spark.driver.memory 1g
spark.executor.memory 1g
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1
spark.shuffle.readHostLocalDisk false
"""
"""Of an installation, as a company has one: few partitions, machines that start quickly, and workers that read what
others have written from them alone, as if each had a disk of its own."""


@pytest.fixture(scope="session")
def spark_installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spark and its defaults; where it cannot be had, the tests are skipped by name."""
    missing = what_is_missing()
    if missing is not None and os.environ.get("MERSALG_RUNTIMES") == "required":
        pytest.fail(missing)
    if missing is not None:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("spark-conf")
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        yield


@pytest.fixture(scope="session")
def cluster(spark_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers, which nobody ends."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def spark_config(cluster: Cluster, tmp_path: Path) -> EngineConfig:
    """An engine on the cluster, with a scratch folder of the test's own."""
    return EngineConfig(kind="spark", master=cluster.address, scratch=str(tmp_path / "scratch"))
