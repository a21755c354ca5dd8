"""Tasks about the same again: what is due at a follow-up, and what is bought again within the horizon."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.evaluation.tasks.task import (
    NOTHING,
    OWN_KINDS,
    Restriction,
    Shelf,
    Task,
    among,
    assemble,
    group_median,
    own_products,
    purchase_gaps,
    sold,
)
from mersalg_training.ranking.cases import lines_between, ragged

SOONEST: Final = 0.5
"""A follow-up comes at least so many days after an order."""


def due_task(timeline: Timeline, shelf: Shelf, orders: Int64, queries: int) -> Task:
    """A follow-up at the time of the customer's next order, judged by the own products that are due.

    A product is due from its median interval on: the customer's own, else that of all customers. Candidates and target
    are the due ones.
    """
    chosen: list[int] = []
    target, due = [], []
    for order in orders:
        ready = due_products(timeline, shelf, int(order))
        again = np.intersect1d(ready, timeline.line_product[timeline.order_lines(int(order))])
        if len(again):
            chosen.append(int(order))
            target.append(again)
            due.append(ready)
        if len(chosen) == queries:
            break
    cases = assemble(timeline, chosen, [NOTHING] * len(chosen), target, "follow-up")
    only = among(ragged(due), len(shelf.sold))
    return Task("replacement", "due", OWN_KINDS, cases, Restriction(shelf.sold, cases.cart, only))


def due_products(timeline: Timeline, shelf: Shelf, order: int) -> Int64:
    """The own products whose last purchase before the order is longer ago than their median interval."""
    past = timeline.history_before(order)
    lines = np.arange(past.start, past.stop)
    codes, place = np.unique(timeline.line_product[past], return_inverse=True)
    last = np.full(len(codes), -np.inf)
    np.maximum.at(last, place, timeline.line_day[past])
    gap_product, gap_days = purchase_gaps(timeline, lines)
    own = group_median(np.searchsorted(codes, gap_product), gap_days, len(codes))
    interval = np.where(np.isnan(own), shelf.interval_days[codes], own)
    ready = codes[timeline.order_day[order] - last > interval].astype(np.int64)
    return sold(shelf, ready)


def within_horizon_task(
    timeline: Timeline,
    shelf: Shelf,
    orders: Int64,
    end_day: float,
    horizon_days: float,
    queries: int,
    random: np.random.Generator,
) -> Task:
    """A follow-up at a random time after an order, at most the horizon later, judged by what is bought again in time.

    orders: of known customers, inside the window. Candidates are the own products, the target is what of them is
    bought within `horizon_days` after the request. The horizon lies inside the window. A follow-up after which nothing
    is bought again is left out: it says nothing of one method against another, but precision lies above that over all
    follow-ups. The order of a case is the customer's first one after the request.
    """
    chosen: list[int] = []
    at, target, own = [], [], []
    wait = random.uniform(min(SOONEST, horizon_days), horizon_days, size=len(orders))
    for day, customer in zip(
        (timeline.order_day[orders] + wait).tolist(), timeline.order_customer[orders], strict=True
    ):
        if day + horizon_days > end_day:
            continue
        later = lines_between(timeline, int(customer), np.nextafter(day, np.inf), day + horizon_days)
        if later.start == later.stop:
            continue
        following = int(timeline.line_order[later.start])
        past = sold(shelf, own_products(timeline, following))
        again = np.intersect1d(past, timeline.line_product[later])
        if len(again):
            chosen.append(following)
            at.append(day)
            target.append(again)
            own.append(past)
        if len(chosen) == queries:
            break
    cases = assemble(timeline, chosen, [NOTHING] * len(chosen), target, "follow-up")
    cases = replace(cases, at=np.array(at, dtype=np.float64))
    restriction = Restriction(shelf.sold, cases.cart, among(ragged(own), len(shelf.sold)))
    return Task("replacement", "within the horizon", OWN_KINDS, cases, restriction, by_precision=True)
