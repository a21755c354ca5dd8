"""What kind of history a shop has, in some twenty figures: how often customers come back, how large a basket is.

The defaults that fit are taken from them (`adaptation`), and a person reads them first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int32, Int64, Timeline

SAME_VISIT_DAYS: Final = 0.5
"""Two orders of a customer at most so many days apart are one visit."""
TOP_SHARE: Final = 0.1
"""The part of the sold products that counts as the best-sellers."""


@dataclass(frozen=True)
class ShopStatistics:
    """Figures of all lines before a day. A share or a median of nothing is None."""

    lines: int
    orders: int
    customers: int
    products: int
    """Sold products."""
    history_days: float
    """From the first order to the last."""
    known_share: float | None
    """Orders with a customer, of all."""
    orders_of_customer_median: float | None
    orders_of_customer_mean: float | None
    returning_share: float | None
    """Customers with several orders, of all."""
    order_gap_days: float | None
    """Median days between two visits of a customer."""
    history_gaps: float | None
    """The history's length in such gaps."""
    repeat_rate: float | None
    """Lines of a product that the customer had bought in an earlier order, of all in known customers' later orders."""
    repeat_lines: int
    """The lines of which repeat_rate is a share."""
    basket_median: float | None
    """Products of an order."""
    single_share: float | None
    """Orders of one product, of all."""
    top_share: float | None
    """Lines of the tenth of the sold products that is sold most, of all lines."""
    orders_of_product_median: float | None
    price_spread: float | None
    """The ratio of the 90th to the 10th percentile of the sold products' prices."""
    price_spread_in_type: float | None
    """The median, over sold products in a type with another price, of a type's highest price over its lowest."""
    typed_share: float | None
    """Sold products with a product type, of all; the same of the next four."""
    category_share: float | None
    brand_share: float | None
    price_share: float | None
    """A list price, or a price paid before the day."""
    cost_share: float | None

    def to_json(self) -> dict[str, int | float | None]:
        """Each figure under its name, as the manifest holds them."""
        return asdict(self)

    def metrics(self) -> dict[str, float]:
        """Each known figure under `data/statistics/`, as MLflow takes them."""
        return {f"data/statistics/{name}": float(v) for name, v in asdict(self).items() if v is not None}

    def sentences(self) -> list[str]:
        """The figures for people, in three lines; what is unknown is left out."""
        customers = [
            told(self.known_share, "{:.0%} of the orders name a customer"),
            told(self.returning_share, "{:.0%} of the customers come back"),
            told(self.order_gap_days, "a visit every {:.0f} days"),
            told(self.repeat_rate, "{:.0%} of what they buy then is bought again"),
        ]
        baskets = [
            told(self.basket_median, "{:.0f} products an order"),
            told(self.single_share, "{:.0%} of the orders hold one"),
            told(self.top_share, "the best-selling tenth makes {:.0%} of the lines"),
        ]
        catalogue = [
            f"{self.products:,} products sold",
            told(self.typed_share, "{:.0%} with a type"),
            told(self.price_share, "{:.0%} with a price"),
            told(self.price_spread, "prices differ {:.1f} times"),
            told(self.price_spread_in_type, "{:.1f} times within a type"),
        ]
        parts = {"Customers": customers, "Baskets": baskets, "Catalogue": catalogue}
        return [f"{title}: {', '.join(filter(None, some))}" for title, some in parts.items() if any(some)]


def told(value: float | None, text: str) -> str:
    """The text with the value in it; empty where it is unknown."""
    return "" if value is None else text.format(value)


def measure_shop(timeline: Timeline, attributes: Attributes, before_day: float) -> ShopStatistics:
    """The statistics of the lines before a day (days since 1970-01-01); nothing later has any influence."""
    orders = np.flatnonzero(timeline.order_day < before_day)
    lines = np.flatnonzero(timeline.line_day < before_day)
    sold_times = np.bincount(timeline.line_product[lines], minlength=len(timeline.product_ids))
    sold = np.flatnonzero(sold_times)
    customer = timeline.order_customer[orders]
    visits = np.bincount(customer[customer != UNKNOWN], minlength=len(timeline.customer_ids))
    visits = visits[visits > 0]
    basket = np.diff(timeline.order_start)[orders]
    days = timeline.order_day[orders]
    history_days = float(np.ptp(days)) if len(days) else 0.0
    gap = median(visit_gaps(timeline, before_day))
    again, repeat_lines = repeats(timeline, before_day)
    price = known_price(timeline, attributes, lines)[sold]
    types = attributes.product_type[sold]
    typed = types != len(attributes.product_types)
    return ShopStatistics(
        lines=len(lines),
        orders=len(orders),
        customers=len(visits),
        products=len(sold),
        history_days=history_days,
        known_share=mean(customer != UNKNOWN),
        orders_of_customer_median=median(visits),
        orders_of_customer_mean=mean(visits),
        returning_share=mean(visits > 1),
        order_gap_days=gap,
        history_gaps=None if gap is None else history_days / gap,
        repeat_rate=again / repeat_lines if repeat_lines else None,
        repeat_lines=repeat_lines,
        basket_median=median(basket),
        single_share=mean(basket == 1),
        top_share=best_sellers(sold_times[sold]),
        orders_of_product_median=median(sold_times[sold]),
        price_spread=price_spread(price),
        price_spread_in_type=price_spread_in_type(price[typed], types[typed]),
        typed_share=mean(typed),
        category_share=mean(attributes.category[sold] != len(attributes.categories)),
        brand_share=mean(attributes.brand[sold] != len(attributes.brands)),
        price_share=mean(~np.isnan(price)),
        cost_share=mean(~np.isnan(attributes.cost[sold])),
    )


def mean(values: np.ndarray) -> float | None:
    """The mean; None of nothing."""
    return float(np.mean(values)) if len(values) else None


def median(values: np.ndarray) -> float | None:
    """The median; None of nothing."""
    return float(np.median(values)) if len(values) else None


def visit_gaps(timeline: Timeline, before_day: float) -> Float64:
    """Days between two visits of one customer that follow each other."""
    orders = np.flatnonzero((timeline.order_day < before_day) & (timeline.order_customer != UNKNOWN))
    gap = np.diff(timeline.order_day[orders])
    same = np.diff(timeline.order_customer[orders]) == 0
    return np.asarray(gap[same & (gap > SAME_VISIT_DAYS)])


def repeats(timeline: Timeline, before_day: float) -> tuple[int, int]:
    """Of known customers' lines after their first order: those of a product they had bought before, and all."""
    order = timeline.line_order
    lines = np.flatnonzero((timeline.line_day < before_day) & (timeline.order_customer[order] != UNKNOWN))
    order = order[lines].astype(np.int64)
    customer = timeline.order_customer[order].astype(np.int64)
    later = order > timeline.customer_start[customer]
    _, first = np.unique(customer * len(timeline.product_ids) + timeline.line_product[lines], return_index=True)
    new = np.zeros(len(lines), dtype=np.bool_)
    new[first] = True  # the lines of a customer stand in the order of time
    return int(np.count_nonzero(later & ~new)), int(np.count_nonzero(later))


def best_sellers(sold_times: Int64) -> float | None:
    """The share of all lines that the best-selling tenth of the products makes, of at least one product."""
    if not len(sold_times):
        return None
    few = max(1, round(TOP_SHARE * len(sold_times)))
    return float(np.sort(sold_times)[-few:].sum() / sold_times.sum())


def known_price(timeline: Timeline, attributes: Attributes, lines: Int64) -> Float32:
    """(n_products,) the list price, else the mean price paid on the lines; NaN = unknown."""
    paid = timeline.line_price[lines]
    priced = ~np.isnan(paid)
    product, n = timeline.line_product[lines][priced], len(timeline.product_ids)
    times = np.bincount(product, minlength=n)
    total = np.bincount(product, weights=paid[priced], minlength=n)
    mean_paid = np.where(times > 0, total / np.maximum(times, 1), np.nan)
    return np.where(np.isnan(attributes.price), mean_paid, attributes.price).astype(np.float32)


def price_spread(price: Float32) -> float | None:
    """The 90th over the 10th percentile of the known prices above zero; None without any."""
    known = price[price > 0.0]
    if not len(known):
        return None
    low, high = np.quantile(known, [0.1, 0.9])
    return float(high / low)


def price_spread_in_type(price: Float32, types: Int32) -> float | None:
    """The median over products, whose type has several prices, of the type's highest price over its lowest."""
    known = price > 0.0
    if not known.any():
        return None
    price, types = price[known], types[known]
    n = int(types.max()) + 1
    high, low = np.zeros(n), np.full(n, np.inf)
    np.maximum.at(high, types, price)
    np.minimum.at(low, types, price)
    differs = high[types] > low[types]
    return median((high / np.where(np.isinf(low), 1.0, low))[types[differs]])
