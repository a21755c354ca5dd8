"""Claims: a threshold keeps its word, as often as its certificate says, and stays silent where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from made_offers import one_a_request
from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import ScoredOffers, tallies, tradeoff
from mersalg_training.calibration.targets import MIN_OFFERS, at_most, gaps_of, thresholds_to_try
from mersalg_training.calibration.thresholds import Threshold, choose, choose_thresholds
from mersalg_training.config import ThresholdConfig

WANTED = 0.58
MAX_OFFERS = 36
LOWEST, HIGHEST, WHIM = 0.15, 0.85, 0.15


def simulated(customers: int, random: np.random.Generator) -> ScoredOffers:
    """Relevances that are true on average; every customer buys somewhat more, or less, than they say."""
    unit = np.repeat(np.arange(customers), MAX_OFFERS)
    relevance = random.uniform(LOWEST, HIGHEST, len(unit)).astype(np.float32)
    whim = random.choice([-WHIM, WHIM], customers)[unit]
    return one_a_request(relevance, (random.random(len(unit)) < relevance + whim).astype(np.float32), unit)


def true_precision(threshold: float) -> float:
    """Of all offers at or above a threshold: the mean of a uniform relevance."""
    return (max(threshold, LOWEST) + HIGHEST) / 2


def hand_made(relevance: list[float], bought: list[int], worth: float = np.nan, kind: int = 0) -> ScoredOffers:
    """Offers of as many customers, each line repeated for 100 of them, in an order that is drawn."""
    n = len(relevance) * 100
    drawn = np.random.default_rng(1).permutation(n)
    return one_a_request(
        np.repeat(np.array(relevance, dtype=np.float32), 100),
        np.repeat(np.array(bought, dtype=np.float32), 100),
        drawn,
        worth=worth,
        kind=kind,
    )


def target(**way: Any) -> ThresholdConfig:
    return ThresholdConfig.model_validate({"cross-sell": way})


def chosen(fitting: ScoredOffers, certify: ScoredOffers, **way: Any) -> Threshold:
    return choose("cross-sell", target(**way), fitting, certify)


def test_a_certificate_is_broken_no_more_often_than_its_confidence_allows() -> None:
    random = np.random.default_rng(7)
    repeats, certified, broken, naive = 150, 0, 0, 0
    for _ in range(repeats):
        fitting, certify = simulated(30, random), simulated(60, random)
        found = chosen(fitting, certify, precision=WANTED)
        certified += found.certified
        broken += found.certified and true_precision(found.threshold or 0.0) < WANTED
        held = (t for t in thresholds_to_try(fitting) if certify.precision(t) >= WANTED)
        naive += true_precision(next(held, 1.0)) < WANTED
    allowed = repeats * 0.1 + 3 * np.sqrt(repeats * 0.1 * 0.9)
    assert certified > repeats / 2, "a test that certifies nothing shows nothing"
    assert broken <= allowed
    assert naive > allowed, "without the bound the same data would break the promise"


def test_where_all_above_a_relevance_buy_that_relevance_is_the_threshold() -> None:
    shown = hand_made([0.1, 0.3, 0.9] * 20, [0, 0, 1] * 20)
    found = chosen(shown, shown, precision=0.8)
    assert found.certified
    assert found.promised == 0.8
    assert found.threshold == pytest.approx(0.6)
    assert found.offers == found.shown.customers == 2000
    assert found.precision == 1.0
    assert found.silent_because is None


def test_a_kind_that_cannot_reach_what_is_wanted_stays_silent_and_says_what_it_reached() -> None:
    shown = hand_made([0.1, 0.2, 0.2, 0.2], [0, 1, 0, 0])
    found = chosen(shown, shown, precision=0.9)
    assert found.threshold is None
    assert not found.certified
    assert found.offers == 0
    assert np.isnan(found.precision)
    assert found.reachable == pytest.approx(1 / 3)
    assert found.best.coverage == pytest.approx(0.75)
    assert found.silent_because == ("no threshold keeps 90.0%; at best 33.3% is bought, shown to 75.0% of the requests")


def test_without_enough_customers_the_threshold_holds_without_a_certificate_or_the_kind_is_silent() -> None:
    fitting, few = simulated(100, np.random.default_rng(7)), simulated(3, np.random.default_rng(8))
    found = chosen(fitting, few, precision=0.5)
    assert found.threshold is not None
    assert not found.certified
    assert found.promised == 0.0
    strict = ThresholdConfig.model_validate({"cross-sell": {"precision": 0.5}, "uncertified": "silent"})
    silent = choose("cross-sell", strict, fitting, few)
    assert silent.threshold is None
    assert "too few of them to certify it" in (silent.silent_because or "")


def test_an_uncertified_threshold_holds_on_both_halves() -> None:
    fitting, few = simulated(100, np.random.default_rng(7)), simulated(3, np.random.default_rng(8))
    found = chosen(fitting, few, precision=0.5)
    assert found.threshold is not None
    assert min(fitting.precision(found.threshold), few.precision(found.threshold)) >= 0.5


def test_a_wanted_precision_of_zero_shows_everything() -> None:
    fitting = simulated(30, np.random.default_rng(7))
    found = chosen(fitting, simulated(60, np.random.default_rng(8)), precision=0.0)
    assert found.threshold is not None
    assert (fitting.relevance >= found.threshold).mean() > 0.99


def test_a_coverage_is_kept_and_the_precision_that_is_proved_of_it_is_promised() -> None:
    shown = hand_made([0.1, 0.3, 0.9, 0.9], [0, 0, 1, 1])
    found = chosen(shown, shown, coverage=0.6)
    assert found.threshold == pytest.approx(0.6)
    assert found.shown.coverage == pytest.approx(0.5)
    assert found.certified
    assert 0.8 < found.promised < 1.0
    assert chosen(shown, shown, coverage=0.0).threshold is None


def test_a_cost_is_made_good_by_the_margin() -> None:
    shown = hand_made([0.1, 0.3, 0.9], [0, 0, 1], worth=4.0)
    by_ratio = chosen(shown, shown, cost_ratio=0.25)
    assert by_ratio.wanted == pytest.approx(0.2)
    assert by_ratio.threshold == pytest.approx(0.2)
    assert chosen(shown, shown, cost=1.0).wanted == pytest.approx(1.0 / 5.0), "against what a sale brings"
    assert chosen(shown, shown, cost=1.0, margin=1.0).threshold == pytest.approx(0.6), "against a stated margin"


def test_a_cost_without_a_margin_keeps_the_kind_silent() -> None:
    shown = hand_made([0.1, 0.3, 0.9], [0, 0, 1])
    found = chosen(shown, shown, cost=1.0)
    assert found.threshold is None
    assert "no margin, cost or price is known" in (found.silent_because or "")


def test_no_threshold_that_shows_too_few_is_tried() -> None:
    shown = simulated(30, np.random.default_rng(7))
    assert all((shown.relevance >= t).sum() >= MIN_OFFERS for t in thresholds_to_try(shown))
    assert thresholds_to_try(shown.take(np.arange(len(shown.unit)) < 10)) == []


def test_thresholds_are_float32_numbers_so_that_the_graph_compares_the_same() -> None:
    grid = thresholds_to_try(simulated(50, np.random.default_rng(7)))
    assert grid == sorted(grid)
    assert [float(np.float32(t)) for t in grid] == grid


def test_no_threshold_lies_on_a_relevance_that_occurs() -> None:
    assert thresholds_to_try(hand_made([0.1, 0.3, 0.9], [0, 0, 1])) == pytest.approx([0.05, 0.2, 0.6])


def test_last_bits_of_a_relevance_do_not_move_an_offer_over_its_threshold() -> None:
    shown = simulated(60, np.random.default_rng(7))
    up, down = (np.nextafter(np.nextafter(shown.relevance, to), to) for to in (np.float32(2), np.float32(-1)))
    for t in thresholds_to_try(shown):
        assert np.array_equal(up >= t, shown.relevance >= t)
        assert np.array_equal(down >= t, shown.relevance >= t)


def test_a_threshold_moves_into_the_widest_gap_nearby() -> None:
    crowd = np.linspace(0.4, 0.5, 500, dtype=np.float32)
    gap = np.concatenate([crowd, np.linspace(0.51, 0.6, 500, dtype=np.float32)])
    assert gaps_of(gap).nearest(0.5) == pytest.approx(0.505)
    assert gaps_of(gap).nearest(float(gap[501])) == pytest.approx(0.505)
    assert gaps_of(gap).nearest(0.45) == pytest.approx(0.45, abs=0.002), "too far away to move there"


def test_the_rows_that_certify_do_not_choose_what_is_tried() -> None:
    random = np.random.default_rng(7)
    fitting, certify = simulated(30, random), simulated(60, random)
    lucky = one_a_request(certify.relevance, np.ones_like(certify.label), certify.unit)
    assert chosen(fitting, lucky, precision=WANTED).threshold in thresholds_to_try(fitting)


def test_a_customers_offers_are_counted_together() -> None:
    shown = one_a_request(
        np.array([0.9, 0.9, 0.1, 0.9], dtype=np.float32),
        np.array([1, 0, 1, 1], dtype=np.float32),
        np.array([7, 7, 7, 9]),
    )
    hits, of = tallies(shown, [0.05, 0.5])
    np.testing.assert_array_equal(hits, [[2, 1], [1, 1]])
    np.testing.assert_array_equal(of, [[3, 2], [1, 1]])


def test_a_trade_off_tells_precision_coverage_recall_and_worth() -> None:
    shown = hand_made([0.1, 0.3, 0.9, 0.9], [0, 1, 0, 1], worth=2.0)
    found = tradeoff(shown, "cross-sell", 0.6)
    assert (found.offers, found.precision, found.coverage, found.recall) == (200, 0.5, 0.5, 0.5)
    assert found.worth == pytest.approx(100 * 2.0 / 400)
    nothing = tradeoff(shown, "cross-sell", np.inf)
    assert (nothing.offers, nothing.coverage, nothing.recall) == (0, 0.0, 0.0)
    assert np.isnan(nothing.precision)


def test_the_chosen_threshold_stands_among_its_trade_offs() -> None:
    fitting, certify = simulated(30, np.random.default_rng(7)), simulated(60, np.random.default_rng(8))
    found = chosen(fitting, certify, precision=WANTED)
    rows = [row.threshold for row in found.tradeoffs]
    assert found.threshold in rows
    assert rows == sorted(rows)
    coverage = [row.coverage for row in found.tradeoffs]
    assert coverage == sorted(coverage, reverse=True)


def test_every_kind_gets_its_own_threshold() -> None:
    shown = hand_made([0.1, 0.9] * 10, [0, 1] * 10, kind=3)
    found = choose_thresholds(shown, shown, ThresholdConfig(precision=dict.fromkeys(KINDS, 0.8)))
    assert list(found) == list(KINDS)
    assert [kind for kind, c in found.items() if c.threshold is not None] == ["more-of-same"]
    assert (
        found["upsell"].silent_because == "fewer than 100 offers of the kind would be shown in the calibration window"
    )


def test_a_customer_counts_for_no_more_offers_than_the_busiest_of_the_fitting_half() -> None:
    hits, offers = at_most(np.array([[1.0], [6.0]]), np.array([[2.0], [12.0]]), np.array([4.0]))
    np.testing.assert_allclose(hits, [[1.0], [2.0]])
    np.testing.assert_allclose(offers, [[2.0], [4.0]])
