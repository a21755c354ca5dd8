"""A small shop whose customers have tastes and habits: orders drawn with a seed, of which no product is a ghost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.evaluation.tasks.task import assemble
from mersalg_training.ranking.cases import Cases
from small_history import Order, make_timeline

CUSTOMERS, PRODUCTS, TASTES = 40, 30, 3
CUT = 100.0
IDS = [f"p{product:02}" for product in range(PRODUCTS)]


def draw_shop(orders_of: Callable[[int], int], seed: int = 5) -> Timeline:
    """Customer -> so many orders before CUT, one to six products each, and one order of everybody after it."""
    random = np.random.default_rng(seed)
    popularity = random.dirichlet(np.full(PRODUCTS, 0.8), TASTES) + 0.3 / PRODUCTS
    orders = []
    for customer in range(CUSTOMERS):
        liked = popularity[customer % TASTES] * random.gamma(0.7, size=PRODUCTS)
        days = np.sort(random.choice(int(CUT), orders_of(customer), replace=False)).astype(float)
        for day in [*days.tolist(), CUT + 1.0]:
            size = int(random.integers(1, 7))
            bought = random.choice(PRODUCTS, size, replace=False, p=(liked + 1e-3) / (liked + 1e-3).sum())
            orders.append(Order(f"c{customer:02}", day, " ".join(IDS[product] for product in sorted(bought))))
    return make_timeline(orders, dict.fromkeys(IDS, 1.0))


def ask_everybody(timeline: Timeline, cart: Int64 | None = None) -> Cases:
    """A request of each customer after CUT, by customer; without a cart where none is given."""
    orders = np.flatnonzero(timeline.order_day >= CUT)
    orders = orders[np.argsort(timeline.order_customer[orders])]
    carts = [np.zeros(0, dtype=np.int64) if cart is None else cart for _ in orders]
    return assemble(timeline, orders.tolist(), carts, [np.array([0])] * len(orders), "cart")


def lines_before_cut(timeline: Timeline) -> dict[str, Int64]:
    """Customer, order and product of each line before CUT, in the order of time within a customer."""
    before = timeline.line_day < CUT
    order = timeline.line_order[before]
    return {
        "customer": timeline.order_customer[order].astype(np.int64),
        "order": order.astype(np.int64),
        "product": timeline.line_product[before].astype(np.int64),
    }
