"""The first state of a bundle: what its training job keeps for updates, where `[update] keep` says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from mersalg.errors import ConfigError
from mersalg_training.config import Config
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.split import DAY
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.learn import Learned, Purchased, calibrate_cases
from mersalg_training.progress import Stages
from mersalg_training.update.kept_counts import Shop, count_first
from mersalg_training.update.kept_requests import add_offers, add_requests, make_tables, write_tables
from mersalg_training.update.orders import LINES
from mersalg_training.update.rankers import KeptRankers, write_rankers
from mersalg_training.update.state import StateWriter, counted_settings, new_state, place_of, reading_settings


@dataclass(frozen=True)
class Keeping:
    """What a job keeps while it runs."""

    writer: StateWriter

    def read(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep the order lines and the products that the contract left."""
        keep_tables(self.writer, connection)

    def write(self, purchased: Purchased, learned: Learned, seconds: float, stages: Stages) -> None:
        """Count everything that was given, the test window too: the next day's orders are added to that."""
        config, engine = learned.fitted.config, purchased.history.engine
        if not isinstance(engine, DuckDBEngine):
            raise ConfigError("update.keep: expected the history in DuckDB; other engines keep nothing yet")
        with stages.stage("Counting what is kept for updates"):
            ids = purchased.timeline.product_ids
            engine.lay(
                "product_codes",
                {"product_id": np.array(ids, dtype=np.object_), "product": np.arange(len(ids), dtype=np.int32)},
            )
            cut = time_to_day(purchased.windows.to)
            count_first(Shop(engine, purchased.history, purchased.attributes, cut, config), self.writer)
            kept = KeptRankers(learned.fitted.rankers.tables, learned.fitted.first_weights, learned.fitted.rhythm)
            write_rankers(self.writer.new("rankers", "npz"), kept)
            window = keep_calibrate_window(engine, self.writer, purchased, learned)
            self.writer.finish(about(config, purchased.windows.to.isoformat(), 0, seconds, window))


def keep_calibrate_window(
    engine: DuckDBEngine, writer: StateWriter, purchased: Purchased, learned: Learned
) -> dict[str, float]:
    """Write the requests that calibrated the bundle, with their offers; how many they are, and how many a day."""
    cases, _ = calibrate_cases(purchased, learned.fitted)
    offers, number = learned.calibrated.offers, np.arange(len(cases))
    make_tables(engine)
    add_requests(engine, purchased.timeline, cases, number, "known")
    add_offers(engine, offers, number, [None] * len(offers), offers.label)
    write_tables(engine, writer)
    days = (purchased.windows.test_from - purchased.windows.calibrate_from) / DAY
    return {"requests": len(cases), "requests_a_day": len(cases) / days}


def about(config: Config, to: str, updates: int, seconds: float, calibration: Mapping[str, float]) -> dict[str, Any]:
    """What the manifest of a state says beside its files.

    to: the end of its orders; seconds: that training took; calibration: requests that it calibrated on, also a day.
    """
    return {
        "to": to,
        "updates": updates,
        "training_seconds": round(seconds, 1),
        "calibration": dict(calibration),
        "counted": counted_settings(config),
        "read": reading_settings(config),
    }


def keep_tables(writer: StateWriter, connection: duckdb.DuckDBPyConnection) -> None:
    """Write all order lines, by time, and all products."""
    writer.copy(connection, "lines", f"SELECT {LINES} FROM lines ORDER BY ordered_at, order_id, product_id", run=0)
    keep_products(writer, connection)


def keep_products(writer: StateWriter, connection: duckdb.DuckDBPyConnection) -> None:
    """Write all products."""
    writer.copy(connection, "products", "SELECT * FROM products ORDER BY product_id", run=0)


@contextmanager
def kept_for_updates(config: Config, out: Path) -> Iterator[Keeping | None]:
    """What a job keeps beside its bundle; None where nothing is to be kept. The lock of `out` is held."""
    if not config.update.keep:
        yield None
        return
    with new_state(place_of(out)) as writer:
        yield Keeping(writer)
