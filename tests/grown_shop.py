"""Histories with all that makes counting by the day hard, and states of them without a training job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from mersalg_training.config import Config, parse_config
from mersalg_training.data.attributes import Attributes, read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.history import History, read_history, texts
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.split import DAY, Windows, midnight
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.progress import unseen
from mersalg_training.tables.counts import Counts, PairTable, count_purchases
from mersalg_training.update.job import Grown, UpdateRequest, grow
from mersalg_training.update.keeping import about, keep_tables
from mersalg_training.update.kept_counts import Shop, count_first
from mersalg_training.update.state import State, checked, new_state
from small_shop import START, Line, Product, write_table

TYPES = 4
BEGIN = time_to_day(START)


@dataclass(frozen=True)
class Orders:
    """Order lines and the catalogue, as files."""

    folder: Path
    lines: list[Line]
    products: list[Product]

    def config(self, name: str, **counts: Any) -> Config:
        """Floors so low that a day carries products over them."""
        return parse_config(
            {
                "name": "shop",
                "data": {
                    "orders": str(write_table(self.lines, Line, self.folder / f"{name}.parquet")),
                    "products": str(write_table(self.products, Product, self.folder / f"{name}.csv")),
                },
                "privacy": {"min_customers": 2},
                "counts": {"min_support": 3, "follow_days": 10.0, **counts},
            },
            name,
        )


@dataclass(frozen=True)
class KeptShop:
    """A bundle with its state, and a file for each later day."""

    folder: Path
    bundle: Path

    def day(self, number: int) -> str:
        """The orders of a later day."""
        return str(self.folder / f"day-{number}.parquet")


def random_lines(random: np.random.Generator, first: int, days: int, prefix: str, customers: int = 12) -> list[Line]:
    """Orders of some days: of guests too, several of a customer on a day, some at the very same time."""
    lines = []
    for number in range(4 * days):
        customer = int(random.integers(0, customers))
        at = START + timedelta(days=first + int(random.integers(0, days)), hours=int(random.choice([0, 9, 17])))
        basket = {f"p{int(p):02}" for p in random.geometric(0.12, size=int(random.integers(1, 6))) if p < 40}
        known = None if random.random() < 0.2 else f"c{customer:02}"
        lines += [Line(known, f"{prefix}{number:03}", product, at, 1.0, 2.5) for product in sorted(basket)]
    return lines


def catalogue(shift: int = 0, without: int = 7) -> list[Product]:
    """Products of a few types; shift: how many of them are of the next type. Each seventh has none."""
    return [
        Product(
            f"p{number:02}",
            f"thing {number}",
            "all",
            None if number % without == 0 else f"type-{(number + (number < shift)) % TYPES}",
            "brand",
            1.0 + number,
        )
        for number in range(1, 40)
    ]


def read(config: Config) -> tuple[DuckDBEngine, History, Attributes, ContractReport]:
    """The purchases of a configuration, as a training job reads them."""
    purchases = open_purchases(config.data, config.engine)
    report = apply_contract(purchases, config.contract)
    connection = purchases.connection
    return DuckDBEngine(connection), read_history(connection), read_attributes(connection), report


def first_state(config: Config, place: Path) -> State:
    """What training keeps of all orders of a configuration, but for its trees."""
    engine, history, attributes, report = read(config)
    to = midnight(report.last) + DAY
    with engine, new_state(place) as writer:
        keep_tables(writer, engine.connection)
        count_first(Shop(engine, history, attributes, time_to_day(to), config), writer)
        np.savez(writer.new("rankers", "npz"), allow_pickle=False, nothing=np.zeros(1))
        writer.finish(about(config, to.isoformat(), 0, 1.0, {}))
        with writer.committed():
            pass
    return State(place, checked(place, (place / "manifest.json").read_bytes()))


def grown(
    state: State, config: Config, place: Path, forget: Sequence[str] = (), orders: bool = True
) -> tuple[Grown, State]:
    """The state with the orders of a configuration, at another place, and its counts."""
    to = datetime.fromisoformat(state.manifest["to"])
    windows = Windows(START, START, START, to, to)
    asked = UpdateRequest(place, config.data.orders if orders else None, None, forget)
    data: Mapping[str, Any] = {"rejected": {}}
    with new_state(place) as writer:
        result = grow(asked, config, windows, data, state, writer, unseen())
        writer.finish(about(config, result.windows.to.isoformat(), int(state.manifest["updates"]) + 1, 1.0, {}))
        with writer.committed():
            pass
    return result, State(place, checked(place, (place / "manifest.json").read_bytes()))


def counted_in_full(config: Config, cut: float) -> dict[str, Any]:
    """The rows of the counts of all orders of a configuration, as training counts them."""
    engine, history, attributes, _ = read(config)
    with engine:
        n_types = len(attributes.product_types)
        counts = count_purchases(history, attributes.product_type, n_types, [cut], config).before(0)
        ids = engine.rows("SELECT product_id FROM product_codes ORDER BY product")["product_id"]
        return rows_of(counts, texts(ids), attributes.product_types)


def rows_of(counts: Counts, ids: Sequence[str], types: Sequence[str]) -> dict[str, Any]:
    """Every count, rows by the ids of products and the names of types, in one order."""
    result: dict[str, Any] = {
        "orders": counts.orders,
        "order_gap_days": repr(counts.order_gap_days),
        "left_out": counts.left_out,
    }
    for name in ("products", "repeats", "intervals", "followed", "firsts"):
        columns = getattr(counts, name)
        product = np.asarray(columns["product"], dtype=np.int64)
        others = [
            np.ma.filled(np.ma.asarray(columns[c], dtype=np.float64), np.nan) for c in sorted(columns) if c != "product"
        ]
        result[name] = sorted(
            (ids[p], *map(repr, row)) for p, *row in zip(product.tolist(), *(o.tolist() for o in others), strict=True)
        )
    for name in ("basket", "by_type", "follow", "switches"):
        counted = getattr(counts, name)
        pairs = counted.all() if isinstance(counted, PairTable) else counted
        of_a = types if name == "by_type" else ids
        result[name] = sorted(
            (of_a[a], ids[b], n, customers)
            for a, b, n, customers in zip(
                pairs.a.tolist(), pairs.b.tolist(), pairs.n.tolist(), pairs.customers.tolist(), strict=True
            )
        )
    return result


def same_counts(result: Grown, everything: Config) -> dict[str, Any]:
    """The rows of an updated shop's counts, when they equal those of all its orders; AssertionError names the table."""
    expected = counted_in_full(everything, result.counts.cut_day)
    with result.shop.engine:
        found = rows_of(result.counts, result.shop.product_ids, result.shop.attributes.product_types)
    for name, rows in expected.items():
        assert found[name] == rows, name
    return found
