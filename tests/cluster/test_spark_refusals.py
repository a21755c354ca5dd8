"""Claims: what a cluster refuses is told by the key that mends it, before hours of work, and nothing is left behind."""

from __future__ import annotations

import socket
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cluster.spark_cluster import Cluster, running_cluster, tables_in
from ledger.postgres_server import other_user
from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig
from mersalg_training.engine.spark_engine import SparkEngine
from processes import wait_until

pytestmark = pytest.mark.long


def test_an_address_at_which_nothing_listens_is_refused_at_once(spark_installed: None, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound, and nobody listens
        scratch = str(tmp_path / "scratch")
        with pytest.raises(ConfigError, match=rf"engine\.master: nothing takes .* 'spark://127\.0\.0\.1:{port}'"):
            SparkEngine(EngineConfig(kind="spark", master=f"spark://127.0.0.1:{port}", scratch=scratch))
        with pytest.raises(ConfigError, match=rf"engine\.remote: nothing takes .* 'sc://127\.0\.0\.1:{port}'"):
            SparkEngine(EngineConfig(kind="spark", remote=f"sc://127.0.0.1:{port}/;user_id=eve", scratch=scratch))
    assert not list(tmp_path.iterdir())


def test_a_scratch_folder_that_cannot_be_one_is_refused_before_any_work(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"engine\.scratch: expected a folder"):
        SparkEngine(EngineConfig(kind="spark", master=cluster.address, scratch=str(tmp_path / "file")))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_workers_that_may_not_write_in_the_scratch_folder_are_told_before_any_work(
    spark_installed: None, tmp_path: Path
) -> None:
    user = other_user()
    if not user:
        pytest.skip("workers of another user need root, who starts them")
    with TemporaryDirectory(prefix="mersalg-cluster-") as folder:  # pytest's own can be entered by its user alone
        Path(folder).chmod(0o755)
        refuses_another(running_cluster(Path(folder), workers=1, **user), tmp_path / "scratch")


def refuses_another(starting: AbstractContextManager[Cluster], scratch: Path) -> None:
    """Claim that a cluster whose workers are another user is refused a folder of this one."""
    with starting as cluster:
        with pytest.raises(ConfigError, match=r"engine\.scratch: .*workers of 'spark://.* may write"):
            SparkEngine(EngineConfig(kind="spark", master=cluster.address, scratch=str(scratch)))
        assert not tables_in(scratch)


def test_a_lost_cluster_ends_the_work_with_an_error_and_leaves_nothing(spark_installed: None, tmp_path: Path) -> None:
    with running_cluster(tmp_path, workers=1) as cluster:
        config = EngineConfig(kind="spark", master=cluster.address, scratch=str(tmp_path / "scratch"))
        engine = SparkEngine(config, patience=5.0)

        def lose() -> None:
            wait_until(lambda: running_tasks(engine))
            cluster.stop()

        losing = threading.Thread(target=lose)
        losing.start()
        with pytest.raises(ConfigError, match=rf"engine\.master: the cluster at '{cluster.address}' is lost"):
            engine.make("long", "SELECT count(*) AS n FROM range(0, 400000000000, 1, 4) a WHERE a.id % 7 = 1")
        losing.join()
        engine.close()
        assert not tables_in(tmp_path / "scratch")


def running_tasks(engine: SparkEngine) -> int:
    """How many tasks of the engine's driver run in this moment."""
    tracker = engine.session.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage is not None)
