"""Claims: a threshold keeps its word, offer by offer and as often as its certificate says, or stays silent."""

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
        found = chosen(fitting, certify, mean_precision=WANTED)
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
    found = chosen(shown, shown, mean_precision=0.8)
    assert found.certified
    assert found.promised == 0.8
    assert found.threshold == pytest.approx(0.6)
    assert found.offers == found.shown.customers == 2000
    assert found.precision == 1.0
    assert found.silent_because is None


def test_a_kind_that_cannot_reach_what_is_wanted_stays_silent_and_says_what_it_reached() -> None:
    shown = hand_made([0.1, 0.2, 0.2, 0.2], [0, 1, 0, 0])
    found = chosen(shown, shown, mean_precision=0.9)
    assert found.threshold is None
    assert not found.certified
    assert found.offers == 0
    assert np.isnan(found.precision)
    assert found.reachable == pytest.approx(1 / 3)
    assert found.best.coverage == pytest.approx(0.75)
    assert found.silent_because == ("no threshold keeps 90.0%; at best 33.3% is bought, shown to 75.0% of the requests")


def test_without_enough_customers_the_threshold_holds_without_a_certificate_or_the_kind_is_silent() -> None:
    fitting, few = simulated(100, np.random.default_rng(7)), simulated(3, np.random.default_rng(8))
    for way in ("precision", "mean_precision"):
        found = chosen(fitting, few, **{way: 0.5})
        assert found.threshold is not None
        assert not found.certified
        assert found.promised == 0.0
        strict = ThresholdConfig.model_validate({"cross-sell": {way: 0.5}, "uncertified": "silent"})
        silent = choose("cross-sell", strict, fitting, few)
        assert silent.threshold is None
        assert silent.weakest is None
        assert "too few customers to certify" in (silent.silent_because or "")


def test_an_uncertified_threshold_holds_on_both_halves() -> None:
    fitting, few = simulated(100, np.random.default_rng(7)), simulated(3, np.random.default_rng(8))
    found = chosen(fitting, few, mean_precision=0.5)
    assert found.threshold is not None
    assert min(fitting.precision(found.threshold), few.precision(found.threshold)) >= 0.5


def test_a_floor_holds_offer_by_offer_where_the_mean_lets_good_offers_pay_for_poor_ones() -> None:
    fitting, certify = simulated(60, np.random.default_rng(7)), simulated(120, np.random.default_rng(8))
    floor, mean = (chosen(fitting, certify, **{way: 0.6}) for way in ("precision", "mean_precision"))
    assert floor.certified
    assert mean.certified
    assert floor.threshold is not None
    assert mean.threshold is not None
    # Every offer's true chance is its relevance, over the whims of its customers.
    assert certify.relevance[certify.relevance >= floor.threshold].min() >= 0.6
    assert 0.6 <= floor.threshold < 0.605
    assert certify.relevance[certify.relevance >= mean.threshold].min() < 0.5
    assert 0.6 < floor.promised < true_precision(floor.threshold), "what is shown is better than its floor"
    assert floor.weakest is not None
    assert mean.weakest is not None
    assert floor.weakest.at_least < 0.6 < floor.weakest.at_most
    assert mean.weakest.at_most < 0.6, "the mean hides it: the weakest are bought less often than is wanted"


def test_what_is_promised_beyond_the_floor_is_broken_no_more_often_than_its_confidence_allows() -> None:
    random = np.random.default_rng(9)
    repeats, certified, broken, weakest_broken = 100, 0, 0, 0
    for _ in range(repeats):
        found = chosen(simulated(20, random), simulated(40, random), precision=0.4)
        threshold = found.threshold or 0.0
        certified += found.certified
        broken += found.certified and true_precision(threshold) < found.promised
        assert found.weakest is not None
        truth = threshold + 0.05 * (HIGHEST - threshold)  # the middle of the lowest tenth of a uniform relevance
        weakest_broken += found.weakest.at_least > truth + 0.01 or found.weakest.at_most < truth - 0.01
    assert certified > 0.9 * repeats
    assert broken <= 0.1 * repeats + 3 * np.sqrt(repeats * 0.1 * 0.9)
    assert weakest_broken <= 0.2 * repeats + 3 * np.sqrt(repeats * 0.2 * 0.8), "two sides, each by itself"


def test_a_floor_whose_certificate_cannot_hold_is_raised_to_one_that_does() -> None:
    """The certifying customers buy a fifth of what the fitting half's curve says is bought three times of ten."""
    relevance = [0.3] * 20 + [0.9] * 2
    fitting = hand_made(relevance, [1] * 7 + [0] * 13 + [1] * 2)
    found = chosen(fitting, hand_made(relevance, [1] * 4 + [0] * 16 + [1] * 2), precision=0.3)
    assert found.threshold == pytest.approx(0.6)
    assert found.certified
    assert found.promised == 0.3


def test_what_no_threshold_can_hold_is_neither_certified_nor_shown() -> None:
    relevance = [0.3] * 20 + [0.9] * 2
    fitting = hand_made(relevance, [1] * 7 + [0] * 13 + [1] * 2)
    found = chosen(fitting, hand_made(relevance, [1] * 4 + [0] * 18), precision=0.3)
    assert found.threshold is None
    assert not found.certified
    assert found.promised == 0.0
    assert "bought less often than that" in (found.silent_because or "")


def test_few_offers_that_reach_the_floor_are_shown_without_a_certificate_and_poorer_ones_are_not() -> None:
    relevance, bought = np.array([0.39, 0.04, 0.04, 0.03] * 5), np.array([1] + [0] * 19)
    few = one_a_request(relevance, bought, np.arange(20))
    found = chosen(few, few, precision=0.05)
    assert found.threshold == pytest.approx(0.05)
    assert found.threshold >= 0.05
    assert not found.certified
    assert found.promised == 0.0
    assert found.offers == 5
    assert found.silent_because is None
    assert found.weakest is not None
    assert found.weakest.at_least < 0.05 < found.weakest.at_most, "so few prove little"


def test_a_kind_is_silent_where_nothing_was_bought_or_nothing_reaches_the_floor() -> None:
    few = hand_made([0.39, 0.04], [1, 0])
    assert chosen(few, few, precision=0.4).silent_because == (
        "no offer reaches a relevance of 40.0%, the best has 39.0%"
    )
    none = one_a_request(np.full(30, 0.3), np.zeros(30), np.arange(30))
    assert chosen(none, none, precision=0.1).silent_because == (
        "none of the 60 offers of the kind was bought in the calibration window"
    )
    chance = one_a_request(np.full(15, 0.3), np.zeros(15), np.arange(15))
    assert chosen(chance, chance, precision=0.03).silent_because is None, "at 3 % none of 30 is no surprise"
    nothing = none.take(np.zeros(30, dtype=np.bool_))
    assert chosen(nothing, nothing, precision=0.1).silent_because == (
        "no offer of the kind would be shown in the calibration window"
    )


def test_offers_of_one_half_alone_set_a_floor_and_certify_nothing() -> None:
    offers = hand_made([0.3, 0.9], [0, 1])
    nothing = offers.take(np.zeros(len(offers), dtype=np.bool_))
    for fitting, certify in ((offers, nothing), (nothing, offers)):
        found = chosen(fitting, certify, precision=0.5)
        assert not found.certified
        assert found.weakest is None


def test_the_weakest_tenth_is_that_of_the_least_relevance_and_told_with_its_bounds() -> None:
    shown = hand_made([0.1, *np.linspace(0.5, 0.95, 10)], [0, 0, *([1] * 9)])
    found = chosen(shown, shown, precision=0.4).weakest
    assert found is not None
    assert found.offers == found.customers == 100
    assert found.promised == pytest.approx(0.5)
    assert found.realised == 0.0
    assert found.at_least == 0.0
    assert 0.0 < found.at_most < 0.2


@pytest.mark.parametrize("least", [0.05, 0.1, 0.2, 0.3, 0.58, 0.7])
def test_a_floor_is_no_lower_than_what_is_wanted_and_keeps_clear_of_what_occurs(least: float) -> None:
    crowd = np.random.default_rng(3).uniform(0.0, 1.0, 4000).astype(np.float32)
    beside = np.append(crowd, np.float32([least, np.nextafter(np.float32(least), np.float32(0.0))]))
    for relevance in (crowd, beside, np.float32([]), np.float32([0.01])):
        floor = gaps_of(relevance).floor(least)
        assert least <= floor < least + 0.02
        assert float(np.float32(floor)) == floor
        assert np.abs(relevance.astype(np.float64) - floor).min(initial=1.0) >= 0.9e-4


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
    assert chosen(shown, shown, cost=1.0, margin=1.0).threshold == pytest.approx(0.5), "against a stated margin"


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
    assert chosen(fitting, lucky, mean_precision=WANTED).threshold in thresholds_to_try(fitting)


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
    assert found["upsell"].silent_because == "no offer of the kind would be shown in the calibration window"
    of_mean = choose_thresholds(shown, shown, ThresholdConfig.model_validate({"upsell": {"mean_precision": 0.1}}))
    assert "fewer than 100 offers of the kind would be shown" in (of_mean["upsell"].silent_because or "")


def test_a_customer_counts_for_no_more_offers_than_the_busiest_of_the_fitting_half() -> None:
    hits, offers = at_most(np.array([[1.0], [6.0]]), np.array([[2.0], [12.0]]), np.array([4.0]))
    np.testing.assert_allclose(hits, [[1.0], [2.0]])
    np.testing.assert_allclose(offers, [[2.0], [4.0]])
