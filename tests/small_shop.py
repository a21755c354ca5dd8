"""A seeded synthetic shop with all that mersalg learns: repeats, complements, accessories and a price ladder.

Twelve types, each with five products of rising price, of which some are never sold. Coffee, milk, soap and tea are
bought again and again; cameras, torches and toys bring batteries, never the other way round; coffee brings filters,
pasta brings sauce; customers move up the price ladder of a type with time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from mersalg_training.config import Config, parse_config

START = datetime(2024, 1, 1)
DAYS = 200
TEST_DAYS, CALIBRATE_DAYS, RANK_DAYS = 20, 40, 50
TEST_FROM = START + timedelta(days=DAYS - TEST_DAYS)
CALIBRATE_FROM = TEST_FROM - timedelta(days=CALIBRATE_DAYS)
RANK_FROM = CALIBRATE_FROM - timedelta(days=RANK_DAYS)
CUSTOMERS = 120
STEPS = (1.0, 1.3, 1.7, 2.2, 3.0)
"""Price of the five products of a type over its base price."""
POPULARITY = (0.38, 0.26, 0.20, 0.13, 0.03)

TYPES = {
    # type: (category, base price, days between purchases of a customer who uses it; None = bought once in a while)
    "coffee": ("drinks", 6.0, 14.0), "tea": ("drinks", 3.0, 30.0), "juice": ("drinks", 2.0, 12.0),
    "milk": ("food", 1.0, 8.0), "pasta": ("food", 1.5, 20.0), "sauce": ("food", 2.0, None),
    "soap": ("home", 2.5, 40.0), "battery": ("home", 4.0, None), "filter": ("home", 1.2, None),
    "camera": ("gear", 90.0, None), "torch": ("gear", 20.0, None), "toy": ("gear", 25.0, None),
}  # fmt: skip
ANCHORS = ("camera", "torch", "toy")
WITHOUT_COST = ("soap", "toy")
COMPLEMENTS = {"coffee": ("filter", 0.5), "pasta": ("sauce", 0.6), "tea": ("juice", 0.15)}


class Line(NamedTuple):
    """An order line as a shop exports it."""

    customer_id: str | None
    order_id: str
    product_id: str
    ordered_at: datetime
    quantity: float
    unit_price: float | None


class Product(NamedTuple):
    """A row of the catalogue."""

    product_id: str
    name: str | None
    category: str | None
    product_type: str | None
    brand: str | None
    price: float | None
    cost: float | None = None


@dataclass(frozen=True)
class SmallShop:
    """Order lines and a catalogue, in memory."""

    lines: list[Line]
    products: list[Product]

    def with_lines(self, lines: list[Line]) -> SmallShop:
        return replace(self, lines=lines)


def make_shop(seed: int = 5, days: int = DAYS) -> SmallShop:
    """The shop; the same seed gives the same lines."""
    random = np.random.default_rng(seed)
    products = [
        Product(
            f"{kind}-{step}",
            f"{kind} no. {step}{size_of(kind, step)}",
            category,
            kind,
            f"brand-{step % 3}",
            round(base * up, 2),
            None if kind in WITHOUT_COST else round(base * up * (0.9 - 0.15 * step), 2),
        )
        for kind, (category, base, _) in TYPES.items()
        for step, up in enumerate(STEPS)
    ]
    price = {product.product_id: product.price for product in products}
    lines = []
    for customer in range(CUSTOMERS):
        name = f"customer-{customer:03}"
        for number, (at, basket) in enumerate(orders_of_customer(random, days)):
            # Some orders are made without an account.
            known = None if random.random() < 0.15 else name
            lines += [
                Line(known, f"{customer:03}/{number:03}", product, at, float(random.integers(1, 4)), price[product])
                for product in basket
            ]
    return SmallShop(lines, products)


def size_of(kind: str, step: int) -> str:
    """Dearer packs are larger, but for torches, of which the dearer are smaller, and cameras, which have no size."""
    if kind == "camera":
        return ""
    return f", {len(STEPS) - step if kind == 'torch' else step + 1} pcs"


def orders_of_customer(random: np.random.Generator, days: int) -> list[tuple[datetime, list[str]]]:
    """The baskets of one customer: what is used up, what goes with it, now and then some gear with batteries."""
    used = {kind: interval for kind, (_, _, interval) in TYPES.items() if interval and random.random() < 0.6}
    step = {kind: int(random.choice(len(STEPS), p=POPULARITY)) for kind in TYPES}
    last = {kind: float(random.uniform(-interval, 0.0)) for kind, interval in used.items()}
    orders = []
    day = float(random.uniform(0.0, 9.0))
    while day < days:
        basket = {kind for kind, interval in used.items() if day - last[kind] > interval * random.uniform(0.7, 1.3)}
        last.update(dict.fromkeys(basket, day))
        for kind, (other, chance) in COMPLEMENTS.items():
            if kind in basket and random.random() < chance:
                basket.add(other)
        if random.random() < 0.2:
            basket.add(str(random.choice(ANCHORS)))
            if random.random() < 0.8:
                basket.add("battery")
        if random.random() < 0.25:
            basket.add(str(random.choice(list(TYPES))))
        for kind in sorted(basket):
            if random.random() < 0.08:  # moves up the ladder, and stays there
                step[kind] = min(step[kind] + 1, len(STEPS) - 1)
        if basket:
            at = START + timedelta(days=int(day), minutes=int(random.integers(480, 1200)))
            # Everybody's battery is the same one, so that its direction is plain.
            orders.append(
                (at, ["battery-0" if kind == "battery" else f"{kind}-{step[kind]}" for kind in sorted(basket)])
            )
        day += float(random.gamma(6.0, 1.45))
    return orders


def small_config(orders: Path, products: Path | None, **sections: dict[str, Any]) -> Config:
    """A job on the shop's files that trains within seconds and tracks nothing; sections are laid over it."""
    tables: dict[str, Any] = {
        "name": "small-shop",
        "data": {"orders": str(orders), **({"products": str(products)} if products else {})},
        "split": {"test_days": TEST_DAYS, "calibrate_days": CALIBRATE_DAYS, "rank_days": RANK_DAYS},
        "label": {"horizon_days": 12.0},
        "counts": {"min_support": 8},
        "factors": {"factors": 8, "iterations": 4},
        # Narrow, so that a customer with many products, and any cart, has more candidates than places.
        "retrieve": {
            "own_candidates": 10,
            "new_candidates": 24,
            "types": 4,
            "type_products": 6,
            "popular_candidates": 10,
            "own_anchors": 5,
            "taste_candidates": 12,
        },
        "ranker": {"trees": 24, "leaves": 7, "requests": 1200, "min_leaf_rows": 20},
        "thresholds": {
            "precision": {"cross-sell": 0.05, "add-on": 0.1, "upsell": 0.03, "more-of-same": 0.2, "replacement": 0.2}
        },
        "tracking": {"enabled": False},
    }
    for section, values in sections.items():
        tables[section] = {**tables.get(section, {}), **values}
    return parse_config(tables, "the small shop's configuration")


def write_shop(shop: SmallShop, folder: Path, **sections: dict[str, Any]) -> Config:
    """Orders as Parquet, the catalogue as CSV, and the configuration of a job on both."""
    folder.mkdir(parents=True, exist_ok=True)
    orders, products = folder / "orders.parquet", folder / "products.csv"
    write_table(shop.lines, Line, orders)
    write_table(shop.products, Product, products)
    return small_config(orders, products, **sections)


def write_table(rows: list[Any], row_type: Any, path: Path, without: tuple[str, ...] = ()) -> Path:
    """Rows as a Parquet or CSV file, all columns but some."""
    numbers = ("quantity", "unit_price", "price", "cost")
    types = {"ordered_at": "TIMESTAMP", **dict.fromkeys(numbers, "DOUBLE")}
    fields = [(name, types.get(name, "VARCHAR")) for name in row_type._fields]
    plain = path.with_suffix(".jsonl")
    plain.write_text("\n".join(json.dumps(row._asdict(), default=str) for row in rows))
    columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in fields) + "}"
    kept = ", ".join(name for name, _ in fields if name not in without)
    form = "FORMAT parquet" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {kept} FROM read_json('{plain}', format = 'newline_delimited', columns = {columns})) "
            f"TO '{path}' ({form})"
        )
    plain.unlink()
    return path


def another_future(shop: SmallShop, since: datetime) -> SmallShop:
    """The same past, and after it other customers, products, prices, quantities and hours; only the last day stays."""
    random = np.random.default_rng(9)
    past = [line for line in shop.lines if line.ordered_at < since]
    last = max(shop.lines, key=lambda line: line.ordered_at)
    days = (last.ordered_at - since).days
    made = [last]
    for number in range(700):
        at = since + timedelta(days=int(random.integers(0, days)), minutes=int(random.integers(0, 1400)))
        customer = random.choice(["customer-000", "customer-0001", "aaa", "zzz", "customer-050"])
        for product in random.choice([*"abcdef", "milk-0", "camera-4", "battery-0", "00-new"], 4, replace=False):
            price = float(random.uniform(1, 500))
            made.append(Line(str(customer), f"0-{number}", str(product), at, float(random.integers(1, 50)), price))
    return shop.with_lines([*past, *made])
