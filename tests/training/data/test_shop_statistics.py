from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.shop_statistics import ShopStatistics, measure_shop
from mersalg_training.data.timeline import UNKNOWN, Timeline
from small_history import history_of

PRODUCTS = ["beans", "camera", "cup", "filter"]
TYPES = {"beans": "coffee", "camera": "gear", "filter": "coffee"}


class Order(NamedTuple):
    """An order on a day; products are separated by blanks."""

    customer: str | None
    day: float
    products: str


def timeline_of(orders: Sequence[Order], price: float = np.nan) -> Timeline:
    customers = sorted({order.customer for order in orders if order.customer})
    code = {customer: place for place, customer in enumerate(customers)}
    ordered = sorted(orders, key=lambda order: (order.customer is None, order.customer or "", order.day))
    baskets = [[PRODUCTS.index(product) for product in order.products.split()] for order in ordered]
    of_customer = [code[order.customer] if order.customer else UNKNOWN for order in ordered]
    lines = sum(map(len, baskets))
    return Timeline(
        product_ids=PRODUCTS,
        customer_ids=customers,
        order_ids=[str(place) for place in range(len(ordered))],
        line_product=np.concatenate(baskets).astype(np.int32),
        line_quantity=np.ones(lines, dtype=np.float32),
        line_price=np.full(lines, price, dtype=np.float32),
        order_start=np.concatenate([[0], np.cumsum([len(basket) for basket in baskets])]).astype(np.int64),
        order_customer=np.array(of_customer, dtype=np.int32),
        order_day=np.array([order.day for order in ordered], dtype=np.float64),
        customer_start=np.searchsorted(
            np.array([c for c in of_customer if c != UNKNOWN]), np.arange(len(customers) + 1)
        ).astype(np.int64),
    )


def attributes_of(price: Sequence[float] = (8.0, 90.0, np.nan, 2.0)) -> Attributes:
    types = sorted(set(TYPES.values()))
    nothing = np.zeros(len(PRODUCTS), dtype=np.int32)
    return Attributes(
        names=PRODUCTS,
        product_type=np.array([types.index(TYPES[p]) if p in TYPES else len(types) for p in PRODUCTS], dtype=np.int32),
        product_types=types,
        category=nothing,
        categories=[],
        brand=nothing,
        brands=[],
        price=np.array(price, dtype=np.float32),
        cost=np.full(len(PRODUCTS), np.nan, dtype=np.float32),
        listed=np.ones(len(PRODUCTS), dtype=np.bool_),
    )


ORDERS = [
    Order("ann", 0.0, "beans cup"),
    Order("ann", 10.0, "beans filter"),
    Order("ann", 10.2, "filter"),
    Order("bob", 4.0, "camera"),
    Order(None, 6.0, "beans"),
]


def measured(orders: Sequence[Order] = ORDERS, before_day: float = 100.0) -> ShopStatistics:
    return measure_shop(history_of(timeline_of(orders)), attributes_of(), before_day)


def test_customers_who_come_back_are_told_from_those_who_do_not_and_from_guests() -> None:
    found = measured()
    assert (found.orders, found.customers, found.known_share) == (5, 2, 0.8)
    assert (found.orders_of_customer_median, found.orders_of_customer_mean) == (2.0, 2.0)
    assert found.returning_share == 0.5


def test_a_visit_is_not_counted_twice_when_an_order_follows_within_hours() -> None:
    found = measured()
    assert found.order_gap_days == 10.0
    assert found.history_gaps == pytest.approx(1.02)


def test_the_repeat_rate_counts_later_orders_of_known_customers_only() -> None:
    found = measured()  # ann, later: beans again, filter new, filter again
    assert (found.repeat_lines, found.repeat_rate) == (3, pytest.approx(2 / 3))


def test_baskets_and_best_sellers() -> None:
    found = measured()
    assert (found.basket_median, found.single_share) == (1.0, 0.6)
    assert found.top_share == pytest.approx(3 / 7)  # beans, of seven lines
    assert (found.products, found.orders_of_product_median) == (4, 1.5)


def test_shares_of_the_catalogue_are_of_sold_products() -> None:
    found = measured()
    assert (found.typed_share, found.price_share) == (0.75, 0.75)
    assert (found.category_share, found.brand_share, found.cost_share) == (0.0, 0.0, 0.0)
    assert measured([Order("ann", 0.0, "beans"), Order("ann", 5.0, "filter")]).typed_share == 1.0


def test_the_price_spread_within_a_type_is_that_of_types_with_several_prices() -> None:
    found = measured()
    assert found.price_spread_in_type == pytest.approx(4.0)  # coffee: 8 over 2; gear has one price
    assert found.price_spread is not None
    assert found.price_spread > 4.0


def test_a_price_paid_stands_in_for_a_list_price() -> None:
    unlisted = replace(attributes_of(), price=np.full(len(PRODUCTS), np.nan, dtype=np.float32))
    assert measure_shop(history_of(timeline_of(ORDERS, price=3.0)), unlisted, 100.0).price_share == 1.0
    assert measure_shop(history_of(timeline_of(ORDERS)), unlisted, 100.0).price_spread is None


def test_what_comes_later_has_no_influence() -> None:
    early = [order for order in ORDERS if order.day < 6.0]
    assert measured(before_day=6.0) == replace(measured(early, before_day=6.0))


def test_without_customers_what_they_do_is_unknown_not_zero() -> None:
    found = measured([Order(None, 0.0, "beans cup"), Order(None, 3.0, "cup")])
    assert found.known_share == 0.0
    assert found.repeat_rate is None
    assert found.order_gap_days is None
    assert not any("come back" in sentence for sentence in found.sentences())
    assert "data/statistics/repeat_rate" not in found.metrics()


def test_nothing_before_the_day_gives_no_figure_and_no_failure() -> None:
    found = measured(before_day=0.0)
    assert (found.lines, found.orders, found.products) == (0, 0, 0)
    assert found.basket_median is None
    assert found.price_spread_in_type is None


def test_the_statistics_are_json_metrics_and_sentences() -> None:
    found = measured()
    assert json.loads(json.dumps(found.to_json()))["repeat_lines"] == 3
    assert found.metrics()["data/statistics/order_gap_days"] == 10.0
    assert any("50% of the customers come back" in sentence for sentence in found.sentences())
