"""Tasks about a product that the customer has: a dearer one instead, what goes with it, and the same again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mersalg.names import KINDS
from mersalg_training.attributes import Attributes
from mersalg_training.cases import ragged
from mersalg_training.config import KindsConfig
from mersalg_training.tasks import (
    OWN_KINDS,
    Bools,
    Restriction,
    Shelf,
    Task,
    among,
    assemble,
    completion_tasks,
    group_median,
    make_shelf,
    narrowed,
    next_basket_tasks,
    own_products,
    purchase_gaps,
    sold,
    union,
)
from mersalg_training.timeline import UNKNOWN, Int64, Timeline


class Anchored(NamedTuple):
    """A question about one product of an order."""

    order: int
    cart: Int64
    """The anchor first."""
    target: Int64
    candidates: Int64


def make_tasks(
    timeline: Timeline,
    attributes: Attributes,
    window: tuple[float, float],
    config: KindsConfig,
    queries: int,
    random: np.random.Generator,
) -> tuple[list[Task], Shelf]:
    """All tasks of a window [first day, end day), each of at most `queries` requests, and the shelf before it.

    A task without requests is left in, empty. The orders are drawn at random, without replacement.
    """
    first_day, end_day = window
    shelf = make_shelf(timeline, attributes, first_day)
    inside = np.flatnonzero((timeline.order_day >= first_day) & (timeline.order_day < end_day))
    orders = random.permutation(inside).astype(np.int64)
    several = orders[np.diff(timeline.order_start)[orders] >= 2]
    customer = timeline.order_customer[orders]
    returning = orders[(customer != UNKNOWN) & (orders > timeline.customer_start[customer])]
    known = several[timeline.order_customer[several] != UNKNOWN]
    tasks = [
        *completion_tasks(timeline, shelf, several[:queries], random),
        *next_basket_tasks(timeline, shelf, first_of_customer(timeline, returning)[:queries]),
        *upsell_tasks(timeline, shelf, returning, config.upsell_step, queries),
        *add_on_tasks(timeline, shelf, known, config.add_on_price, queries),
        replacement_task(timeline, shelf, returning, queries),
    ]
    return tasks, shelf


def first_of_customer(timeline: Timeline, orders: Int64) -> Int64:
    """Those of the orders before which their customer has no other of them, in the order given."""
    _, first = np.unique(timeline.order_customer[np.sort(orders)], return_index=True)
    return orders[np.isin(orders, np.sort(orders)[first])]


def upsell_tasks(timeline: Timeline, shelf: Shelf, orders: Int64, step: float, queries: int) -> list[Task]:
    """A product bought at least `step` times as dear as the customer's usual one of its type.

    The usual one is the most bought before, of equals the latest. The cart is the usual one and the rest of the order,
    without the dearer ones of the type, which are the target. `in type`: candidates are the dearer ones of the type.
    `in type when viewed`: the same on the product page of the usual one, which is all the cart holds.
    `catalogue`: all. `kind alone`: all that this customer never bought, asked for upsells only.
    """
    found: list[Anchored] = []
    for order in orders:
        found += dearer_bought(timeline, shelf, int(order), step)
        if len(found) >= queries:
            break
    found = found[:queries]
    cases = assemble(timeline, [f.order for f in found], [f.cart for f in found], [f.target for f in found], "cart")
    viewed = [f.cart[:1] for f in found]
    page = assemble(timeline, [f.order for f in found], viewed, [f.target for f in found], "product-page")
    only = among(ragged([f.candidates for f in found]), len(shelf.sold))
    own = [own_products(timeline, int(order)) for order in cases.order]
    new, own_kept = narrowed(cases, [np.setdiff1d(cases.target[row], own[row]) for row in range(len(cases))], own)
    return [
        Task("upsell", "in type", ("upsell",), cases, Restriction(shelf.sold, cases.cart, only)),
        Task("upsell", "in type when viewed", ("upsell",), page, Restriction(shelf.sold, page.cart, only)),
        Task("upsell", "catalogue", KINDS, cases, Restriction(shelf.sold, cases.cart)),
        Task("upsell", "kind alone", ("upsell",), new, Restriction(shelf.sold, union(new.cart, own_kept))),
    ]


def dearer_bought(timeline: Timeline, shelf: Shelf, order: int, step: float) -> list[Anchored]:
    """One question for each type of which the order holds a dearer product than the customer's usual one."""
    bought = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
    past = timeline.line_product[timeline.history_before(order)].astype(np.int64)
    past_type = shelf.product_type[past]
    found = []
    for product_type in np.unique(shelf.product_type[bought]):
        of_type = past[past_type == product_type]
        if product_type == UNKNOWN or not len(of_type):
            continue
        usual = most_bought(of_type)
        dearer = shelf.sold & (shelf.product_type == product_type) & (shelf.price >= step * shelf.price[usual])
        target = bought[dearer[bought]]
        if len(target):
            rest = bought[~dearer[bought] & (bought != usual)]
            found.append(Anchored(order, np.concatenate([[usual], rest]), target, np.flatnonzero(dearer)))
    return found


def most_bought(products: Int64) -> int:
    """The most frequent of products in the order of time; of equals the one bought last."""
    codes, since, times = np.unique(products[::-1], return_index=True, return_counts=True)
    return int(codes[np.lexsort((since, -times))[0]])


def add_on_tasks(timeline: Timeline, shelf: Shelf, orders: Int64, price_ratio: float, queries: int) -> list[Task]:
    """The cart is the dearest product of an order of a known customer.

    The target is what the order holds besides that costs at most `price_ratio` times as much, is of another type and
    was never bought by this customer; the candidates are restricted alike. Products of unknown price or type are out.
    `any kind`: the request asks for every kind. `kind alone`: for add-ons only.
    """
    chosen, anchors, target, own = [], [], [], []
    for order in orders:
        bought = sold(shelf, timeline.line_product[timeline.order_lines(int(order))].astype(np.int64))
        bought = bought[(shelf.product_type[bought] != UNKNOWN) & ~np.isnan(shelf.price[bought])]
        if not len(bought):
            continue
        anchor = bought[np.argmax(shelf.price[bought])]
        past = own_products(timeline, int(order))
        cheaper = np.setdiff1d(bought[goes_with(shelf, int(anchor), price_ratio)[bought]], past)
        if len(cheaper):
            chosen.append(int(order))
            anchors.append(np.array([anchor], dtype=np.int64))
            target.append(cheaper)
            own.append(past)
        if len(chosen) == queries:
            break
    cases = assemble(timeline, chosen, anchors, target, "cart")

    def only(case: int) -> Bools:
        return goes_with(shelf, int(cases.cart[case][0]), price_ratio)

    restriction = Restriction(shelf.sold, union(cases.cart, ragged(own)), only)
    return [
        Task("add-on", "any kind", KINDS, cases, restriction),
        Task("add-on", "kind alone", ("add-on",), cases, restriction),
    ]


def goes_with(shelf: Shelf, anchor: int, price_ratio: float) -> Bools:
    """(n_products,) whether a product is of another type than the anchor and so much cheaper."""
    other_type = (shelf.product_type != shelf.product_type[anchor]) & (shelf.product_type != UNKNOWN)
    return np.asarray(other_type & (shelf.price <= price_ratio * shelf.price[anchor]))


def replacement_task(timeline: Timeline, shelf: Shelf, orders: Int64, queries: int) -> Task:
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
    cases = assemble(timeline, chosen, [np.zeros(0, dtype=np.int64)] * len(chosen), target, "follow-up")
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
