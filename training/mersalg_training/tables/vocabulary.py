"""The products that a bundle knows, the most bought first, and what is known of each at the cut.

Behind those that were sold stand the products of the catalogue that were not sold yet, where products of their type
were: their attributes alone speak for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float32, Float64, Int32, Int64
from mersalg_training.engine.engine import Columns
from mersalg_training.tables.counts import Counts

PRIOR_INTERVALS = 5.0
"""A product's repurchase interval is shrunk to its type's as if by so many intervals; a type's to the whole shop's."""
PRIOR_BUYERS = 10.0
ValueKind = Literal["margin", "price"]


@dataclass(frozen=True)
class Vocabulary:
    """Item indices 0 .. n_items - 1 by descending orders, then product id; index n_items is "no item".

    Products that too few orders or customers know come behind the others, those that were never sold last.

    Every array has n_items + 1 rows; the last belongs to "no item".
    """

    code: Int32
    """(n_items,) product code of the timeline."""
    supported: int
    """Products with factors and neighbours of their own: those of the lowest item indices."""
    item_of_code: Int64
    """(n_products,) item index; n_items where the product is not known at the cut."""
    product_type: Int64
    category: Int64
    brand: Int64
    orders: Float64
    price: Float32
    """The list price, else the median price paid; NaN = unknown."""
    cost: Float32
    """NaN = unknown."""
    value: Float32
    """What a sale of one piece brings, see `sale_value`; never NaN."""
    statistics: dict[str, Float32] = field(repr=False)
    """Named static features of an item."""

    @property
    def n_items(self) -> int:
        """Products that are known at the cut; also the index "no item"."""
        return len(self.code)

    @property
    def value_kind(self) -> ValueKind | None:
        """What `value` is made of: margins where any product's is known, else prices; None = nothing is known."""
        if np.isfinite(self.price - self.cost).any():
            return "margin"
        return "price" if np.isfinite(self.price).any() else None


def build_vocabulary(counts: Counts, attributes: Attributes, config: Config) -> Vocabulary:
    """Order the products that are known at the cut and gather their statistics."""
    sold = np.asarray(counts.products["product"], dtype=np.int64)
    unsold = unsold_products(sold, attributes)
    orders = np.append(np.asarray(counts.products["orders"], dtype=np.float64), np.zeros(len(unsold)))
    known = np.append(sold, unsold)
    customers = np.append(
        np.asarray(counts.products["customers"], dtype=np.int64), np.zeros(len(unsold), dtype=np.int64)
    )
    is_supported = (orders >= config.counts.min_support) & (customers >= config.privacy.min_customers)
    position = np.lexsort((known, -orders, ~is_supported))
    code = known[position]
    n = len(code)
    item_of_code = np.full(len(attributes.names), n, dtype=np.int64)
    item_of_code[code] = np.arange(n)

    def sold_column(name: str, unsold_value: float = np.nan) -> Float64:
        values = np.ma.filled(np.ma.asarray(counts.products[name], dtype=np.float64), np.nan)
        return np.append(values, np.full(len(unsold), unsold_value))[position]

    paid = sold_column("price").astype(np.float32)  # as a line has it
    price = np.where(np.isnan(attributes.price[code]), paid, attributes.price[code]).astype(np.float64)
    product_type = with_last(attributes.product_type[code], len(attributes.product_types))
    statistics = {
        "log_orders": np.log1p(orders[position]),
        "month_share": sold_column("month_orders", 0.0) / max(1.0, sold_column("month_orders", 0.0).max()),
        "trend": (sold_column("week_orders", 0.0) + 0.5) / (sold_column("month_orders", 0.0) / 4.0 + 0.5),
        "repeat_rate": repeat_rate(counts, item_of_code, n),
        "interval_days": repurchase_interval(counts, item_of_code, product_type[:-1]),
        "age_days": counts.cut_day - sold_column("first_day"),
        "idle_days": counts.cut_day - sold_column("last_day"),
        **within_type(orders[position], price, product_type[:-1], len(attributes.product_types)),
    }
    return Vocabulary(
        code=code.astype(np.int32),
        supported=int(is_supported.sum()),
        item_of_code=item_of_code,
        product_type=product_type,
        category=with_last(attributes.category[code], len(attributes.categories)),
        brand=with_last(attributes.brand[code], len(attributes.brands)),
        orders=np.append(orders[position], 0.0),
        price=np.append(price, np.nan).astype(np.float32),
        cost=np.append(attributes.cost[code], np.nan).astype(np.float32),
        value=np.append(sale_value(price, attributes.cost[code]), 0.0).astype(np.float32),
        statistics={name: np.append(values, np.nan).astype(np.float32) for name, values in statistics.items()},
    )


def unsold_products(sold: Int64, attributes: Attributes) -> Int64:
    """Product codes of the catalogue that were not sold before the cut and share a type with one that was.

    And those that replace, or are similar to, one that is known.
    """
    unknown = len(attributes.product_types)
    is_sold = np.zeros(len(attributes.names), dtype=np.bool_)
    is_sold[sold] = True
    sold_type = np.zeros(unknown + 1, dtype=np.bool_)
    sold_type[attributes.product_type[sold]] = True
    sold_type[unknown] = False
    is_known = is_sold | (attributes.listed & sold_type[attributes.product_type])
    declared = [(a, b) for a, codes in enumerate(attributes.successor_of) for b in codes]
    declared += [pair for a, codes in enumerate(attributes.similar_to) for b in codes for pair in ((a, b), (b, a))]
    while found := [a for a, b in declared if is_known[b] and attributes.listed[a] and not is_known[a]]:
        is_known[found] = True
    return np.flatnonzero(is_known & ~is_sold)


def with_last(codes: Int32, unknown: int) -> Int64:
    """Codes with the row of "no item" behind them, whose code is the unknown one."""
    return np.append(codes, unknown).astype(np.int64)


def spread(columns: Columns, name: str, item_of_code: Int64, n: int) -> Float64:
    """(n,) a counted column by item index; zero where nothing was counted."""
    result = np.zeros(n)
    item = item_of_code[np.asarray(columns["product"], dtype=np.int64)]
    result[item] = np.ma.filled(np.ma.asarray(columns[name], dtype=np.float64), 0.0)
    return result


def repeat_rate(counts: Counts, item_of_code: Int64, n: int) -> Float64:
    """(n,) share of the buyers who bought again, shrunk to the shop's share."""
    buyers, repeaters = (spread(counts.repeats, name, item_of_code, n) for name in ("customers", "repeaters"))
    overall = repeaters.sum() / max(1.0, buyers.sum())
    return np.asarray((repeaters + PRIOR_BUYERS * overall) / (buyers + PRIOR_BUYERS))


def repurchase_interval(counts: Counts, item_of_code: Int64, product_type: Int64) -> Float64:
    """(n,) expected days to the next purchase, shrunk to the type's and the shop's; NaN if nothing is bought twice."""
    n = len(product_type)
    days, intervals = (spread(counts.intervals, name, item_of_code, n) for name in ("interval_days", "intervals"))
    if intervals.sum() == 0:
        return np.full(n, np.nan)
    overall = (days * intervals).sum() / intervals.sum()
    of_type = np.bincount(product_type, weights=intervals)
    type_days = (np.bincount(product_type, weights=days * intervals) + PRIOR_INTERVALS * overall) / (
        of_type + PRIOR_INTERVALS
    )
    return np.asarray((days * intervals + PRIOR_INTERVALS * type_days[product_type]) / (intervals + PRIOR_INTERVALS))


def sale_value(price: Float64, cost: Float32) -> Float64:
    """(n,) price less cost; the price where the cost is unknown; the median of both where the price is, too.

    A product of the median value stands among the others by its relevance. Where nothing is known every value is 1.
    A product that is sold below its cost has a value below zero.
    """
    value = np.where(np.isfinite(cost), price - cost, price)
    known = np.isfinite(value)
    return np.where(known, value, np.median(value[known]) if known.any() else 1.0)


def within_type(orders: Float64, price: Float64, product_type: Int64, unknown: int) -> dict[str, Float64]:
    """An item's share of its type's orders and the rank of its price among them; NaN where the type is unknown."""
    share = orders / np.maximum(1.0, np.bincount(product_type, weights=orders)[product_type])
    known = np.flatnonzero((product_type != unknown) & ~np.isnan(price))
    by_price = known[np.lexsort((price[known], product_type[known]))]
    size = np.bincount(product_type[known], minlength=unknown + 1)
    first = np.concatenate([[0], np.cumsum(size)])[product_type[by_price]]
    rank = np.full(len(orders), np.nan)
    rank[by_price] = (np.arange(len(by_price)) - first + 0.5) / size[product_type[by_price]]
    return {"type_share": np.where(product_type == unknown, np.nan, share), "price_rank": rank}
