"""The engine that the configuration names."""

from __future__ import annotations

from mersalg_training.config import EngineConfig
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.engine.engine import Engine


def open_engine(config: EngineConfig) -> Engine:
    """An engine without tables, to be closed; ConfigError where machine or cluster do not give what it needs."""
    if config.kind == "duckdb":
        return DuckDBEngine.open(config)
    from mersalg_training.engine.spark_engine import SparkEngine  # noqa: PLC0415  # loads pyarrow

    return SparkEngine(config)


def check_engine(config: EngineConfig) -> None:
    """ConfigError where a cluster is named that does not answer: told before purchases are read."""
    if config.kind == "spark":
        from mersalg_training.engine.spark_session import check_address  # noqa: PLC0415  # not loaded without need

        check_address(config)
