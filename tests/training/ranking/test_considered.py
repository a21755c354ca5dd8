"""Claims: a request that teaches upsells holds the usual product, and what was bought instead is dearer."""

from __future__ import annotations

import numpy as np

from mersalg.names import MOMENTS
from mersalg_training.data.timeline import Timeline
from mersalg_training.ranking.cases import Cases
from mersalg_training.ranking.considered import TypeShelf, considered_cases
from small_history import Order, make_timeline, named

PRICES = {"best-tea": 4.3, "cup": 3.0, "fine-tea": 4.0, "plain-tea": 2.0, "spoon": 1.0}
TYPES = {"best-tea": 0, "cup": 1, "fine-tea": 0, "plain-tea": 0, "spoon": 2}
"""Two types; a spoon has none."""


def asked(*orders: Order, most: int = 100) -> tuple[Timeline, Cases]:
    """Requests of days 10 to 90. Plain tea is the shop's most bought tea, and of cups none is."""
    timeline = make_timeline(orders, PRICES)
    types = np.array([TYPES[product] for product in timeline.product_ids], dtype=np.int32)
    price = np.array([PRICES[product] for product in timeline.product_ids])
    most_bought = np.array([timeline.product_ids.index("plain-tea"), -1, -1])
    shelf = TypeShelf(types, price, most_bought, step=1.1)
    return timeline, considered_cases(timeline, shelf, (10.0, 90.0), most, np.random.default_rng(1))


def carts(timeline: Timeline, cases: Cases) -> list[set[str]]:
    return [set(named(timeline, cases.cart[row])) for row in range(len(cases))]


def test_the_shops_most_bought_stands_in_for_what_was_bought() -> None:
    timeline, cases = asked(*[Order(None, 20.0 + n, "fine-tea cup spoon") for n in range(40)])
    assert len(cases) == 40
    for row, cart in enumerate(carts(timeline, cases)):
        assert "plain-tea" in cart
        assert "fine-tea" in named(timeline, cases.target[row])
        assert not cart & set(named(timeline, cases.target[row]))


def test_a_product_page_shows_one_product_and_a_cart_what_else_was_bought() -> None:
    timeline, cases = asked(*[Order(None, 20.0 + n, "fine-tea cup spoon") for n in range(40)])
    sizes = {MOMENTS[int(m)]: set() for m in cases.moment}
    for row, cart in enumerate(carts(timeline, cases)):
        sizes[MOMENTS[int(cases.moment[row])]].add(len(cart))
    assert sizes == {"product-page": {1}, "cart": {1, 2, 3}}


def test_a_customers_own_usual_product_goes_first() -> None:
    anna = [Order("anna", 1.0, "fine-tea"), Order("anna", 2.0, "fine-tea"), Order("anna", 30.0, "best-tea")]
    bert = [Order("bert", 1.0, "best-tea"), Order("bert", 40.0, "fine-tea")]
    assert len(asked(*anna)[1]) == 0, "best tea costs less than a tenth more than her fine tea"
    assert len(asked(*bert)[1]) == 0, "fine tea is cheaper than his best tea"
    timeline, cases = asked(Order("carl", 1.0, "plain-tea"), Order("carl", 30.0, "best-tea"))
    assert carts(timeline, cases) == [{"plain-tea"}]


def test_nothing_is_made_of_what_teaches_no_upsell() -> None:
    cases = asked(
        Order(None, 20.0, "plain-tea"),
        Order(None, 21.0, "plain-tea fine-tea"),
        Order(None, 22.0, "cup"),
        Order(None, 23.0, "spoon"),
        Order(None, 5.0, "fine-tea"),
        Order(None, 95.0, "fine-tea"),
    )[1]
    assert len(cases) == 0


def test_there_are_no_more_requests_than_asked_for() -> None:
    assert len(asked(*[Order(None, 20.0, "fine-tea best-tea")] * 9, most=5)[1]) == 5
