"""Requests made to teach upsells: the usual product of a type stands in the cart for a dearer one that was bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import MOMENTS
from mersalg_training.data.timeline import Float64, Int32, Int64, Timeline
from mersalg_training.ranking.cases import Cases, Made, made_cases, shown_history

PAGE_SHARE = 0.5
"""Of these requests on a product page; the others are carts."""


@dataclass(frozen=True)
class TypeShelf:
    """What stands beside what. Products are product codes."""

    product_type: Int32
    """(n_products,) type codes; n_types where there is none."""
    price: Float64
    """(n_products,) NaN where unknown."""
    most_bought: Int64
    """(n_types + 1,) the most bought product of each type, -1 where there is none."""
    step: float
    """A product is dearer from so many times the price on."""


def considered_cases(
    timeline: Timeline, shelf: TypeShelf, window: tuple[float, float], most: int, random: np.random.Generator
) -> Cases:
    """At most `most` requests: one for each product of an order that is dearer than the usual one of its type.

    The usual one is the customer's most bought of the type, or else the shop's. window: the first day and the one
    behind the last.
    """
    inside = np.flatnonzero((timeline.order_day >= window[0]) & (timeline.order_day < window[1]))
    rows: list[Made] = []
    for order in random.permutation(inside).tolist():
        rows += considered_in(timeline, shelf, int(order), random)
        if len(rows) >= most:
            break
    return made_cases(timeline, rows[:most])


def considered_in(timeline: Timeline, shelf: TypeShelf, order: int, random: np.random.Generator) -> list[Made]:
    """The requests of one order."""
    bought = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
    past = timeline.history_before(order)
    kinds = shelf.product_type[bought]
    usual = usual_of(timeline.line_product[past].astype(np.int64), shelf)
    rows: list[Made] = []
    for product, kind in zip(bought.tolist(), kinds.tolist(), strict=True):
        instead = usual.get(kind, int(shelf.most_bought[kind]))
        if instead < 0 or instead in bought or not shelf.price[product] >= shelf.step * shelf.price[instead]:
            continue
        others = random.permutation(bought[kinds != kind])
        is_page = random.random() < PAGE_SHARE
        others = others[: 0 if is_page else round(len(others) * random.random())]
        cart = np.concatenate([np.array([instead], dtype=np.int64), others])
        moment, at = MOMENTS.index("product-page" if is_page else "cart"), float(timeline.order_day[order])
        rows.append((moment, at, cart, shown_history(past, random), np.setdiff1d(bought, cart), order))
    return rows


def usual_of(past: Int64, shelf: TypeShelf) -> dict[int, int]:
    """Type -> the product of it that was bought most, the lowest code of equals."""
    product, times = np.unique(past, return_counts=True)
    order = np.lexsort((-product, times))
    return dict(zip(shelf.product_type[product[order]].tolist(), product[order].tolist(), strict=True))
