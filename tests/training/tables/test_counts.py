"""Claims: the counts of a few hand-made orders are those that one counts by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mersalg_training.config import CountsConfig, KindsConfig
from mersalg_training.data.timeline import Timeline
from mersalg_training.tables.counts import Counts, PairCounts, count_purchases
from mersalg_training.tables.kinds import directed, log_likelihood_ratio
from small_history import Order, make_timeline

TYPES = {"bread": 0, "butter": 1, "jam": 2, "milk": 3, "oat-milk": 3}
SHOP = {"bread": 3.0, "butter": 2.0, "jam": 4.0, "milk": 1.0, "oat-milk": 2.5}
EVERY = CountsConfig(min_support=1, min_pairs=1)
NEVER_LATER = 1e9


def counted(
    orders: Sequence[Order], config: CountsConfig = EVERY, cut_day: float = NEVER_LATER
) -> tuple[Counts, Timeline]:
    timeline = make_timeline(orders, SHOP)
    types = np.array([TYPES[product] for product in timeline.product_ids], dtype=np.int32)
    return count_purchases(timeline, types, 4, cut_day, config), timeline


def by_name(pairs: PairCounts, timeline: Timeline) -> dict[tuple[str, str], float]:
    ids = timeline.product_ids
    return {(ids[a], ids[b]): n for a, b, n in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.n.tolist(), strict=True)}


def column(counts: Counts, timeline: Timeline, table: str, name: str) -> dict[str, float]:
    columns = getattr(counts, table)
    products = [timeline.product_ids[int(code)] for code in columns["product"]]
    return dict(zip(products, np.asarray(columns[name], dtype=np.float64).tolist(), strict=True))


def test_orders_of_a_product_and_their_first_and_last_day_are_counted() -> None:
    counts, timeline = counted([Order("a", 1, "milk bread"), Order(None, 5, "milk")])
    assert counts.orders == 2
    assert column(counts, timeline, "products", "orders") == {"bread": 1, "milk": 2}
    assert column(counts, timeline, "products", "first_day")["milk"] == 1
    assert column(counts, timeline, "products", "last_day")["milk"] == 5


def test_the_last_week_and_the_last_four_are_counted_from_the_cut() -> None:
    counts, timeline = counted([Order("a", day, "milk") for day in (60, 75, 90, 95)], cut_day=100.0)
    assert column(counts, timeline, "products", "month_orders") == {"milk": 3}
    assert column(counts, timeline, "products", "week_orders") == {"milk": 1}


def test_a_pair_in_a_basket_counts_in_both_directions() -> None:
    counts, timeline = counted([Order("a", 1, "bread butter jam"), Order("b", 2, "bread butter")])
    pairs = by_name(counts.basket, timeline)
    assert pairs["bread", "butter"] == pairs["butter", "bread"] == 2
    assert pairs["jam", "bread"] == 1
    assert len(pairs) == 6


def test_pairs_below_the_floor_and_rare_products_are_dropped() -> None:
    orders = [Order("a", 1, "bread butter jam"), Order("b", 2, "bread butter"), Order("c", 3, "jam")]
    assert by_name(
        counted(orders, CountsConfig(min_support=1, min_pairs=2))[0].basket, make_timeline(orders, SHOP)
    ) == {
        ("bread", "butter"): 2,
        ("butter", "bread"): 2,
    }
    rare, timeline = counted([*orders, Order("d", 4, "milk bread")], CountsConfig(min_support=2, min_pairs=1))
    assert all("milk" not in pair for pair in by_name(rare.basket, timeline))


def test_pairs_of_a_type_are_those_of_its_products_added_up() -> None:
    counts, timeline = counted([Order("a", 1, "milk bread"), Order("b", 2, "oat-milk bread")])
    ids, pairs = timeline.product_ids, counts.by_type
    of_dairy = {
        ids[b]: n for a, b, n in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.n.tolist(), strict=True) if a == 3
    }
    assert of_dairy == {"bread": 2}


def test_buyers_who_came_back_for_it_are_counted() -> None:
    counts, timeline = counted(
        [Order("a", 1, "milk"), Order("a", 9, "milk"), Order("b", 2, "milk"), Order(None, 3, "milk")]
    )
    assert column(counts, timeline, "repeats", "buyers") == {"milk": 2}
    assert column(counts, timeline, "repeats", "repeaters") == {"milk": 1}


def test_intervals_are_between_purchases_of_one_product_by_one_customer() -> None:
    orders = [
        Order("a", 1, "milk"),
        Order("a", 4, "bread"),
        Order("a", 11, "milk"),
        Order("a", 15, "milk"),
        Order("b", 13, "milk"),
    ]
    counts, timeline = counted(orders)
    assert column(counts, timeline, "intervals", "interval_days") == {"milk": 7.0}
    assert column(counts, timeline, "intervals", "intervals") == {"milk": 2}
    assert counts.order_gap_days == pytest.approx(4.0)


def test_without_customers_there_is_no_gap_and_no_repeat() -> None:
    counts, _ = counted([Order(None, 1, "milk"), Order(None, 2, "milk")])
    assert np.isnan(counts.order_gap_days)
    assert len(counts.repeats["product"]) == len(counts.intervals["product"]) == len(counts.follow.a) == 0


def test_a_follow_on_pair_is_new_to_the_customer_and_lies_in_the_next_order() -> None:
    counts, timeline = counted([Order("a", 1, "milk"), Order("a", 5, "milk bread"), Order("a", 9, "jam bread")])
    assert by_name(counts.follow, timeline) == {("milk", "bread"): 1, ("milk", "jam"): 1, ("bread", "jam"): 1}


def test_a_follow_on_pair_that_is_too_far_apart_does_not_count() -> None:
    counts, timeline = counted([Order("a", 1, "milk"), Order("a", 50, "bread")])
    assert by_name(counts.follow, timeline) == {}


def test_a_switch_is_the_next_purchase_of_another_product_of_the_type() -> None:
    counts, timeline = counted([Order("a", 1, "milk"), Order("a", 5, "bread"), Order("a", 9, "oat-milk")])
    assert by_name(counts.switches, timeline) == {("milk", "oat-milk"): 1}


def test_lines_from_the_cut_on_count_nowhere() -> None:
    orders = [Order("a", 1, "milk bread"), Order("a", 5, "milk jam"), Order("a", 10, "oat-milk butter")]
    before, timeline = counted(orders, cut_day=10.0)
    alone, _ = counted(orders[:2], cut_day=10.0)
    assert before.orders == 2
    assert column(before, timeline, "products", "orders") == {"bread": 1, "jam": 1, "milk": 2}
    for name in ("basket", "by_type", "follow", "switches"):
        assert by_name(getattr(before, name), timeline) == by_name(getattr(alone, name), timeline)


def test_pairs_come_in_one_order_whatever_the_database_does() -> None:
    counts, _ = counted([Order("a", 1, "bread butter jam milk")])
    assert counts.basket.a.tolist() == sorted(counts.basket.a.tolist())


def test_the_log_likelihood_ratio_of_independence_is_zero_and_of_a_known_table_is_dunnings() -> None:
    assert log_likelihood_ratio(np.array([10.0]), np.array([100.0]), np.array([100.0]), 1000)[0] == pytest.approx(0.0)
    # Dunning 1993, table 2: "the swiss": 110, 2442, 111, 29114 gives 270.72.
    k11, k12, k21, k22 = 110.0, 2442.0, 111.0, 29114.0
    found = log_likelihood_ratio(np.array([k11]), np.array([k11 + k12]), np.array([k11 + k21]), k11 + k12 + k21 + k22)
    assert found[0] == pytest.approx(270.72, abs=0.01)


@pytest.mark.parametrize(
    ("pair", "anchor", "candidate", "expected"),
    [
        (40.0, 50.0, 200.0, True),
        (40.0, 200.0, 50.0, False),  # the other way round: the camera for the card
        (10.0, 50.0, 200.0, False),  # no more often than by chance
        (2.0, 2.0, 200.0, False),  # two orders prove nothing
    ],
)
def test_an_add_on_is_significant_and_one_directional(
    pair: float, anchor: float, candidate: float, expected: bool
) -> None:
    orders = (np.array([value]) for value in (pair, anchor, candidate))
    assert directed(*orders, 1000.0, KindsConfig()).tolist() == [expected]
