"""Makes the order history of a small coffee shop that does not exist: `python make_shop.py FOLDER`.

Beans, milk and filters are bought again and again; machines bring what cleans them, never the other way round; and
customers move up to the larger pack or the better machine with time.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

START = datetime(2026, 1, 5, 8)
DAYS = 300
CUSTOMERS = 260
SEED = 7
WITHOUT_ACCOUNT = 0.1
"""Share of orders whose customer is not known."""
MOVES_UP = 0.07
"""Chance at each purchase of a type that the customer takes the next better one from then on."""


class ProductType(NamedTuple):
    """Products of one type, from plain to dear."""

    category: str
    products: tuple[tuple[str, float], ...]
    """Name and price."""
    every_days: float | None = None
    """Between two purchases of a customer who uses it up."""
    used_by: float = 0.0
    """Share of the customers who use it up."""


TYPES = {
    "beans": ProductType(
        "coffee",
        (("Espresso beans 250 g", 6.5), ("Espresso beans 500 g", 11.5), ("Espresso beans 1 kg", 19.9)), 13.0, 0.8,
    ),
    "filter coffee": ProductType(
        "coffee", (("Filter coffee 250 g", 5.9), ("Filter coffee 500 g", 9.9), ("Filter coffee 1 kg", 17.5)), 15.0, 0.5
    ),
    "oat drink": ProductType("milk", (("Oat drink 1 l", 2.2), ("Oat drink 6 x 1 l", 11.9)), 10.0, 0.6),
    "filters": ProductType("paper", (("Paper filters 40 pcs", 1.9), ("Paper filters 100 pcs", 3.9))),
    "tea": ProductType("tea", (("Green tea 100 g", 4.9), ("Green tea 250 g", 9.9)), 30.0, 0.3),
    "biscuits": ProductType("sweets", (("Almond biscuits 200 g", 3.9), ("Almond biscuits 500 g", 7.9))),
    "machine": ProductType(
        "gear", (("Espresso machine Uno", 149.0), ("Espresso machine Duo", 249.0), ("Espresso machine Pro", 449.0))
    ),
    "grinder": ProductType("gear", (("Hand grinder", 39.0), ("Electric grinder", 99.0), ("Stone grinder", 189.0))),
    "cleaning tablets": ProductType("care", (("Cleaning tablets 10 pcs", 7.9), ("Cleaning tablets 30 pcs", 17.9))),
    "water filter": ProductType("care", (("Water filter 1 pcs", 9.9), ("Water filter 3 pcs", 24.9)), 60.0, 0.35),
    "brush": ProductType("care", (("Grinder brush", 5.9),)),
    "cups": ProductType("table", (("Espresso cups 2 pcs", 12.9), ("Espresso cups 6 pcs", 32.9))),
}  # fmt: skip
TOGETHER = {
    # what is bought: (what goes with it, how often)
    "filter coffee": (("filters", 0.5),),
    "beans": (("biscuits", 0.25),),
    "machine": (("cleaning tablets", 0.7), ("cups", 0.4)),
    "grinder": (("brush", 0.6),),
}
NOW_AND_THEN = ("machine", "grinder", "cups", "biscuits")


class Line(NamedTuple):
    """A line of an order, in the columns that mersalg reads."""

    order_id: str
    customer_id: str
    product_id: str
    ordered_at: str
    quantity: int
    unit_price: float


def product_id(kind: str, step: int) -> str:
    """The id of a type's product, as `beans-2`."""
    return f"{kind.replace(' ', '-')}-{step}"


def products() -> Iterator[dict[str, object]]:
    """The rows of the catalogue."""
    for kind, of in TYPES.items():
        for step, (name, price) in enumerate(of.products):
            row = {"product_id": product_id(kind, step), "name": name, "category": of.category}
            yield {**row, "product_type": kind, "price": price}


def baskets(random: np.random.Generator) -> Iterator[tuple[datetime, dict[str, int]]]:
    """The orders of one customer: when, and type -> which of its products."""
    used = {kind: of.every_days for kind, of in TYPES.items() if of.every_days and random.random() < of.used_by}
    step = {kind: int(random.random() < 0.3) for kind, of in TYPES.items() if len(of.products) > 1}
    due = {kind: float(random.uniform(0.0, days)) for kind, days in used.items()}
    day = float(random.uniform(0.0, 10.0))
    while day < DAYS:
        basket = {kind for kind in due if due[kind] <= day + 2.0}
        due |= {kind: day + used[kind] * float(random.uniform(0.8, 1.2)) for kind in sorted(basket)}
        if random.random() < 0.12:
            basket.add(str(random.choice(NOW_AND_THEN)))
        for kind in sorted(basket):
            basket |= {other for other, share in TOGETHER.get(kind, ()) if random.random() < share}
        for kind in sorted(basket & step.keys()):
            if random.random() < MOVES_UP:
                step[kind] = min(step[kind] + 1, len(TYPES[kind].products) - 1)
        if basket:
            at = START + timedelta(days=int(day), minutes=int(random.integers(0, 720)))
            yield at, {kind: step.get(kind, 0) for kind in sorted(basket)}
        day += float(random.gamma(4.0, 1.8))


def lines() -> Iterator[Line]:
    """All order lines of the shop; the same in every run."""
    random = np.random.default_rng(SEED)
    for customer in range(CUSTOMERS):
        for number, (at, basket) in enumerate(baskets(random)):
            known = f"c-{customer:03}" if random.random() > WITHOUT_ACCOUNT else ""
            for kind, step in basket.items():
                price = TYPES[kind].products[step][1]
                yield Line(f"{customer:03}-{number:02}", known, product_id(kind, step), at.isoformat(), 1, price)


def make_shop(folder: Path) -> None:
    """Write orders.csv and products.csv into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "orders.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Line._fields, *sorted(lines(), key=lambda line: (line.ordered_at, line.order_id))])
    rows = list(products())
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([rows[0].keys(), *(row.values() for row in rows)])


if __name__ == "__main__":
    make_shop(Path(sys.argv[1]))
