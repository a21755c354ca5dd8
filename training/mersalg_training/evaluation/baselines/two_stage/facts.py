"""What the lines before a day say of each product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64, Timeline

Bools = npt.NDArray[np.bool_]

MONTH: Final = 28.0
WEEK: Final = 7.0
SAME_DAY: Final = 0.5
"""Two purchases so many days apart are one."""


@dataclass(frozen=True)
class ProductFacts:
    """Products as the lines before a day show them. Arrays (n_products,) unless told otherwise."""

    groups: dict[str, Int64]
    """Codes of "type", "category" and "brand"; UNKNOWN without one."""
    n_groups: dict[str, int]
    price: Float64
    """NaN = unknown."""
    orders: Float64
    """How many hold the product."""
    month: Float64
    """The share of the orders of the last 28 days that hold the product."""
    week: Float64
    static: dict[str, Float64]
    """Features of a product alone."""
    affine: dict[str, sp.csr_array]
    """"confidence" and "lift": (n_types, n_types) of an ordered pair of types, by orders."""
    share_in_type: Float64
    """Of the lines of the type, those of the product; 0 without a type."""

    @property
    def sold(self) -> Bools:
        """(n_products,) whether an order holds it."""
        return self.orders > 0


def make_facts(timeline: Timeline, attributes: Attributes, before_day: float) -> ProductFacts:
    """Everything about products, from lines before the day (days since 1970-01-01) and from the catalogue."""
    n = len(timeline.product_ids)
    groups = {
        name: np.where(codes == len(names), UNKNOWN, codes).astype(np.int64)
        for name, codes, names in (
            ("type", attributes.product_type, attributes.product_types),
            ("category", attributes.category, attributes.categories),
            ("brand", attributes.brand, attributes.brands),
        )
    }
    n_groups = {
        "type": len(attributes.product_types),
        "category": len(attributes.categories),
        "brand": len(attributes.brands),
    }
    lines = np.flatnonzero(timeline.line_day < before_day)
    product, day = timeline.line_product[lines].astype(np.int64), timeline.line_day[lines]
    orders = np.bincount(product, minlength=n).astype(np.float64)
    paid = timeline.line_price[lines].astype(np.float64)
    known = ~np.isnan(paid)
    median = group_median(product[known], paid[known], n)
    price = np.where(np.isnan(attributes.price), median, attributes.price).astype(np.float64)
    month, week = (recent_share(timeline, before_day - days, before_day) for days in (MONTH, WEEK))
    types, n_types = groups["type"], n_groups["type"]
    share_in_type = within(orders, types, n_types)
    static = {
        "log_orders": np.log1p(orders),
        "month_share": month,
        "week_share": week,
        "week_to_month": week / (month + 1e-5),
        "month_to_all": month / (orders / max(1, len(np.unique(timeline.line_order[lines]))) + 1e-5),
        "age": before_day - group_extreme(product, day, n, "least"),
        "idle": before_day - group_extreme(product, day, n, "greatest"),
        "share_in_type": share_in_type,
        "share_in_category": within(orders, groups["category"], n_groups["category"]),
        "type_size": total((orders > 0).astype(np.float64), types, n_types),
        "type_log_orders": np.log1p(total(orders, types, n_types)),
        "price": price,
        "price_place": price_place(price, types, orders > 0),
        **repeat_facts(timeline, lines, n),
    }
    affine = type_pairs(timeline, lines, types, n_types)
    return ProductFacts(groups, n_groups, price, orders, month, week, static, affine, np.nan_to_num(share_in_type))


def recent_share(timeline: Timeline, first_day: float, end_day: float) -> Float64:
    """(n_products,) the share of the orders of first_day <= day < end_day with the product."""
    inside = (timeline.line_day >= first_day) & (timeline.line_day < end_day)
    orders = int(np.count_nonzero((timeline.order_day >= first_day) & (timeline.order_day < end_day)))
    held = np.bincount(timeline.line_product[inside], minlength=len(timeline.product_ids))
    return held.astype(np.float64) / max(1, orders)


def group_extreme(group: Int64, values: Float64, n: int, which: Literal["least", "greatest"]) -> Float64:
    """(n,) the least or the greatest value of each group 0 .. n - 1; NaN without one."""
    sign = 1.0 if which == "least" else -1.0
    result = np.full(n, np.inf)
    np.minimum.at(result, group, sign * values)
    return np.where(np.isfinite(result), sign * result, np.nan)


def group_median(group: Int64, values: Float64, n: int) -> Float64:
    """(n,) the median of each group 0 .. n - 1; NaN without one."""
    order = np.lexsort((values, group))
    values, size = values[order], np.bincount(group, minlength=n)
    first = np.cumsum(size) - size
    result = np.full(n, np.nan)
    some = size > 0
    result[some] = (values[(first + (size - 1) // 2)[some]] + values[(first + size // 2)[some]]) / 2.0
    return result


def total(values: Float64, group: Int64, n_groups: int) -> Float64:
    """(n_products,) the sum of the values over the product's group; NaN without a group."""
    known = group != UNKNOWN
    sums = np.append(np.bincount(group[known], values[known], n_groups), np.nan)
    return np.asarray(sums[group], dtype=np.float64)


def within(values: Float64, group: Int64, n_groups: int) -> Float64:
    """(n_products,) the product's part of its group; NaN without a group."""
    return np.asarray(values / np.maximum(total(values, group, n_groups), 1.0))


def price_place(price: Float64, product_type: Int64, sold: Bools) -> Float64:
    """(n_products,) 0 for the cheapest sold product of the type to 1 for the dearest; NaN where nothing is known."""
    result = np.full(len(price), np.nan)
    known = np.flatnonzero(sold & (product_type != UNKNOWN) & ~np.isnan(price))
    order = known[np.lexsort((price[known], product_type[known]))]
    _, first, size = np.unique(product_type[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, size)
    result[order] = (place + 0.5) / np.repeat(size, size)
    return result


def repeat_facts(timeline: Timeline, lines: Int64, n: int) -> dict[str, Float64]:
    """`buyers` (logarithm), `repeat_rate`, shrunk to that of all, and `interval`; NaN where no customer is known.

    The interval is the median of the days between two purchases of a customer; NaN where nobody bought twice.
    """
    customer = timeline.order_customer[timeline.line_order[lines]].astype(np.int64)
    lines, customer = lines[customer != UNKNOWN], customer[customer != UNKNOWN]
    if not len(lines):
        return {name: np.full(n, np.nan) for name in ("buyers", "repeat_rate", "interval")}
    key, day = customer * n + timeline.line_product[lines], timeline.line_day[lines]
    pair, times = np.unique(key, return_counts=True)
    buyers = np.bincount(pair % n, minlength=n).astype(np.float64)
    again = np.bincount(pair % n, times > 1, n)
    order = np.lexsort((day, key))
    gap = np.diff(day[order])
    between = (np.diff(key[order]) == 0) & (gap > SAME_DAY)
    return {
        "buyers": np.log1p(buyers),
        "repeat_rate": (again + 5.0 * np.mean(times > 1)) / (buyers + 5.0),
        "interval": group_median(key[order][1:][between] % n, gap[between], n),
    }


def type_pairs(timeline: Timeline, lines: Int64, product_type: Int64, n_types: int) -> dict[str, sp.csr_array]:
    """P(type b in the order | type a in it), and how many times that of chance, both with the diagonal left out."""
    code = product_type[timeline.line_product[lines]]
    order = timeline.line_order[lines].astype(np.int64)
    pair = np.unique(order[code != UNKNOWN] * max(1, n_types) + code[code != UNKNOWN])
    ones = np.ones(len(pair), dtype=np.float32)
    shape = (timeline.n_orders, n_types)
    held = sp.csr_array((ones, (pair // max(1, n_types), pair % max(1, n_types))), shape=shape)
    together = (held.T @ held).tocoo()
    orders = np.asarray(held.sum(axis=0), dtype=np.float64).ravel()
    a, b = together.coords
    other = (a != b) & (together.data >= 2)
    a, b, n = a[other], b[other], together.data[other]
    confidence = n / orders[a]
    lift = confidence * max(1, len(np.unique(order))) / (orders[b] + 10.0)
    return {
        name: sp.csr_array((values.astype(np.float32), (a, b)), shape=(n_types, n_types))
        for name, values in (("confidence", confidence), ("lift", lift))
    }


def strongest(matrix: sp.csr_array, rows: Int64) -> Float32:
    """(n_columns,) the highest value of each column over the rows; zeros without rows."""
    result = np.zeros(matrix.shape[1], dtype=np.float32)
    column, value, _ = rows_of(matrix, rows)
    np.maximum.at(result, column, value)
    return result


def rows_of(matrix: sp.csr_array, rows: Int64) -> tuple[npt.NDArray[np.integer], Float32, Int64]:
    """Column, value and position in `rows` of every entry of the rows."""
    first, size = matrix.indptr[rows].astype(np.int64), np.diff(matrix.indptr)[rows].astype(np.int64)
    which = np.repeat(np.arange(len(rows)), size)
    place = np.arange(len(which)) + (first - np.cumsum(size) + size)[which]
    return matrix.indices[place], matrix.data[place], which
