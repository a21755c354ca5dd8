"""Claims about the metrics, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.evaluation.metrics import (
    COVERAGE,
    HIT_RATE,
    MARGIN,
    NDCG,
    PRECISION,
    RECALL,
    REVENUE,
    candidate_recall,
    coverage,
    difference,
    mean,
    perfect_order,
    ratio,
    request_metrics,
    resample_customers,
    target_worth,
)
from mersalg_training.ranking.cases import Cases, ragged
from small_history import Order, make_attributes, make_timeline


def codes(*products: int) -> np.ndarray:
    return np.array(products, dtype=np.int64)


def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_hits_on_ranks_1_and_3_of_two_targets_are_worth_this_much() -> None:
    found = request_metrics([codes(7, 1, 8)], ragged([codes(8, 7)]), {})
    assert found[RECALL][0] == 1.0
    assert found[HIT_RATE][0] == 1.0
    assert found[NDCG][0] == pytest.approx((1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3)))


def test_the_ideal_list_has_ten_places_however_many_targets_there_are() -> None:
    targets = np.arange(25)
    found = request_metrics([targets[:10]], ragged([targets]), {})
    assert found[NDCG][0] == pytest.approx(1.0)
    assert found[RECALL][0] == pytest.approx(10 / 25)


def test_the_eleventh_place_does_not_count() -> None:
    found = request_metrics([np.arange(11)], ragged([codes(10)]), {})
    assert [found[name][0] for name in (RECALL, NDCG, HIT_RATE)] == [0.0, 0.0, 0.0]


def test_an_empty_list_earns_nothing_and_disturbs_no_other_request() -> None:
    found = request_metrics([codes(), codes(5)], ragged([codes(5), codes(5)]), {REVENUE: np.array([2.0, 3.0])})
    assert found[RECALL].tolist() == [0.0, 1.0]
    assert found[REVENUE].tolist() == [0.0, 3.0]


def test_revenue_is_price_paid_times_quantity_of_the_hits_and_margin_is_less_the_cost() -> None:
    timeline = make_timeline([Order("ann", 1, "milk wine"), Order("ann", 2, "milk")], {"milk": 2.0, "wine": 9.0})
    timeline.line_quantity[:] = [3, 1, 5]
    attributes = make_attributes({"milk": None, "wine": None}, cost={"milk": 0.5})
    cases = one_case(order=0, target=codes(1, 0))
    worth = target_worth(timeline, attributes, cases)
    assert worth[REVENUE].tolist() == [9.0, 6.0]
    assert worth[MARGIN].tolist() == [0.0, 4.5]
    assert request_metrics([codes(0)], cases.target, worth)[REVENUE].tolist() == [6.0]


def test_what_is_bought_in_a_later_order_of_the_customer_is_worth_what_it_brought_there() -> None:
    orders = [Order("ann", 1, "milk wine"), Order("ann", 2, "milk"), Order("ann", 3, "wine"), Order("bob", 1, "wine")]
    timeline = make_timeline(orders, {"milk": 2.0, "wine": 9.0})
    timeline.line_price[:] = [2, 9, 3, 12, 50]
    attributes = make_attributes({"milk": None, "wine": None})
    assert target_worth(timeline, attributes, one_case(order=1, target=codes(0, 1)))[REVENUE].tolist() == [3.0, 12.0]
    assert target_worth(timeline, attributes, one_case(order=0, target=codes(0, 1)))[REVENUE].tolist() == [2.0, 9.0]


def test_precision_has_ten_places_however_short_the_list() -> None:
    found = request_metrics([codes(5), np.arange(20)], ragged([codes(5), codes(1, 2, 15)]), {})
    assert found[PRECISION].tolist() == [0.1, 0.2]


def test_candidate_recall_looks_so_deep_and_no_deeper() -> None:
    found = candidate_recall([np.arange(150), codes(7)], ragged([codes(49, 50, 99, 149), codes(7, 8)]))
    assert found["candidate recall@50"].tolist() == [0.25, 0.5]
    assert found["candidate recall@100"].tolist() == [0.75, 0.5]
    assert found["candidate recall@200"].tolist() == [1.0, 0.5]


def test_a_perfect_order_begins_with_the_targets_that_were_retrieved() -> None:
    target = ragged([codes(3, 9), codes(4)])
    perfect = perfect_order([codes(8, 7, 3), codes(1)], target)
    assert [list(products) for products in perfect] == [[3], []]
    assert request_metrics(perfect, target, {})[RECALL].tolist() == [0.5, 0.0]


def test_a_metric_of_which_nothing_is_known_is_absent() -> None:
    timeline = make_timeline([Order("ann", 1, "milk")], {"milk": float("nan")})
    assert target_worth(timeline, make_attributes({"milk": None}), one_case(order=0, target=codes(0))) == {}


def test_coverage_counts_each_product_once_and_only_what_stands_in_the_first_ten() -> None:
    catalogue = np.array([True] * 20 + [False] * 5)
    assert coverage([codes(1, 2), codes(2, 3), np.array([4] * 10 + [5])], catalogue) == 4 / 20
    assert COVERAGE == "coverage@10"


def test_all_requests_of_a_customer_are_drawn_together() -> None:
    customer, order = codes(4, 4, 9, UNKNOWN, UNKNOWN), codes(0, 1, 2, 3, 4)
    draws = resample_customers(customer, order, random())
    assert len(np.unique(draws.cluster)) == 4
    assert draws.cluster[0] == draws.cluster[1]
    assert set(draws.times.sum(axis=1)) == {4}


def test_one_customer_leaves_no_room_for_doubt_and_many_alike_leave_little() -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0])
    of_one = mean(values, resample_customers(codes(1, 1, 1, 1), codes(0, 1, 2, 3), random()))
    assert (of_one.value, of_one.low, of_one.high, of_one.n) == (0.5, 0.5, 0.5, 4)
    of_four = mean(values, resample_customers(codes(1, 2, 3, 4), codes(0, 1, 2, 3), random()))
    assert of_four.low < 0.5 < of_four.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator, covered, trials = np.random.default_rng(5), 0, 200
    for _ in range(trials):
        level = generator.normal(0.3, 0.2, size=60)
        customer = np.repeat(np.arange(60), 3)
        values = level[customer] + generator.normal(0.0, 0.1, size=180)
        found = mean(values, resample_customers(customer, np.arange(180), generator, resamples=300))
        covered += found.low <= 0.3 <= found.high
    assert 0.89 <= covered / trials <= 0.99


def test_requests_that_share_a_customer_say_less_than_as_many_customers() -> None:
    generator = np.random.default_rng(5)
    customer = np.repeat(np.arange(40), 10)
    values = generator.normal(size=40)[customer]
    together = mean(values, resample_customers(customer, np.arange(400), random()))
    apart = mean(values, resample_customers(np.arange(400), np.arange(400), random()))
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_a_small_constant_lead_is_certain_although_both_means_are_not() -> None:
    theirs = np.random.default_rng(1).random(50)
    draws = resample_customers(np.arange(50), np.arange(50), random())
    lead = difference(theirs + 0.01, theirs, draws)
    assert lead.low == pytest.approx(0.01)
    assert lead.high == pytest.approx(0.01)
    assert mean(theirs + 0.01, draws).low < mean(theirs, draws).high


def test_twice_as_good_in_every_request_is_certain_although_both_means_are_not() -> None:
    theirs = np.random.default_rng(1).random(50)
    draws = resample_customers(np.arange(50), np.arange(50), random())
    found = ratio(2.0 * theirs, theirs, draws)
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert mean(2.0 * theirs, draws).low < 1.9 * theirs.mean()


def test_a_ratio_weighs_customers_by_what_they_were_shown() -> None:
    draws = resample_customers(codes(0, 1), codes(0, 1), random())
    assert ratio(np.array([1.0, 9.0]), np.array([2.0, 10.0]), draws).value == pytest.approx(10 / 12)


def test_a_ratio_to_nothing_is_unknown() -> None:
    draws = resample_customers(codes(0, 1), codes(0, 1), random())
    assert math.isnan(ratio(np.zeros(2), np.zeros(2), draws).value)


def one_case(order: int, target: np.ndarray) -> Cases:
    return Cases(
        moment=codes(1), at=np.array([1.0]), cart=ragged([codes()]), history=np.array([[0, 0]]),
        target=ragged([target]), customer=codes(0), order=codes(order),
    )  # fmt: skip
