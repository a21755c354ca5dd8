"""What an evaluation asks with: the shelf, requests of known answer, and what may be ranked for each.

Every method gets the same requests and the same restriction. The questions themselves are in `order_tasks`,
`cold_start_tasks`, `anchored_tasks` (where `make_tasks` makes them all) and `replacement_tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import MOMENTS, Kind, Moment
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Float64, Int32, Int64, Timeline
from mersalg_training.ranking.cases import MAX_HISTORY, Cases, Ragged, ragged

Bools = npt.NDArray[np.bool_]

SAME_DAY: Final = 0.5
"""Purchases at most so many days apart are one."""
OWN_KINDS: Final[tuple[Kind, ...]] = ("more-of-same", "replacement")
"""The kinds that an own product can have."""
FEW: Final = 400
"""So many candidates of a case can be named in its request."""
NOTHING: Final = np.zeros(0, dtype=np.int64)
"""An empty cart."""


@dataclass(frozen=True)
class Shelf:
    """What a method may know of the products before the test window, and may rank. Arrays (n_products,)."""

    sold: Bools
    """Sold before the window. But for new products nothing else is a candidate or a target."""
    unsold: Bools
    """Listed in the catalogue and never sold before the window; nothing is known of it but its attributes."""
    price: Float64
    """The list price, else the median price paid before the window; NaN = unknown."""
    product_type: Int64
    """UNKNOWN without one."""
    category: Int64
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

    def few(self, case: int) -> Int64 | None:
        """The candidates of the case, ascending, where `only` leaves at most FEW; else None."""
        candidates = np.flatnonzero(self.mask(case)) if self.only is not None else None
        return candidates if candidates is not None and len(candidates) <= FEW else None


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
    by_precision: bool = False
    """The share of the first places that comes true is told too."""

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
    known = timeline.order_customer[timeline.line_order[lines]] != UNKNOWN
    gap_product, gap_days = purchase_gaps(timeline, lines[known])
    is_sold = np.bincount(product, minlength=n) > 0
    return Shelf(
        sold=is_sold,
        unsold=attributes.listed & ~is_sold,
        price=np.where(
            np.isnan(attributes.price), group_median(product[priced], paid[priced], n), attributes.price
        ).astype(np.float64),
        product_type=or_unknown(attributes.product_type, len(attributes.product_types)),
        category=or_unknown(attributes.category, len(attributes.categories)),
        interval_days=group_median(gap_product, gap_days, n),
    )


def or_unknown(code: Int32, n_known: int) -> Int64:
    """The codes, with UNKNOWN in place of the one past the last."""
    return np.where(code == n_known, UNKNOWN, code).astype(np.int64)


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
    result = np.full(n, np.nan)
    some = size > 0
    low, high = first + (size - 1) // 2, first + size // 2
    result[some] = (values[low[some]] + values[high[some]]) / 2.0
    return result


def own_products(timeline: Timeline, order: int) -> Int64:
    """What the customer bought before the order, distinct and ascending; nothing without a customer."""
    return np.unique(timeline.line_product[timeline.history_before(order)]).astype(np.int64)


def bought_in(timeline: Timeline, order: int) -> Int64:
    """The products of an order."""
    return timeline.line_product[timeline.order_lines(order)].astype(np.int64)


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


def without_history(cases: Cases) -> Cases:
    """The same requests with the history hidden from every method."""
    return replace(cases, history=cases.history[:, [1, 1]])


def narrowed(cases: Cases, target: list[Int64], beside: list[Int64]) -> tuple[Cases, Ragged]:
    """The cases with other targets, without those that have none left; and what stands beside each that is kept."""
    kept = np.array([row for row, products in enumerate(target) if len(products)], dtype=np.int64)
    return replace(cases, target=ragged(target)).take(kept), ragged([beside[row] for row in kept])


def among(products: Ragged, n_products: int) -> Callable[[int], Bools]:
    """Case -> (n_products,) whether a product is one of its row."""

    def mask(case: int) -> Bools:
        result = np.zeros(n_products, dtype=np.bool_)
        result[products[case]] = True
        return result

    return mask


def union(some: Ragged, others: Ragged) -> Ragged:
    """Row by row, what stands in either."""
    return ragged([np.union1d(some[row], others[row]) for row in range(len(some))])


def sold(shelf: Shelf, products: Int64) -> Int64:
    """Those of the products that were sold before the window."""
    return products[shelf.sold[products]]
