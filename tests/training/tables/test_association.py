"""Claims: lift is what orders of their size do not explain, is sure by distinct customers, and makes an add-on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from mersalg_training.config import KindsConfig, parse_config
from mersalg_training.tables.association import (
    MAX_LIFT,
    TOGETHER,
    lift_of,
    lower_bound,
    strength_of,
    surely_above_chance,
)
from mersalg_training.tables.basket import basket_entries
from mersalg_training.tables.counts import count_purchases
from mersalg_training.tables.kinds import extends
from mersalg_training.tables.neighbours import follow_entries
from mersalg_training.tables.vocabulary import build_vocabulary
from small_history import Order, history_of, make_attributes, make_timeline

CONFIG = parse_config(
    {"name": "association", "data": {"orders": "none"}, "counts": {"min_support": 1, "min_pairs": 1}}, "test"
)
Known = dict[tuple[str, str], dict[str, float]]


def learned(orders: Sequence[Order], min_customers: int = 1) -> tuple[Known, Known]:
    """Pair -> what the tables know of it: of one order, and of one order and the next."""
    products = sorted({product for order in orders for product in order.products.split()})
    config = CONFIG.model_copy(update={"privacy": CONFIG.privacy.model_copy(update={"min_customers": min_customers})})
    timeline = make_timeline(orders, dict.fromkeys(products, 1.0))
    attributes = make_attributes(dict.fromkeys(products, None))
    counts = count_purchases(history_of(timeline), attributes.product_type, 0, [1e9], config).before(0)
    vocabulary = build_vocabulary(counts, attributes, config)
    found: list[Known] = []
    for entries in (
        basket_entries(counts, vocabulary, 0, config),
        follow_entries(counts, vocabulary, config.kinds),
    ):
        names = [[timeline.product_ids[vocabulary.code[i]] for i in side] for side in (entries.row, entries.item)]
        values = [{name: float(value[i]) for name, value in entries.values.items()} for i in range(len(entries.row))]
        found.append(dict(zip(zip(*names, strict=True), values, strict=True)))
    return found[0], found[1]


def of_guests(*baskets: tuple[int, str]) -> list[Order]:
    """So many orders of each basket, every one by somebody else."""
    several = [products for times, products in baskets for _ in range(times)]
    return [Order(f"guest-{number}", number, products) for number, products in enumerate(several)]


def test_the_lift_in_one_order_is_that_computed_by_hand() -> None:
    together, _ = learned(of_guests((6, "bread butter"), (2, "bread jam milk"), (4, "butter"), (8, "jam")))
    # Of 30 lines 8 are bread; beside it stand 6 + 2 * 2 = 10; butter is 10 of the other 22 lines: 4.55 are expected.
    assert together["bread", "butter"]["lift"] == pytest.approx(6 / 4.5454545, rel=1e-6)
    # Beside butter stand 6 lines; bread is 8 of the other 20: 2.4 are expected.
    assert together["butter", "bread"]["lift"] == pytest.approx(2.5)


def test_the_lift_in_the_next_order_is_that_computed_by_hand() -> None:
    first = ["camera"] * 4 + ["milk"] * 6
    later = ["card", "card", "card", "bread"] + ["bread"] * 4 + ["card", "jam"]
    orders = [Order(f"c{n}", 1, product) for n, product in enumerate(first)]
    orders += [Order(f"c{n}", 5, product) for n, product in enumerate(later)]
    _, followed = learned(orders)
    # 10 products are first bought later, 4 of them cards, and 4 after a camera: 1.6 are expected, 3 were bought.
    assert followed["camera", "card"]["lift"] == pytest.approx(3 / 1.6)
    assert followed["milk", "card"]["lift"] == pytest.approx(1 / 2.4)


@pytest.mark.parametrize("customers", [2, 5, 10, 30, 100, 1000])
def test_the_lower_bound_is_the_exact_one_of_a_poisson_mean(customers: int) -> None:
    exact = stats.chi2.ppf(0.001, 2 * customers) / 2
    found = lower_bound(np.array([1.0]), np.array([float(customers)]))[0] * customers
    assert found == pytest.approx(exact, abs=0.06)


def test_a_customer_counts_once_in_the_lower_bound() -> None:
    noise = [(20, "tea"), (20, "jam"), (20, "milk")]
    by_many = [*of_guests((20, "bread butter"), *noise)]
    by_two = [order._replace(customer=f"regular-{n % 2}") if n < 20 else order for n, order in enumerate(by_many)]
    many, two = (learned(orders)[0]["bread", "butter"] for orders in (by_many, by_two))
    assert many["lift"] == two["lift"]
    assert many["strength"] > 0.0
    assert two["strength"] == 0.0


def test_strength_counts_the_doublings_of_a_lift() -> None:
    assured = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 32.0, 1e6])
    apart, together = (strength_of(assured, np.full(7, value)).tolist() for value in (False, True))
    assert apart == pytest.approx([0.0, 0.0, 0.0, 0.05, 0.1, 0.25, 0.4995])
    assert together == pytest.approx([0.5, 0.5, 0.5, 0.55, 0.6, 0.75, 0.9995])


def test_half_precision_takes_no_pair_for_one_that_goes_together() -> None:
    assured = np.concatenate([np.linspace(0.0, 3.0, 1000), np.geomspace(1.0, 1e6, 1000)])
    for together in (False, True):
        kept = strength_of(assured, np.full(2000, together)).astype(np.float16)
        assert ((kept >= TOGETHER) == together).all()


def test_chance_makes_no_more_pairs_than_is_allowed_and_hides_none_that_are_plain() -> None:
    random = np.random.default_rng(8)
    expected = random.uniform(0.5, 20.0, 200_000)
    by_chance = random.poisson(expected).astype(np.float64)
    planted = random.poisson(4.0 * expected[:2000]).astype(np.float64)
    seen = np.concatenate([by_chance, planted])
    lift = seen / np.concatenate([expected, expected[:2000]])
    counted = seen >= 5
    named = surely_above_chance(lift[counted], seen[counted], len(seen), KindsConfig())
    false = int(named[: int(counted[:200_000].sum())].sum())
    assert false / named.sum() < 0.05
    assert named.sum() - false > 1000


@pytest.mark.parametrize(("pairs", "expected"), [(1e2, True), (1e7, False)])
def test_the_more_pairs_there_are_the_more_evidence_one_needs(pairs: float, expected: bool) -> None:
    assert surely_above_chance(np.array([4.0]), np.array([10.0]), pairs, KindsConfig()).tolist() == [expected]


def test_a_lift_over_next_to_nothing_is_cut() -> None:
    assert lift_of(np.array([3.0, 3.0]), np.array([0.0, 0.001]), np.array([0.5, 0.001])).tolist() == [MAX_LIFT] * 2


def by_popularity(planted: int = 0) -> list[Order]:
    """Orders of three products, and a tenth of forty, each drawn by popularity; `planted` small ones hold two more."""
    random = np.random.default_rng(3)
    names = [f"p{number:03}" for number in range(150)]
    popularity = 1.0 / (np.arange(150) + 8.0)
    popularity /= popularity.sum()
    orders = []
    for number in range(1500):
        size = 40 if number % 10 == 0 else 3
        basket = list(random.choice(names, size, replace=False, p=popularity))
        if number < 10 * planted and number % 10 == 1:
            basket += ["x-lamp", "x-bulb"]
        elif number % 10 == 2:
            basket.append("x-bulb" if number % 20 == 2 else "x-lamp")
        orders.append(Order(f"guest-{number}", number, " ".join(basket)))
    return orders


def plain_lift(orders: Sequence[Order]) -> list[float]:
    """Of each pair: its orders over what independent products would have, whatever the orders' size."""
    sold: dict[str, int] = {}
    together: dict[tuple[str, str], int] = {}
    for order in orders:
        basket = sorted(order.products.split())
        for product in basket:
            sold[product] = sold.get(product, 0) + 1
        for pair in combinations(basket, 2):
            together[pair] = together.get(pair, 0) + 1
    return [n * len(orders) / (sold[a] * sold[b]) for (a, b), n in together.items()]


def test_what_is_drawn_by_popularity_alone_goes_with_hardly_anything_however_large_the_orders() -> None:
    orders = by_popularity()
    together, _ = learned(orders, min_customers=5)
    assert len(together) > 10_000
    assert np.mean([pair["strength"] >= TOGETHER for pair in together.values()]) < 0.001
    assert np.median([pair["lift"] for pair in together.values()]) == pytest.approx(1.0, abs=0.15)
    assert np.median(plain_lift(orders)) > 2.0, "orders of forty would make everything go with everything"


def test_a_planted_pair_is_found_among_them() -> None:
    together, _ = learned(by_popularity(planted=60), min_customers=5)
    strongest = sorted(together, key=lambda pair: together[pair]["strength"])[-2:]
    assert set(strongest) == {("x-lamp", "x-bulb"), ("x-bulb", "x-lamp")}
    assert min(together[pair]["strength"] for pair in strongest) > TOGETHER


@pytest.mark.parametrize(
    ("together", "orders", "prices", "expected"),
    [
        (True, (50.0, 200.0), (100.0, 20.0), True),
        (True, (200.0, 50.0), (20.0, 100.0), False),  # the other way round: the camera for the card
        (True, (200.0, 50.0), (100.0, 20.0), False),  # the candidate is the rarer of the two
        (False, (50.0, 200.0), (100.0, 20.0), False),  # hardly more often than by chance
        (True, (50.0, 200.0), (20.0, 20.0), False),  # as dear as what it would extend
        (True, (50.0, 200.0), (np.nan, np.nan), True),  # a shop without prices
    ],
)
def test_an_add_on_goes_with_its_anchor_in_one_direction_and_is_cheaper(
    together: bool, orders: tuple[float, float], prices: tuple[float, float], expected: bool
) -> None:
    both = [tuple(np.array([value]) for value in pair) for pair in (orders, prices)]
    found = extends(np.array([together]), (both[0][0], both[0][1]), (both[1][0], both[1][1]), KindsConfig())
    assert found.tolist() == [expected]
