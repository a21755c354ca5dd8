"""Claims about what is judged beyond best-sellers, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mersalg_training.evaluation.beyond_best_sellers import (
    BEST_SELLERS,
    PS_NDCG,
    PS_RECALL,
    best_sellers,
    best_sellers_in,
    gini,
    hit_weights,
    orders_holding,
    propensity_scored,
)
from mersalg_training.ranking.cases import ragged
from small_history import Order, make_timeline

WEIGHT = np.array([1.0, 2.0, 4.0, 10.0])


def codes(*products: int) -> np.ndarray:
    return np.array(products, dtype=np.int64)


def test_the_weights_are_those_of_the_paper_s_sigmoid() -> None:
    # N = 1000, A = 0.55, B = 1.5: C = 5.90776 * 1.65523 = 9.77870. By hand, p = 1 / (1 + C * e^(-A ln(n + B))):
    # n = 0: e^(-0.55 * 0.405465) = 0.80010, p = 0.113326; n = 98.5: e^(-0.55 * 4.60517) = 0.079433, p = 0.562830
    weights = hit_weights(np.array([0, 98.5]), 1000)  # type: ignore[arg-type]
    assert weights.tolist() == pytest.approx([1 / 0.113326, 1 / 0.562830], rel=1e-4)


def test_a_rare_hit_weighs_more_and_no_hit_less_than_one() -> None:
    weights = hit_weights(np.array([0, 3, 50, 100_000]), 100_000)
    assert (np.diff(weights) < 0).all()
    assert weights[-1] > 1.0
    assert hit_weights(codes(0, 2), 2).tolist() == [1.0, 1.0]  # ln N below 1 would turn the order round


def test_propensity_scored_figures_of_one_list() -> None:
    # Targets weigh 1, 4 and 10. The list has the first in place 1 and the third in place 3: 11 of 15. The gains
    # 1, 0.6309, 0.5 make it 1 * 1 + 10 * 0.5 = 6; the best list 10 * 1 + 4 * 0.6309 + 1 * 0.5 = 13.0237.
    found = propensity_scored([codes(0, 1, 3)], ragged([codes(2, 0, 3)]), WEIGHT)
    assert found[PS_RECALL].tolist() == pytest.approx([11 / 15])
    assert found[PS_NDCG].tolist() == pytest.approx([6 / 13.0237], rel=1e-5)


def test_with_equal_weights_they_are_the_plain_figures() -> None:
    found = propensity_scored([codes(7, 1, 8), codes()], ragged([codes(8, 7), codes(3)]), np.full(9, 3.0))
    assert found[PS_RECALL].tolist() == [1.0, 0.0]
    assert found[PS_NDCG].tolist() == pytest.approx([(1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3)), 0.0])


def test_ten_places_count_and_the_heaviest_targets_first() -> None:
    weight = np.append(np.ones(10), 5.0)
    found = propensity_scored([np.arange(11)], ragged([np.arange(11)]), weight)
    assert found[PS_RECALL][0] == pytest.approx(10 / 15)  # the heavy one stands in place 11
    best = propensity_scored([codes(10, *range(9))], ragged([np.arange(11)]), weight)
    assert best[PS_NDCG][0] == pytest.approx(1.0)
    assert found[PS_NDCG][0] < 1.0


def test_only_orders_before_the_day_make_a_best_seller() -> None:
    prices = {f"{number:02}": 1.0 for number in range(BEST_SELLERS + 2)}
    names = sorted(prices)
    before = [Order("ann", day, " ".join(names[1:])) for day in (1, 2)]
    timeline = make_timeline([*before, *(Order("bob", 50 + day, names[0]) for day in range(9))], prices)
    holding = orders_holding(timeline, 50.0)
    assert holding.tolist() == [0] + [2] * (BEST_SELLERS + 1)
    assert np.flatnonzero(best_sellers(holding)).tolist() == list(range(1, BEST_SELLERS + 1))
    assert np.flatnonzero(best_sellers(codes(0, 3))).tolist() == [1]


def test_best_sellers_are_counted_among_the_first_ten_of_what_is_there() -> None:
    is_best_seller = np.array([False] * 10 + [True, True])
    inside, of = best_sellers_in([np.arange(12), codes(11), codes()], is_best_seller)
    assert (inside.tolist(), of.tolist()) == ([0.0, 1.0, 0.0], [10.0, 1.0, 0.0])


def test_gini_is_nought_where_all_are_shown_alike_and_near_one_where_one_is() -> None:
    catalogue = np.array([True] * 4 + [False])
    assert gini([codes(0, 1), codes(2, 3)], catalogue) == 0.0
    assert gini([codes(2), codes(2)], catalogue) == 0.75  # (n - 1) / n
    # exposures 0, 0, 1, 3: the mean of |x - y| over all 16 pairs is (4 * 1 + 4 * 3 + 2 * 2) / 16 = 1.25, over 2 * 1
    assert gini([codes(0), codes(0), codes(0, 3)], catalogue) == pytest.approx(0.625)
    assert math.isnan(gini([codes()], catalogue))
