"""Requests as a shop sends them, of real orders at every moment: what a default answer to them is judged by."""

from __future__ import annotations

from typing import Final

import numpy as np

from mersalg.names import AFTER_PAYMENT, MOMENTS, Moment
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.evaluation.tasks.task import NOTHING, Bools, bought_in
from mersalg_training.ranking.cases import MAX_HISTORY, Cases, lines_between, ragged

PAID: Final = [MOMENTS.index(moment) for moment in MOMENTS if moment in AFTER_PAYMENT]


def follow_on_cases(
    timeline: Timeline, window: tuple[float, float], horizon_days: float, most: int, random: np.random.Generator
) -> Cases:
    """At most `most` requests, one of each drawn order of several products, of MOMENTS in turn.

    On a product page the cart is one product of the order, in a cart and at checkout a random half, rounded down, and
    at order confirmation the whole; a follow-up has no cart, is of a known customer, and comes within the horizon. The
    target is the rest of the order or, after payment, what is bought within the horizon; it may be empty.
    """
    first_day, end_day = window
    inside = np.flatnonzero((timeline.order_day >= first_day) & (timeline.order_day < end_day))
    several = random.permutation(inside[np.diff(timeline.order_start)[inside] >= 2])
    moments, at, cart, history, target, orders = [], [], [], [], [], []
    for place, order in enumerate(several[:most].tolist()):
        moment = MOMENTS[place % len(MOMENTS)]
        customer, day, past = int(timeline.order_customer[order]), float(timeline.order_day[order]), slice(0, 0)
        if moment == "follow-up" and customer == UNKNOWN:
            continue
        shuffled = random.permutation(bought_in(timeline, order))
        past = timeline.history_before(order)
        if moment == "follow-up":
            day += float(random.uniform(0.0, horizon_days))
            past = lines_between(timeline, customer, -np.inf, day)
        size = cart_size(moment, len(shuffled))
        moments.append(MOMENTS.index(moment))
        at.append(day)
        cart.append(shuffled[:size])
        history.append((max(past.start, past.stop - MAX_HISTORY), past.stop))
        target.append(later(timeline, customer, day, horizon_days) if moment in AFTER_PAYMENT else shuffled[size:])
        orders.append(order)
    order_codes = np.array(orders, dtype=np.int64)
    return Cases(
        moment=np.array(moments, dtype=np.int64),
        at=np.array(at, dtype=np.float64),
        cart=ragged(cart),
        history=np.array(history, dtype=np.int64).reshape(-1, 2),
        target=ragged(target),
        customer=timeline.order_customer[order_codes].astype(np.int64),
        order=order_codes,
    )


def cart_size(moment: Moment, bought: int) -> int:
    """How many of the products of an order are in the cart."""
    return {"product-page": 1, "order-confirmation": bought, "follow-up": 0}.get(moment, bought // 2)


def later(timeline: Timeline, customer: int, day: float, horizon_days: float) -> Int64:
    """What a customer buys after a day and within the horizon, distinct; nothing of an unknown one."""
    if customer == UNKNOWN:
        return NOTHING
    lines = lines_between(timeline, customer, float(np.nextafter(day, np.inf)), day + horizon_days)
    return np.unique(timeline.line_product[lines]).astype(np.int64)


def known_outcome(cases: Cases, end_day: float, horizon_days: float) -> Bools:
    """(n,) whether what was bought is known: not after payment without a customer, or with the horizon past the end."""
    followed = (cases.customer != UNKNOWN) & (cases.at + horizon_days <= end_day)
    return np.asarray(~np.isin(cases.moment, PAID) | followed)
