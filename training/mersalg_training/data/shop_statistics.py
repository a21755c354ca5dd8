"""What kind of history a shop has, in some twenty figures: how often customers come back, how large a basket is.

The defaults that fit are taken from them (`adaptation`), and a person reads them first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.history import History
from mersalg_training.data.timeline import Float32, Int32, Int64
from mersalg_training.engine.engine import Columns

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


ORDERS: Final = "SELECT DISTINCT order_code, customer, day, products FROM order_lines WHERE day < $before"
OF_ORDERS: Final = """
SELECT count(*) AS orders, CAST(coalesce(sum(products), 0) AS BIGINT) AS lines, max(day) - min(day) AS days,
       avg(CASE WHEN customer >= 0 THEN 1e0 ELSE 0e0 END) AS known,
       median(CAST(products AS DOUBLE)) AS basket, avg(CASE WHEN products = 1 THEN 1e0 ELSE 0e0 END) AS single
FROM shop_orders
"""
OF_CUSTOMERS: Final = """
SELECT count(*) AS customers, median(CAST(orders AS DOUBLE)) AS median, avg(CAST(orders AS DOUBLE)) AS mean,
       avg(CASE WHEN orders > 1 THEN 1e0 ELSE 0e0 END) AS returning_share,
       CAST(coalesce(sum(lines - first_lines), 0) AS BIGINT) AS later_lines
FROM (SELECT customer, count(*) AS orders, CAST(sum(products) AS BIGINT) AS lines,
             CAST(sum(CASE WHEN place = 1 THEN products ELSE 0 END) AS BIGINT) AS first_lines
      FROM (SELECT customer, products, row_number() OVER (PARTITION BY customer ORDER BY order_code NULLS LAST) AS place
            FROM shop_orders WHERE customer >= 0) AS placed
      GROUP BY customer) AS customers
"""
GAPS: Final = """
SELECT median(gap) AS gap
FROM (SELECT day - lag(day) OVER (PARTITION BY customer ORDER BY order_code NULLS LAST) AS gap
      FROM shop_orders WHERE customer >= 0) AS gaps
WHERE gap > $same_visit
"""
NEW_LATER: Final = """
SELECT count(*) AS n
FROM (SELECT customer, product, min(order_code) AS first_order
      FROM order_lines WHERE day < $before AND customer >= 0 GROUP BY customer, product) AS bought
JOIN (SELECT customer, min(order_code) AS first_order FROM shop_orders WHERE customer >= 0 GROUP BY customer) AS came
     ON came.customer = bought.customer
WHERE bought.first_order > came.first_order
"""
"""Lines of known customers' later orders of a product that they had not bought before."""
OF_PRODUCTS: Final = """
SELECT product, CAST(count(*) AS BIGINT) AS times,
       CAST(sum(CAST(floor(price * 1e6 + 5e-1) AS BIGINT)) AS BIGINT) / 1e6 / nullif(count(price), 0) AS paid
FROM (SELECT product, CASE WHEN isnan(price) THEN NULL ELSE CAST(price AS DOUBLE) END AS price
      FROM order_lines WHERE day < $before) AS sold
GROUP BY product ORDER BY product NULLS LAST
"""
"""Prices are added in whole millionths: a sum of doubles hangs on the order of the lines."""


def measure_shop(history: History, attributes: Attributes, before_day: float) -> ShopStatistics:
    """The statistics of the lines before a day (days since 1970-01-01); nothing later has any influence."""
    engine = history.engine
    engine.make("shop_orders", ORDERS, before=before_day)
    orders, customers = first_row(engine.rows(OF_ORDERS)), first_row(engine.rows(OF_CUSTOMERS))
    gap = first_row(engine.rows(GAPS, same_visit=SAME_VISIT_DAYS))["gap"]
    new_later = first_row(engine.rows(NEW_LATER, before=before_day))["n"] or 0.0
    engine.drop("shop_orders")
    products = engine.rows(OF_PRODUCTS, before=before_day)
    sold, sold_times = (np.asarray(products[name], dtype=np.int64) for name in ("product", "times"))
    paid = np.ma.filled(np.ma.asarray(products["paid"], dtype=np.float64), np.nan)
    price = np.where(np.isnan(attributes.price[sold]), paid, attributes.price[sold]).astype(np.float32)
    types = attributes.product_type[sold]
    typed = types != len(attributes.product_types)
    history_days, later_lines = orders["days"] or 0.0, int(customers["later_lines"] or 0)
    return ShopStatistics(
        lines=int(orders["lines"] or 0),
        orders=int(orders["orders"] or 0),
        customers=int(customers["customers"] or 0),
        products=len(sold),
        history_days=history_days,
        known_share=orders["known"],
        orders_of_customer_median=customers["median"],
        orders_of_customer_mean=customers["mean"],
        returning_share=customers["returning_share"],
        order_gap_days=gap,
        history_gaps=None if gap is None else history_days / gap,
        repeat_rate=(later_lines - new_later) / later_lines if later_lines else None,
        repeat_lines=later_lines,
        basket_median=orders["basket"],
        single_share=orders["single"],
        top_share=best_sellers(sold_times),
        orders_of_product_median=median(sold_times),
        price_spread=price_spread(price),
        price_spread_in_type=price_spread_in_type(price[typed], types[typed]),
        typed_share=mean(typed),
        category_share=mean(attributes.category[sold] != len(attributes.categories)),
        brand_share=mean(attributes.brand[sold] != len(attributes.brands)),
        price_share=mean(~np.isnan(price)),
        cost_share=mean(~np.isnan(attributes.cost[sold])),
    )


def first_row(columns: Columns) -> dict[str, float | None]:
    """The values of the only row; None where there is none."""
    return {name: None if np.ma.is_masked(v[0]) or np.isnan(v[0]) else float(v[0]) for name, v in columns.items()}


def mean(values: np.ndarray) -> float | None:
    """The mean; None of nothing."""
    return float(np.mean(values)) if len(values) else None


def median(values: np.ndarray) -> float | None:
    """The median; None of nothing."""
    return float(np.median(values)) if len(values) else None


def best_sellers(sold_times: Int64) -> float | None:
    """The share of all lines that the best-selling tenth of the products makes, of at least one product."""
    if not len(sold_times):
        return None
    few = max(1, round(TOP_SHARE * len(sold_times)))
    return float(np.sort(sold_times)[-few:].sum() / sold_times.sum())


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
