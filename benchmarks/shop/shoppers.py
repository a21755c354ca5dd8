"""Shoppers with the rhythm, the baskets and the prices of real customers, and a year of visits that each would make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from mersalg_training.config import load_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases

START = datetime(2018, 1, 1)
"""The simulated year begins where the real one ends."""
DAYS = 365
MAX_LINES = 300
"""The latest lines of a history that go with a request."""
MIN_ORDERS = 10


@dataclass(frozen=True)
class Line:
    product: str
    price: float
    quantity: float


@dataclass(frozen=True)
class Visit:
    """A visit that the shopper makes where nothing keeps him away."""

    day: float
    cart: list[str]
    """What lies in the cart when offers are shown."""
    rest: dict[str, float]
    """What is bought after that without any offer: product -> what is paid."""
    spent: float
    """For the whole order."""


@dataclass(frozen=True)
class Shopper:
    visits: list[Visit]
    usual_price: float
    spent_before: float
    """In the last 90 real days."""
    orders_before: int
    real: list[dict[str, object]]
    """Real history, as a request takes it."""


@dataclass(frozen=True)
class Shop:
    shoppers: list[Shopper]
    prices: dict[str, float]
    best_sellers: dict[str, float]
    """Product -> share of orders that hold it, best first."""


def open_shop(config: str, shoppers: int, random: np.random.Generator) -> Shop:
    """So many customers, drawn among those with at least ten orders."""
    job = load_config(Path(config))
    purchases = open_purchases(job.data)
    apply_contract(purchases, job.contract)
    lines = purchases.connection
    prices = dict(lines.execute("SELECT product_id, median(unit_price) FROM lines GROUP BY 1").fetchall())
    orders = lines.execute("SELECT count(DISTINCT order_id) FROM lines").fetchall()[0][0]
    best = lines.execute("SELECT product_id, count(*) FROM lines GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40").fetchall()
    known = lines.execute(
        "SELECT customer_id FROM lines WHERE customer_id IS NOT NULL GROUP BY 1 "
        "HAVING count(DISTINCT order_id) >= ? ORDER BY 1",
        [MIN_ORDERS],
    ).fetchall()
    drawn = random.choice([row[0] for row in known], shoppers, replace=False).tolist()
    made = [make_shopper(lines, customer, random) for customer in drawn]
    return Shop(made, {p: float(v or 0.0) for p, v in prices.items()}, {p: n / orders for p, n in best})


def make_shopper(lines: duckdb.DuckDBPyConnection, customer: str, random: np.random.Generator) -> Shopper:
    """A year of visits: gaps between orders and baskets drawn from the customer's own, each basket cut at random."""
    rows = lines.execute(
        "SELECT order_id, product_id, ordered_at, quantity, coalesce(unit_price, 0) FROM lines "
        "WHERE customer_id = ? ORDER BY ordered_at, order_id, product_id",
        [customer],
    ).fetchall()
    baskets: dict[str, list[Line]] = {}
    times: dict[str, datetime] = {}
    for order, product, at, quantity, price in rows:
        baskets.setdefault(order, []).append(Line(product, float(price), float(quantity)))
        times.setdefault(order, at)
    at_days = np.array(sorted((at - START) / timedelta(days=1) for at in times.values()))
    gaps = np.diff(at_days)
    whole = list(baskets.values())
    visits, day = [], float(random.choice(gaps)) * random.random()
    while day < DAYS:
        basket = whole[int(random.integers(len(whole)))]
        mixed = [basket[i] for i in random.permutation(len(basket))]
        cut = int(random.integers(1, len(mixed) + 1))
        rest = {line.product: line.price * line.quantity for line in mixed[cut:]}
        spent = sum(line.price * line.quantity for line in mixed)
        visits.append(Visit(day, [line.product for line in mixed[:cut]], rest, spent))
        day += max(float(random.choice(gaps)), 0.05)
    recent = [order for order, at in times.items() if at >= START - timedelta(days=90)]
    return Shopper(
        visits=visits,
        usual_price=float(np.median([line.price for basket in whole for line in basket])) or 1.0,
        spent_before=sum(line.price * line.quantity for order in recent for line in baskets[order]),
        orders_before=len(recent),
        real=[{"product_id": p, "ordered_at": at, "quantity": q} for _, p, at, q, _ in rows][-MAX_LINES:],
    )
