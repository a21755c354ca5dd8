"""The questions of an evaluation: requests of known answer from the test window, and what may be ranked for each.

Every method gets the same requests and the same restriction. Here are completion and next basket; the tasks about a
product that the customer has are in `anchored_tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, MOMENTS, Kind, Moment
from mersalg_training.attributes import Attributes
from mersalg_training.cases import MAX_HISTORY, Cases, Ragged, ragged
from mersalg_training.timeline import UNKNOWN, Float64, Int64, Timeline

Bools = npt.NDArray[np.bool_]

OWN_KINDS: Final[tuple[Kind, ...]] = ("more-of-same", "replacement")
"""The kinds that an own product can have."""
SAME_DAY: Final = 0.5
"""Purchases at most so many days apart are one."""


@dataclass(frozen=True)
class Shelf:
    """The products as they stand before the test window: what a method may know and may rank. Arrays (n_products,)."""

    sold: Bools
    """Sold before the window. Nothing else is a candidate or a target, for no method can have learned it."""
    price: Float64
    """The list price, else the median price paid before the window; NaN = unknown."""
    product_type: Int64
    """UNKNOWN without one."""
    interval_days: Float64
    """Median days between two purchases of a customer; NaN where nobody bought twice."""


@dataclass(frozen=True)
class Restriction:
    """What may be ranked for each case, alike for every method."""

    catalogue: Bools
    """(n_products,) candidates of any case."""
    forbidden: Ragged
    """Products that are no candidates of a case: its cart, and more where a task says so. A request excludes them."""
    only: Callable[[int], Bools] | None = None
    """Case -> (n_products,) its candidates; None = the catalogue."""

    def mask(self, case: int) -> Bools:
        """(n_products,) whether a product may be ranked for the case."""
        permitted = self.catalogue.copy() if self.only is None else self.catalogue & self.only(case)
        permitted[self.forbidden[case]] = False
        return permitted


@dataclass(frozen=True)
class Task:
    """One question, asked many times."""

    name: str
    view: str
    kinds: tuple[Kind, ...]
    """What a request asks for."""
    cases: Cases
    """The target is restricted as the candidates are, and never empty."""
    restriction: Restriction

    @property
    def label(self) -> str:
        """For people: `next basket, repeat`."""
        return f"{self.name}, {self.view}"


def make_shelf(timeline: Timeline, attributes: Attributes, before_day: float) -> Shelf:
    """What the lines before a day, and the catalogue, say of each product."""
    n = len(timeline.product_ids)
    lines = np.flatnonzero(timeline.line_day < before_day)
    product = timeline.line_product[lines].astype(np.int64)
    paid = timeline.line_price[lines].astype(np.float64)
    priced = ~np.isnan(paid)
    typed = attributes.product_type != len(attributes.product_types)
    known = timeline.order_customer[timeline.line_order[lines]] != UNKNOWN
    gap_product, gap_days = purchase_gaps(timeline, lines[known])
    return Shelf(
        sold=np.bincount(product, minlength=n) > 0,
        price=np.where(
            np.isnan(attributes.price), group_median(product[priced], paid[priced], n), attributes.price
        ).astype(np.float64),
        product_type=np.where(typed, attributes.product_type, UNKNOWN).astype(np.int64),
        interval_days=group_median(gap_product, gap_days, n),
    )


def purchase_gaps(timeline: Timeline, lines: Int64) -> tuple[Int64, Float64]:
    """Product and days of each pause between two purchases of it by one customer; a pause under SAME_DAY is none."""
    product = timeline.line_product[lines].astype(np.int64)
    customer = timeline.order_customer[timeline.line_order[lines]]
    day = timeline.line_day[lines]
    order = np.lexsort((day, product, customer))
    product, customer, day = product[order], customer[order], day[order]
    gap = np.diff(day)
    again = (np.diff(product) == 0) & (np.diff(customer) == 0) & (gap > SAME_DAY)
    return product[1:][again], gap[again]


def group_median(group: Int64, values: Float64, n: int) -> Float64:
    """(n,) the median of the values of each group 0 .. n - 1; NaN where there are none."""
    order = np.lexsort((values, group))
    values = values[order]
    size = np.bincount(group, minlength=n)
    first = np.concatenate([[0], np.cumsum(size)])[:-1]
    found = np.full(n, np.nan)
    some = size > 0
    low, high = first + (size - 1) // 2, first + size // 2
    found[some] = (values[low[some]] + values[high[some]]) / 2.0
    return found


def own_products(timeline: Timeline, order: int) -> Int64:
    """What the customer bought before the order, distinct and ascending; nothing without a customer."""
    return np.unique(timeline.line_product[timeline.history_before(order)]).astype(np.int64)


def assemble(timeline: Timeline, orders: list[int], cart: list[Int64], target: list[Int64], moment: Moment) -> Cases:
    """Requests at the time of each order with the history before it; none of an order whose target is empty."""
    kept = [row for row, products in enumerate(target) if len(products)]
    order = np.array([orders[row] for row in kept], dtype=np.int64)
    known = [timeline.history_before(int(o)) for o in order]
    return Cases(
        moment=np.full(len(kept), MOMENTS.index(moment), dtype=np.int64),
        at=timeline.order_day[order],
        cart=ragged([cart[row] for row in kept]),
        history=np.array(
            [(max(lines.start, lines.stop - MAX_HISTORY), lines.stop) for lines in known], dtype=np.int64
        ).reshape(-1, 2),
        target=ragged([target[row] for row in kept]),
        customer=timeline.order_customer[order].astype(np.int64),
        order=order,
    )


def completion_tasks(timeline: Timeline, shelf: Shelf, orders: Int64, random: np.random.Generator) -> list[Task]:
    """A random half of an order, rounded down, is the cart and the rest the target.

    `all`: any product. `explore`: what this customer, who is known, had never bought. `anonymous`: as `all`, with the
    history hidden from every method. Orders of one product are left out.
    """
    chosen = [int(order) for order in orders if timeline.order_start[order + 1] - timeline.order_start[order] >= 2]
    cart, target = [], []
    for order in chosen:
        shuffled = random.permutation(timeline.line_product[timeline.order_lines(order)].astype(np.int64))
        half = len(shuffled) // 2
        cart.append(shuffled[:half])
        target.append(sold(shelf, shuffled[half:]))
    cases = assemble(timeline, chosen, cart, target, "cart")
    everything = Restriction(shelf.sold, cases.cart)
    hidden = replace(cases, history=cases.history[:, [1, 1]])
    return [
        Task("completion", "all", KINDS, cases, everything),
        explore_task(timeline, shelf, "completion", cases),
        Task("completion", "anonymous", KINDS, hidden, everything),
    ]


def next_basket_tasks(timeline: Timeline, shelf: Shelf, orders: Int64) -> list[Task]:
    """A customer's next order at its own time, with an empty cart and a history of at least one order.

    `repeat`: among the own products. `explore`: among all others.
    """
    chosen = [int(order) for order in orders if len(own_products(timeline, int(order)))]
    target = [sold(shelf, timeline.line_product[timeline.order_lines(order)].astype(np.int64)) for order in chosen]
    cases = assemble(timeline, chosen, [np.zeros(0, dtype=np.int64)] * len(chosen), target, "cart")
    return [repeat_task(timeline, shelf, cases), explore_task(timeline, shelf, "next basket", cases)]


def repeat_task(timeline: Timeline, shelf: Shelf, cases: Cases) -> Task:
    """The view of a task in which only own products are candidates and targets."""
    own = [own_products(timeline, int(order)) for order in cases.order]
    cases, own_kept = narrowed(cases, [np.intersect1d(cases.target[row], own[row]) for row in range(len(cases))], own)
    only = among(own_kept, len(shelf.sold))
    return Task("next basket", "repeat", OWN_KINDS, cases, Restriction(shelf.sold, cases.cart, only))


def explore_task(timeline: Timeline, shelf: Shelf, name: str, cases: Cases) -> Task:
    """The view of a task in which only products that a known customer never bought are candidates and targets."""
    cases = cases.take(np.flatnonzero(cases.customer != UNKNOWN))
    own = [own_products(timeline, int(order)) for order in cases.order]
    cases, own_kept = narrowed(cases, [np.setdiff1d(cases.target[row], own[row]) for row in range(len(cases))], own)
    return Task(name, "explore", KINDS, cases, Restriction(shelf.sold, union(cases.cart, own_kept)))


def narrowed(cases: Cases, target: list[Int64], beside: list[Int64]) -> tuple[Cases, Ragged]:
    """The cases with other targets, without those that have none left; and what stands beside each that is kept."""
    kept = np.array([row for row, products in enumerate(target) if len(products)], dtype=np.int64)
    return replace(cases, target=ragged(target)).take(kept), ragged([beside[row] for row in kept])


def among(products: Ragged, n_products: int) -> Callable[[int], Bools]:
    """Case -> (n_products,) whether a product is one of its row."""

    def mask(case: int) -> Bools:
        found = np.zeros(n_products, dtype=np.bool_)
        found[products[case]] = True
        return found

    return mask


def union(some: Ragged, others: Ragged) -> Ragged:
    """Row by row, what stands in either."""
    return ragged([np.union1d(some[row], others[row]) for row in range(len(some))])


def sold(shelf: Shelf, products: Int64) -> Int64:
    """Those of the products that were sold before the window."""
    return products[shelf.sold[products]]
