"""Claims: products bought together, and customers of one taste, lie close to each other."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg_training.config import FactorsConfig, parse_config
from mersalg_training.data.timeline import Int64
from mersalg_training.progress import quiet
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.factors import basket_factors, customer_taste
from small_history import Order, history_of, make_attributes, make_timeline

CONFIG = FactorsConfig(factors=4, iterations=15, regularization=20.0)
WORLD = 6
N_ITEMS = 2 * WORLD + 2
"""Products of two worlds; one that was bought once; one that never was."""
RARE, NEVER = N_ITEMS - 2, N_ITEMS - 1


def two_worlds(n: int = 300) -> tuple[Int64, Int64]:
    """(order, item) of orders that hold all but one product of one world or of the other, in turn."""
    random = np.random.default_rng(3)
    first = np.where(np.arange(n)[:, None] % 2 == 0, 0, WORLD)
    items = np.argsort(random.random((n, WORLD)), axis=1)[:, 1:] + first
    order = np.repeat(np.arange(1, n + 1), WORLD - 1)
    return np.append(order, 0), np.append(items.ravel(), RARE)


def test_products_of_one_world_are_alike_and_those_of_two_are_not() -> None:
    factors = basket_factors(*two_worlds(), N_ITEMS, CONFIG, seed=1)
    cosine = factors @ factors.T
    first, second = slice(0, WORLD), slice(WORLD, 2 * WORLD)
    assert min(cosine[first, first].min(), cosine[second, second].min()) > 0.8
    assert np.abs(cosine[first, second]).max() < 0.3


def test_factors_of_orders_have_length_one_or_zero_without_lines() -> None:
    factors = basket_factors(*two_worlds(), N_ITEMS, CONFIG, seed=1)
    assert factors.dtype == np.float32
    assert np.linalg.norm(factors, axis=1)[: 2 * WORLD] == pytest.approx(1.0, abs=1e-5)
    assert not factors[NEVER].any()


def test_the_latest_orders_are_those_of_the_last_days_whatever_customer_they_are_of() -> None:
    """Order codes ascend by customer: here those with the highest codes bought first."""
    orders = [Order(f"a{n:03}", 50.0, "new-bread new-milk") for n in range(100)]
    orders += [Order(f"z{n:03}", 1.0, "old-bread old-milk") for n in range(100)]
    prices = dict.fromkeys(("new-bread", "new-milk", "old-bread", "old-milk"), 1.0)
    config = parse_config({"name": "f", "data": {"orders": "none"}, "factors": {"factors": 4, "max_orders": 100}}, "t")
    timeline = make_timeline(orders, prices)
    tables = learn_shop(history_of(timeline), make_attributes(dict.fromkeys(prices)), 100.0, config, quiet)
    by_name = dict(zip(sorted(prices), tables.factors[tables.vocabulary.item_of_code], strict=True))
    assert {name for name, factors in by_name.items() if factors.any()} == {"new-bread", "new-milk"}


def test_the_same_seed_gives_the_same_factors_to_the_last_bit() -> None:
    first, second = (basket_factors(*two_worlds(), N_ITEMS, CONFIG, seed=1) for _ in range(2))
    assert np.array_equal(first, second)


def test_without_lines_the_factors_are_zero() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert basket_factors(nothing, nothing, N_ITEMS, CONFIG, seed=1).shape == (N_ITEMS, 4)
    taste = customer_taste(nothing, nothing, N_ITEMS, CONFIG, seed=1)
    assert not taste.factors.any()
    assert np.isfinite(taste.solve).all()


def test_a_history_folded_in_likes_its_own_world() -> None:
    customer, item = two_worlds()
    taste = customer_taste(customer % 20, item, N_ITEMS, CONFIG, seed=1)
    folded = taste.factors[[0, 1]].sum(axis=0) @ taste.solve
    liking = taste.factors @ folded
    assert liking[2:WORLD].min() > 3 * np.abs(liking[WORLD : 2 * WORLD]).max()
    assert liking[NEVER] == 0.0


def test_taste_counts_a_product_of_a_customer_once_however_often_it_was_bought() -> None:
    customer, item = two_worlds()
    once = customer_taste(customer, item, N_ITEMS, CONFIG, seed=1)
    often = customer_taste(np.repeat(customer, 3), np.repeat(item, 3), N_ITEMS, CONFIG, seed=1)
    assert np.array_equal(once.factors, often.factors)
    assert np.array_equal(once.solve, often.solve)


@pytest.mark.parametrize(
    ("field", "of_taste"), [("taste_alpha", True), ("taste_regularization", True), ("alpha", False)]
)
def test_taste_and_orders_have_settings_of_their_own(field: str, of_taste: bool) -> None:
    other = CONFIG.model_copy(update={field: 4.0})
    taste, orders = (
        [make(*two_worlds(), N_ITEMS, config, seed=1) for config in (CONFIG, other)]
        for make in (customer_taste, basket_factors)
    )
    assert np.array_equal(taste[0].factors, taste[1].factors) != of_taste
    assert np.array_equal(orders[0], orders[1]) == of_taste
