"""Requests of every shape over the small shop: real carts and histories, and all that a shop may send besides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS
from mersalg_training.data.timeline import Timeline
from parity.reference import Ask

UNKNOWN_ID = "no-such-product"


def real_asks(
    timeline: Timeline, item_of_code: npt.NDArray[np.int64], n: int, random: np.random.Generator
) -> list[Ask]:
    """N requests of the timeline's later orders, with the moments in turn and the kinds of the moment or drawn ones."""
    orders = np.flatnonzero(timeline.order_day > np.quantile(timeline.order_day, 0.6))
    asks = []
    for number, order in enumerate(random.choice(orders, n, replace=False).tolist()):
        moment = MOMENTS[number % len(MOMENTS)]
        bought = item_of_code[timeline.line_product[timeline.order_lines(order)]]
        size = {"product-page": 1, "order-confirmation": len(bought), "follow-up": 0}.get(moment, len(bought) - 1)
        past = timeline.history_before(order)
        days = timeline.order_day[order] - timeline.line_day[past]
        quantities = timeline.line_quantity[past]
        items = item_of_code[timeline.line_product[past]]
        drawn = frozenset(kind for kind in KINDS if random.random() < 0.5)
        kinds = (frozenset(KINDS), frozenset(KINDS_BY_MOMENT[moment]), drawn)[number % 3]
        asks.append(
            Ask(
                cart=random.permutation(bought)[:size].tolist(),
                history=list(zip(items.tolist(), days.tolist(), quantities.tolist(), strict=True)),
                moment=moment,
                kinds=kinds,
                limit=int(random.integers(0, 51)),
                threshold=bool(number % 2),
                by_value=number % 7 in (2, 5),
                by_moment=number % 3 == 1 and number % 2 == 1,
            )
        )
    return asks


def strange_asks(asks: list[Ask], no_item: int, random: np.random.Generator) -> list[Ask]:
    """What a shop may send besides, one request of each sort for each of those given."""

    def some(n: int) -> list[int]:
        return random.integers(0, no_item + 1, n).tolist()

    made = []
    for number, ask in enumerate(asks):
        past = list(ask.history)
        past_items = [item for item, _, _ in past[-5:]]
        strange = [
            replace(ask, cart=[]),
            replace(ask, cart=[no_item, *ask.cart, no_item], history=[*past, (no_item, 3.0, 1.0)]),
            replace(ask, cart=[*ask.cart, *ask.cart[::-1], *ask.cart]),
            replace(ask, cart=some(1000)),
            replace(ask, cart=some(8), history=[]),
            replace(ask, cart=[], history=[]),
            replace(ask, history=[(item, -age - 1.0, quantity) for item, age, quantity in past]),
            replace(ask, history=[*past, *((item, -0.5, 9.0) for item in some(3))]),
            replace(ask, history=[(item, float(age), 2.0) for item, age in zip(some(900), some(900), strict=True)]),
            replace(ask, history=[(item, 0.0, 1.0) for item in some(5)]),
            replace(ask, exclude=[*ask.cart, *some(10)]),
            replace(ask, exclude=list(range(no_item))),
            replace(ask, only=some(6)),
            replace(ask, only=[*range(no_item), no_item], limit=50),
            replace(ask, only=[*past_items, *some(3), *past_items], exclude=some(2)),
            replace(ask, only=[no_item]),
        ]
        made.append(strange[number % len(strange)])
    return made
