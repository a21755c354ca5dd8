"""The update job: new orders in; out comes a bundle of the same trees, with tables and calibration of today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from mersalg.bundle import read_bundle
from mersalg.errors import ConfigError, DataError
from mersalg_training.config import Config
from mersalg_training.data.attributes import read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.contract import apply_contract, digest
from mersalg_training.data.history import read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.split import DAY, Windows, midnight
from mersalg_training.engine.database import connect, fitting
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.export.writer import BundleWriter
from mersalg_training.graph.retrieve import check_items
from mersalg_training.progress import Stages
from mersalg_training.tables.build import build_tables
from mersalg_training.tables.counts import Counts
from mersalg_training.update.bundle import Lineage, write_updated
from mersalg_training.update.keeping import about, keep_products, keep_tables
from mersalg_training.update.kept_counts import MAX_RUNS, Shop, count_kept
from mersalg_training.update.orders import LINES, Added, add_orders, add_products, read_kept
from mersalg_training.update.rankers import read_rankers
from mersalg_training.update.rolling import Rolled, roll
from mersalg_training.update.state import (
    AGAIN,
    State,
    StateWriter,
    counted_settings,
    new_state,
    open_state,
    place_of,
    reading_settings,
)

MANY: Final = 1.0
"""Lines of touched customers, before and after, over all lines: above that counting anew is as quick."""


@dataclass(frozen=True)
class UpdateRequest:
    """What is to be added to which bundle."""

    bundle: Path
    orders: str | None
    """New order lines, as `data.orders`; None = none, customers are taken out alone."""
    products: str | None
    """The catalogue of now; None = the one that the bundle was made with."""
    forget: Collection[str] = ()
    """Ids of customers who are taken out with all that they bought."""
    state: Path | None = None
    """None = beside the bundle."""
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Grown:
    """A state after new orders, and what was counted of it."""

    shop: Shop
    """Its engine holds the counts, and is to be closed."""
    counts: Counts
    data: dict[str, Any]
    """The manifest's key `data` of all that is kept now."""
    windows: Windows
    """The test window is empty: everything is counted."""
    added: Added
    recounted: str | None
    """Why everything was counted anew; None where it was not."""


@dataclass(frozen=True)
class Updated:
    """What was written, and what it is made of."""

    bundle: Path
    manifest: Mapping[str, Any]
    added: Added
    recounted: str | None
    """As of `Grown`."""
    rolled: Rolled
    training_seconds: float


def update(asked: UpdateRequest, writer: BundleWriter, run_id: str | None, stages: Stages) -> Updated:
    """Add the orders, bring the tables up to date, and write bundle and state: both or neither.

    BundleError, ConfigError or DataError say what does not hold.
    """
    with stages.stage("Reading the state"):
        parent = read_bundle(asked.bundle)
        state = open_state(asked.bundle, parent.manifest, asked.state)
        kept = read_rankers(state.files("rankers")[0])
    config, windows = config_of(asked, parent.manifest)
    check_settings(config, state)
    training_seconds = float(state.manifest["training_seconds"])
    with new_state(place_of(writer.out)) as state_writer:
        grown = grow(asked, config, windows, parent.manifest["data"], state, state_writer, stages)
        updates, shop = int(state.manifest["updates"]) + 1, grown.shop
        with shop.engine:
            horizon_days = config.label.horizon_days or kept.rhythm.horizon_days
            rolled = roll(shop, state, parent, horizon_days, state_writer, stages)
            with stages.stage("Tables for the bundle") as tick:
                tables = build_tables(grown.counts, shop.history, shop.attributes, config, tick, kept.rhythm)
                ids = shop.product_ids
        to, calibration = grown.windows.to.isoformat(), state.manifest["calibration"]
        state_writer.finish(about(config, to, updates, training_seconds, calibration))
        lineage = Lineage(parent, grown.windows, grown.data, grown.added, grown.recounted, rolled, updates, run_id)
        manifest = write_updated(writer, lineage, state_writer.digest, tables, kept, ids, shop.attributes, stages)
        with state_writer.committed():
            writer.put_in_place()
    return Updated(writer.out, manifest, grown.added, grown.recounted, rolled, training_seconds)


def grow(
    asked: UpdateRequest,
    config: Config,
    windows: Windows,
    data: Mapping[str, Any],
    state: State,
    writer: StateWriter,
    stages: Stages,
) -> Grown:
    """Read the new orders, count what they change, and write the next state but for its manifest.

    windows, data: of the bundle that the state is of.
    """
    with stages.stage("Reading and checking new orders"):
        connection, rejected, has_catalogue = read_new(asked, config, state)
    with stages.stage("Adding them to the kept ones"), fitting(connection):
        added = add_orders(connection, state, asked.forget)
        if not added.lines and not added.forgotten:
            raise DataError(f"--orders {asked.orders}: holds no order that is not kept already; nothing to add")
        add_products(connection, has_catalogue)
        merged = merged_data(connection, data, rejected)
        windows = Windows(windows.fit_from, windows.rank_from, windows.calibrate_from, *ends(merged, state))
        history, attributes = read_history(connection), read_attributes(connection)
    check_items(history.n_products)
    shop = Shop(DuckDBEngine(connection), history, attributes, time_to_day(windows.to), config)
    recounted = recount_because(config, state, added)
    with stages.stage("Counting"), fitting(connection):
        writer.run = 0 if recounted or state.last_run >= MAX_RUNS else state.last_run + 1
        counted = count_kept(shop, writer, None if recounted else state)
    with stages.stage("Writing order lines"):
        keep_orders(writer, state, connection, added)
    return Grown(shop, counted.before(0), merged, windows, added, recounted)


def config_of(asked: UpdateRequest, manifest: Mapping[str, Any]) -> tuple[Config, Windows]:
    """The bundle's own configuration with what is asked for, and its windows."""
    given = (("orders", asked.orders), ("products", asked.products))
    sets = [f"data.{key}={value}" for key, value in given if value is not None]
    return bundle_config(manifest, str(asked.bundle), [*sets, *asked.overrides])


def check_settings(config: Config, state: State) -> None:
    """ConfigError where new orders would be read by other rules than the kept ones were."""
    then, now = state.manifest["read"], reading_settings(config)
    for section, values in now.items():
        for key, value in values.items():
            if value != then[section].get(key):
                raise ConfigError(
                    f"{section}.{key}: the kept orders were read with {then[section].get(key)!r}, got {value!r}; what "
                    f"that rejected is not kept: {AGAIN}"
                )


def recount_because(config: Config, state: State, added: Added) -> str | None:
    """Why the kept counts cannot, or need not, be added to; None where they are."""
    then = state.manifest["counted"]
    for key, value in counted_settings(config).items():
        if value != then[key]:
            return f"{key} is {value:g} now, and was {then[key]:g} when the kept counts were made"
    if added.touched > MANY * added.kept:
        return "the customers whose counts change have more than half of the order lines"
    return None


def read_new(
    asked: UpdateRequest, config: Config, state: State
) -> tuple[duckdb.DuckDBPyConnection, Mapping[str, int], bool]:
    """A database with `lines` and `products` as the contract leaves them of the new orders, and what is kept.

    Also the rejected lines by reason, and whether a catalogue was read; without new orders both tables are empty.
    """
    if asked.orders is None:
        if not asked.forget:
            raise DataError("expected --orders PATH, --forget FILE, or both, got neither")
        connection = connect(config.engine)
        read_kept(connection, state)
        connection.execute(f"CREATE TABLE lines AS SELECT {LINES} FROM kept_lines LIMIT 0")
        connection.execute("CREATE TABLE products AS SELECT * FROM kept_products LIMIT 0")
        return connection, {}, False
    purchases = open_purchases(config.data, config.engine)
    report = apply_contract(purchases, config.contract)
    read_kept(purchases.connection, state)
    return purchases.connection, report.rejected, purchases.has_catalogue


def merged_data(
    connection: duckdb.DuckDBPyConnection, data: Mapping[str, Any], rejected: Mapping[str, int]
) -> dict[str, Any]:
    """The manifest's key `data` of all that is kept now; what was rejected adds up."""
    lines, orders, customers, products, first, last = connection.execute("""
        SELECT count(*), count(DISTINCT order_id), count(DISTINCT customer_id), (SELECT count(*) FROM products),
               min(ordered_at), max(ordered_at) FROM lines
    """).fetchall()[0]
    if not lines:
        raise DataError("no order line would be left")
    before = data["rejected"]
    return {
        **data,
        "digest": digest(connection),
        "lines": lines,
        "orders": orders,
        "customers": customers,
        "products": products,
        "from": first.date().isoformat(),
        "to": last.date().isoformat(),
        "rejected": {**before, **{reason: before.get(reason, 0) + n for reason, n in rejected.items()}},
    }


def ends(merged: Mapping[str, Any], state: State) -> tuple[datetime, datetime]:
    """Where the test window begins and ends: it is empty, behind the last day that was ever counted."""
    last = midnight(datetime.fromisoformat(merged["to"])) + DAY
    to = max(last, datetime.fromisoformat(state.manifest["to"]))
    return to, to


def keep_orders(writer: StateWriter, state: State, connection: duckdb.DuckDBPyConnection, added: Added) -> None:
    """Write the order lines: what is added as one more run; all anew where some are no longer to be kept."""
    if added.only_appends and state.last_run < MAX_RUNS:
        writer.keep(state, "lines")
        writer.copy(connection, "lines", f"SELECT {LINES} FROM added", run=state.last_run + 1)
        keep_products(writer, connection)
    else:
        keep_tables(writer, connection)
    writer.keep(state, "rankers")
