"""Tasks about a product that the customer has or looks at: a dearer one instead, and what extends it. And all tasks."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from mersalg.names import KINDS
from mersalg_training.config import KindsConfig
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.evaluation.tasks.asymmetry import baskets_before, extensions
from mersalg_training.evaluation.tasks.cold_start import cold_start_tasks
from mersalg_training.evaluation.tasks.orders import completion_tasks, next_basket_tasks
from mersalg_training.evaluation.tasks.replacement import due_task, within_horizon_task
from mersalg_training.evaluation.tasks.task import (
    Bools,
    Restriction,
    Shelf,
    Task,
    among,
    assemble,
    bought_in,
    make_shelf,
    own_products,
    sold,
    union,
)
from mersalg_training.ranking.cases import ragged

HORIZON_DAYS: Final = 14.0
"""Of `replacement, within the horizon` where none is given."""


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
    horizon_days: float | None = None,
) -> tuple[list[Task], Shelf]:
    """All tasks of a window [first day, end day), each of at most `queries` requests, and the shelf before it.

    A task without requests is left in, empty. The orders are drawn at random, without replacement. horizon_days:
    within which `replacement` looks for a repurchase; None = HORIZON_DAYS.
    """
    first_day, end_day = window
    shelf = make_shelf(timeline, attributes, first_day)
    inside = np.flatnonzero((timeline.order_day >= first_day) & (timeline.order_day < end_day))
    orders = random.permutation(inside).astype(np.int64)
    several = orders[np.diff(timeline.order_start)[orders] >= 2]
    customer = timeline.order_customer[orders]
    returning = orders[(customer != UNKNOWN) & (orders > timeline.customer_start[customer])]
    known = several[timeline.order_customer[several] != UNKNOWN]
    horizon_days = horizon_days or HORIZON_DAYS
    tasks = [
        *completion_tasks(timeline, shelf, several[:queries], random),
        *cold_start_tasks(timeline, shelf, orders, queries, random),
        *next_basket_tasks(timeline, shelf, first_of_customer(timeline, returning)[:queries]),
        *upsell_tasks(timeline, shelf, returning, config.upsell_step, queries),
        *add_on_tasks(timeline, shelf, known, first_day, config, queries),
        due_task(timeline, shelf, returning, queries),
        within_horizon_task(timeline, shelf, orders[customer != UNKNOWN], end_day, horizon_days, queries, random),
    ]
    return tasks, shelf


def first_of_customer(timeline: Timeline, orders: Int64) -> Int64:
    """Those of the orders before which their customer has no other of them, in the order given."""
    _, first = np.unique(timeline.order_customer[np.sort(orders)], return_index=True)
    return orders[np.isin(orders, np.sort(orders)[first])]


def upsell_tasks(timeline: Timeline, shelf: Shelf, orders: Int64, step: float, queries: int) -> list[Task]:
    """A product bought at least `step` times as dear as the customer's usual one of its type; upsells are asked for.

    The usual one is the most bought before, of equals the latest. The cart is the usual one and the rest of the order,
    without the dearer ones of the type, which are the target. `in type`: candidates are the dearer ones of the type.
    `in type when viewed`: the same on the product page of the usual one, which is all the cart holds.
    `catalogue`: all products are candidates.
    """
    result: list[Anchored] = []
    for order in orders:
        result += dearer_bought(timeline, shelf, int(order), step)
        if len(result) >= queries:
            break
    result = result[:queries]
    cases = assemble(timeline, [f.order for f in result], [f.cart for f in result], [f.target for f in result], "cart")
    viewed = [f.cart[:1] for f in result]
    page = assemble(timeline, [f.order for f in result], viewed, [f.target for f in result], "product-page")
    only = among(ragged([f.candidates for f in result]), len(shelf.sold))
    return [
        Task("upsell", "in type", ("upsell",), cases, Restriction(shelf.sold, cases.cart, only)),
        Task("upsell", "in type when viewed", ("upsell",), page, Restriction(shelf.sold, page.cart, only)),
        Task("upsell", "catalogue", ("upsell",), cases, Restriction(shelf.sold, cases.cart)),
    ]


def dearer_bought(timeline: Timeline, shelf: Shelf, order: int, step: float) -> list[Anchored]:
    """One question for each type of which the order holds a dearer product than the customer's usual one."""
    bought = bought_in(timeline, order)
    past = timeline.line_product[timeline.history_before(order)].astype(np.int64)
    past_type = shelf.product_type[past]
    result = []
    for product_type in np.unique(shelf.product_type[bought]):
        of_type = past[past_type == product_type]
        if product_type == UNKNOWN or not len(of_type):
            continue
        usual = most_bought(of_type)
        dearer = shelf.sold & (shelf.product_type == product_type) & (shelf.price >= step * shelf.price[usual])
        target = bought[dearer[bought]]
        if len(target):
            rest = bought[~dearer[bought] & (bought != usual)]
            result.append(Anchored(order, np.concatenate([[usual], rest]), target, np.flatnonzero(dearer)))
    return result


def most_bought(products: Int64) -> int:
    """The most frequent of products in the order of time; of equals the one bought last."""
    codes, since, times = np.unique(products[::-1], return_index=True, return_counts=True)
    return int(codes[np.lexsort((since, -times))[0]])


def add_on_tasks(
    timeline: Timeline, shelf: Shelf, orders: Int64, before_day: float, config: KindsConfig, queries: int
) -> list[Task]:
    """The cart is the dearest product of an order of a known customer, the target what the order holds that extends it.

    Candidates are of another type, cost at most `add_on_price` times as much, were never bought by this customer and
    extend the anchor by the orders before the day (`asymmetry`). Products of unknown price or type are out.
    `by asymmetry`: the request asks for every kind. `by asymmetry as add-on`: for add-ons only.
    """
    result = extended_anchors(timeline, shelf, orders, before_day, config, queries)
    cases = assemble(timeline, [f.order for f in result], [f.cart for f in result], [f.target for f in result], "cart")
    own = ragged([own_products(timeline, f.order) for f in result])
    only = among(ragged([f.candidates for f in result]), len(shelf.sold))
    restriction = Restriction(shelf.sold, union(cases.cart, own), only)
    return [
        Task("add-on", "by asymmetry", KINDS, cases, restriction),
        Task("add-on", "by asymmetry as add-on", ("add-on",), cases, restriction),
    ]


def extended_anchors(
    timeline: Timeline, shelf: Shelf, orders: Int64, before_day: float, config: KindsConfig, queries: int
) -> list[Anchored]:
    """One question for each order that holds an extension, new to the customer, of its dearest product."""
    anchor_of = {int(order): anchor for order in orders if (anchor := dearest(timeline, shelf, int(order))) is not None}
    anchors = np.unique(np.array(list(anchor_of.values()), dtype=np.int64))
    extending = extensions(baskets_before(timeline, before_day), anchors, shelf.price, config)
    result: list[Anchored] = []
    for order, anchor in anchor_of.items():
        products = extending[int(np.searchsorted(anchors, anchor))]
        cheap = products[goes_with(shelf, anchor, config.add_on_price)[products]]
        candidates = np.setdiff1d(cheap, own_products(timeline, order))
        target = np.intersect1d(candidates, bought_in(timeline, order))
        if len(target):
            result.append(Anchored(order, np.array([anchor], dtype=np.int64), target, candidates))
        if len(result) == queries:
            break
    return result


def dearest(timeline: Timeline, shelf: Shelf, order: int) -> int | None:
    """The dearest product of an order, of those sold before the window of known price and type; None without one."""
    bought = sold(shelf, bought_in(timeline, order))
    bought = bought[(shelf.product_type[bought] != UNKNOWN) & ~np.isnan(shelf.price[bought])]
    return int(bought[np.argmax(shelf.price[bought])]) if len(bought) else None


def goes_with(shelf: Shelf, anchor: int, price_ratio: float) -> Bools:
    """(n_products,) whether a product is of another type than the anchor and so much cheaper."""
    other_type = (shelf.product_type != shelf.product_type[anchor]) & (shelf.product_type != UNKNOWN)
    return np.asarray(other_type & (shelf.price <= price_ratio * shelf.price[anchor]))
