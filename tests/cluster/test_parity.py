"""Claims: a cluster counts what the database counts, to the bit, and a worker that dies costs time and no row."""

from __future__ import annotations

import json
import os
import threading
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pytest

from cluster.recording import ComparingEngine, ask_all, counting_by, in_order
from cluster.spark_cluster import Cluster, running_cluster
from mersalg_training.config import Config, EngineConfig, load_config
from mersalg_training.data.sources import find_files
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.spark_engine import SparkEngine
from mersalg_training.engine.spark_session import executors
from processes import wait_until
from quick_job import QUICK, run
from small_shop import SmallShop, write_shop

pytestmark = pytest.mark.long

PART = 16
"""Of the demo's customers, one in so many."""
REDUCERS = 7
"""Tasks that read a shuffle; no other stage has so many."""
PIECES = 12
"""In which lines are laid: each is a file at least, so that tasks of both workers write what is shuffled."""
SHUFFLED = {
    "spark.sql.files.minPartitionNum": "8",
    "spark.sql.shuffle.partitions": str(REDUCERS),
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
}
"""Nothing is small enough to go without a shuffle."""
SLOWLY = "coalesce(reflect('java.lang.Thread', 'sleep', CAST(10 AS BIGINT)), '') IN ('', 'null')"
"""True, after a hundredth of a second: what reads five thousand shuffled rows is not done before it is looked at."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The demo's job on the orders of a part of its customers."""
    part = int(os.environ.get("MERSALG_PARITY_PART", PART))
    orders = tmp_path_factory.mktemp("part") / "orders.parquet"
    demo = load_config(Path("configs/demo.toml"))
    (file,) = find_files("data.orders", demo.data.orders)
    duckdb.sql(f"COPY (SELECT * FROM '{file}' WHERE household_id % {part} = 0) TO '{orders}'")
    return load_config(Path("configs/demo.toml"), [f'data.orders="{orders}"', "factors.iterations=1"])


def test_each_statement_gives_the_same_rows_on_a_cluster(config: Config, spark_config: EngineConfig) -> None:
    engines: list[ComparingEngine] = []

    def choose(source: DuckDBEngine, table: str) -> DuckDBEngine:
        spark = SparkEngine(spark_config)
        spark.bring(table, source.batches(f"SELECT * FROM {table}", 10_000))
        engines.append(ComparingEngine(source.connection, spark))
        return engines[-1]

    with counting_by(choose):
        ask_all(config)
    (engine,) = engines
    print(f"{engine.rows('SELECT count(*) AS n FROM order_lines')['n'][0]:,} lines")
    for one in engine.compared:
        print(f"| {one.name} | {one.rows:,} | {one.seconds:.2f} | {one.other_seconds:.2f} |")
    engine.close()


def test_a_worker_that_dies_in_mid_shuffle_costs_time_and_no_row(spark_installed: None, tmp_path: Path) -> None:
    lines = {"key": np.arange(120_000) % 1_200, "code": np.arange(120_000) * 7 % 5_003}
    select = (
        "SELECT a.code AS code, count(*) AS n, CAST(sum(b.code) AS BIGINT) AS total "
        "FROM laid a JOIN laid b ON a.key = b.key AND a.code < b.code GROUP BY a.code"
    )
    with running_cluster(tmp_path) as cluster:
        config = EngineConfig(kind="spark", master=cluster.address, scratch=str(tmp_path / "scratch"))
        with closing(DuckDBEngine.open(EngineConfig())) as duck, closing(SparkEngine(config)) as spark:
            for name, value in SHUFFLED.items():
                spark.session.conf.set(name, value)
            spark.brought_at_once = len(lines["key"]) // PIECES
            for engine in (duck, spark):
                engine.lay("laid", lines)
            wait_until(lambda: executors(spark.session) == len(cluster.workers))
            killing = threading.Thread(target=kill_in_mid_shuffle, args=(spark, cluster))
            killing.start()
            spark.make("counted", f"SELECT code, n, total FROM ({select}) AS counted WHERE {SLOWLY}")
            killing.join()
            assert counted_again(spark)
            wanted, found = in_order(duck.rows(select)), in_order(spark.rows("SELECT * FROM counted"))
    assert {name: column.tolist() for name, column in found.items()} == {
        name: column.tolist() for name, column in wanted.items()
    }


def kill_in_mid_shuffle(spark: SparkEngine, cluster: Cluster) -> None:
    """Kill a worker and its executor as soon as a task reads what tasks of both workers have written."""
    tracker = spark.session.sparkContext.statusTracker()

    def is_reading() -> bool:
        stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
        return any(stage.numTasks == REDUCERS and stage.numActiveTasks for stage in stages if stage is not None)

    wait_until(is_reading)
    cluster.workers[0].kill()


def counted_again(spark: SparkEngine) -> bool:
    """Whether a stage was run for more than once."""
    tracker = spark.session.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(number) for number in range(200)]
    return any(stage.currentAttemptId > 0 for stage in stages if stage is not None)


def test_the_bundle_of_a_cluster_is_that_of_the_database_to_the_byte(
    small_shop: SmallShop, spark_config: EngineConfig, tmp_path: Path
) -> None:
    engine = spark_config.model_dump(exclude_none=True)
    bundles = []
    for name, sections in {"duckdb": {}, "spark": {"engine": engine}}.items():
        config = write_shop(small_shop, tmp_path / "shop", **QUICK, **sections)
        bundles.append(run(config, tmp_path / name / "bundle")[0].bundle)
    mine, others = (told_at_no_time(bundle) for bundle in bundles)
    assert mine.keys() == others.keys() >= {"scorer.onnx", "golden.json", "CARD.md"}
    for name, content in mine.items():
        assert content == others[name], name


def told_at_no_time(bundle: Path) -> dict[str, object]:
    """The files of a bundle without the time at which it was made, and the manifest without hashes over it."""
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    made = str(manifest.pop("created_at")).encode()
    del manifest["files"], manifest["manifest_sha256"]
    files = {file.name: file.read_bytes().replace(made, b"") for file in bundle.iterdir()}
    return {**files, "manifest.json": manifest}
