"""Order histories written by hand, as the arrays that training reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mersalg_training.config import EngineConfig
from mersalg_training.data import history
from mersalg_training.data.attributes import Attributes, encoded
from mersalg_training.data.history import History
from mersalg_training.data.timeline import Timeline, offsets


class Order(NamedTuple):
    """An order: `Order("ann", 3, "milk bread")`; customer None is unknown, a product costs its list price."""

    customer: str | None
    day: float
    products: str


def make_timeline(orders: Sequence[Order], prices: Mapping[str, float]) -> Timeline:
    """The orders of a shop that sells the products of `prices`, by ascending id."""
    product_ids = sorted(prices)
    customer_ids = sorted({order.customer for order in orders if order.customer is not None})
    code_of = {customer: code for code, customer in enumerate(customer_ids)}
    made = sorted(orders, key=lambda order: (order.customer is None, order.customer or "", order.day))
    baskets = [sorted(product_ids.index(product) for product in order.products.split()) for order in made]
    lines = [product for basket in baskets for product in basket]
    customers = np.array([-1 if o.customer is None else code_of[o.customer] for o in made], dtype=np.int32)
    return Timeline(
        product_ids=product_ids,
        customer_ids=customer_ids,
        order_ids=[f"order-{number}" for number in range(len(made))],
        line_product=np.array(lines, dtype=np.int32),
        line_quantity=np.ones(len(lines), dtype=np.float32),
        line_price=np.array([prices[product_ids[product]] for product in lines], dtype=np.float32),
        order_start=np.concatenate([[0], np.cumsum([len(basket) for basket in baskets])]).astype(np.int64),
        order_customer=customers,
        order_day=np.array([order.day for order in made], dtype=np.float64),
        customer_start=offsets(customers[customers >= 0], len(customer_ids)),
    )


def make_attributes(types: Mapping[str, str | None], cost: Mapping[str, float] | None = None) -> Attributes:
    """Product -> its type; prices come from the orders."""
    product_ids = sorted(types)
    codes, names = encoded([types[product] for product in product_ids])
    none, _ = encoded([None] * len(product_ids))
    return Attributes(
        names=product_ids,
        product_type=codes,
        product_types=names,
        category=none,
        categories=[],
        brand=none,
        brands=[],
        price=np.full(len(product_ids), np.nan, dtype=np.float32),
        cost=np.array([(cost or {}).get(product, np.nan) for product in product_ids], dtype=np.float32),
        listed=np.ones(len(product_ids), dtype=np.bool_),
    )


def named(timeline: Timeline, products: Sequence[int] | np.ndarray) -> list[str]:  # type: ignore[type-arg]
    """The ids of product codes."""
    return [timeline.product_ids[int(product)] for product in products]


def history_of(timeline: Timeline) -> History:
    """The lines of a timeline in an engine of their own."""
    return history.history_of(timeline, EngineConfig())
