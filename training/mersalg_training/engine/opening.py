"""The engine that counts: the database that has read the purchases, or the cluster that the configuration names."""

from __future__ import annotations

from mersalg_training.config import EngineConfig
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.engine import Engine


def counting_engine(source: DuckDBEngine, table: str, config: EngineConfig) -> Engine:
    """The source itself, or a cluster to which its table is brought; the source is closed then.

    ConfigError where the cluster does not answer or does not give what it needs.
    """
    if config.kind == "duckdb":
        return source
    from mersalg_training.engine.spark_engine import SparkEngine  # noqa: PLC0415  # not loaded without need

    engine = SparkEngine(config)
    engine.bring(table, source.batches(f"SELECT * FROM {table}", engine.brought_at_once))
    source.close()
    return engine


def check_engine(config: EngineConfig) -> None:
    """ConfigError where a cluster is named that does not answer: told before purchases are read."""
    if config.kind == "spark":
        from mersalg_training.engine.spark_session import check_address  # noqa: PLC0415  # not loaded without need

        check_address(config)
