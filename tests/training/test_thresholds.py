"""Claims: a threshold keeps its word, as often as its certificate says, and stays silent where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg.names import KINDS
from mersalg_training.thresholds import (
    MIN_OFFERS,
    REQUESTS_OF_CUSTOMER,
    SHOWN,
    Shown,
    choose,
    choose_thresholds,
    customer_sums,
    surplus_bound,
    thresholds_to_try,
)

WANTED, CONFIDENCE = 0.58, 0.9
LOWEST, HIGHEST, WHIM = 0.15, 0.85, 0.15
OFFERS = SHOWN * REQUESTS_OF_CUSTOMER
"""Offers of a simulated customer: as many as the bound allows for."""


def simulated(customers: int, random: np.random.Generator) -> Shown:
    """Relevances that are true on average; every customer buys somewhat more, or less, than they say."""
    unit = np.repeat(np.arange(customers), OFFERS)
    relevance = random.uniform(LOWEST, HIGHEST, len(unit)).astype(np.float32)
    whim = random.choice([-WHIM, WHIM], customers)[unit]
    return Shown(0 * unit, relevance, (random.random(len(unit)) < relevance + whim).astype(np.float32), unit)


def true_precision(threshold: float) -> float:
    """Of all offers at or above a threshold: the mean of a uniform relevance."""
    return (max(threshold, LOWEST) + HIGHEST) / 2


def hand_made(relevance: list[float], bought: list[int]) -> Shown:
    """Offers of as many customers, each line repeated for 100 of them."""
    n = len(relevance) * 100
    return Shown(
        np.zeros(n, dtype=np.int64),
        np.repeat(np.array(relevance, dtype=np.float32), 100),
        np.repeat(np.array(bought, dtype=np.float32), 100),
        np.arange(n),
    )


def test_a_certificate_is_broken_no_more_often_than_its_confidence_allows() -> None:
    random = np.random.default_rng(7)
    repeats, certified, broken, naive = 300, 0, 0, 0
    for _ in range(repeats):
        calibrate, certify = simulated(150, random), simulated(400, random)
        chosen = choose("cross-sell", calibrate, certify, WANTED, CONFIDENCE)
        assert chosen.threshold is not None
        certified += chosen.certified
        broken += chosen.certified and true_precision(chosen.threshold) < WANTED
        lowest = min(t for t in thresholds_to_try(calibrate) if certify.bought[certify.relevance >= t].mean() >= WANTED)
        naive += true_precision(lowest) < WANTED
    delta = 1 - CONFIDENCE
    allowed = repeats * delta + 3 * np.sqrt(repeats * delta * (1 - delta))
    assert certified > repeats / 2, "a test that certifies nothing shows nothing"
    assert broken <= allowed
    assert naive > allowed, "without the bound the same data would break the promise"


def test_where_all_above_a_relevance_buy_that_relevance_is_the_threshold() -> None:
    offers = hand_made([0.1, 0.3, 0.9] * 20, [0, 0, 1] * 20)
    chosen = choose("add-on", offers, offers, 0.8, CONFIDENCE)
    assert chosen.certified
    assert chosen.threshold is not None
    assert chosen.threshold == pytest.approx(0.6)
    assert chosen.offers == 2000
    assert chosen.precision == 1.0


def test_a_kind_that_cannot_reach_what_is_wanted_stays_silent_and_says_what_it_reached() -> None:
    offers = hand_made([0.1, 0.2, 0.2, 0.2], [0, 1, 0, 0])
    chosen = choose("upsell", offers, offers, 0.9, CONFIDENCE)
    assert chosen.threshold is None
    assert not chosen.certified
    assert chosen.offers == 0
    assert np.isnan(chosen.precision)
    assert chosen.reachable == pytest.approx(1 / 3)


def test_without_enough_customers_the_threshold_holds_without_a_certificate() -> None:
    random = np.random.default_rng(7)
    chosen = choose("cross-sell", simulated(100, random), simulated(5, random), WANTED, CONFIDENCE)
    assert chosen.threshold is not None
    assert not chosen.certified


def test_a_wanted_precision_of_zero_shows_everything() -> None:
    random = np.random.default_rng(7)
    calibrate = simulated(100, random)
    chosen = choose("cross-sell", calibrate, simulated(300, random), 0.0, CONFIDENCE)
    assert chosen.threshold is not None
    assert chosen.threshold <= calibrate.relevance.min()


def test_no_threshold_that_shows_too_few_is_tried() -> None:
    random = np.random.default_rng(7)
    offers = simulated(30, random)
    assert all((offers.relevance >= t).sum() >= MIN_OFFERS for t in thresholds_to_try(offers))
    few = Shown(offers.kind[:10], offers.relevance[:10], offers.bought[:10], offers.unit[:10])
    assert thresholds_to_try(few) == []


def test_thresholds_are_float32_numbers_so_that_the_graph_compares_the_same() -> None:
    grid = thresholds_to_try(simulated(50, np.random.default_rng(7)))
    assert grid == sorted(grid)
    assert [float(np.float32(t)) for t in grid] == grid


def test_no_threshold_lies_on_a_relevance_that_occurs() -> None:
    offers = hand_made([0.1, 0.3, 0.9], [0, 0, 1])
    assert thresholds_to_try(offers) == pytest.approx([0.05, 0.2, 0.6])


def test_the_rows_that_certify_do_not_choose_what_is_tried() -> None:
    random = np.random.default_rng(7)
    calibrate, certify = simulated(150, random), simulated(400, random)
    lucky = Shown(certify.kind, certify.relevance, np.ones_like(certify.bought), certify.unit)
    chosen = choose("cross-sell", calibrate, lucky, WANTED, CONFIDENCE)
    assert chosen.threshold in thresholds_to_try(calibrate)


def test_a_customers_offers_are_one_sum() -> None:
    shown = Shown(
        np.zeros(4, dtype=np.int64),
        np.array([0.9, 0.9, 0.1, 0.9], dtype=np.float32),
        np.array([1, 0, 1, 1], dtype=np.float32),
        np.array([7, 7, 7, 9]),
    )
    assert customer_sums(shown, 0.5, 0.2) == pytest.approx([0.8 - 0.2, 0.8])


@pytest.mark.parametrize("n", [0, 1])
def test_one_customer_proves_nothing(n: int) -> None:
    assert surplus_bound(np.ones(n), WANTED, CONFIDENCE) == -np.inf


def test_the_bound_rises_with_the_customers_and_falls_with_the_confidence() -> None:
    random = np.random.default_rng(7)
    sums = random.normal(1.0, 0.5, 5000)
    assert surplus_bound(sums[:200], WANTED, 0.9) < surplus_bound(sums, WANTED, 0.9) < sums.mean()
    assert surplus_bound(sums, WANTED, 0.99) < surplus_bound(sums, WANTED, 0.9)


def test_every_kind_gets_its_own_threshold() -> None:
    offers = hand_made([0.1, 0.9] * 10, [0, 1] * 10)
    kinds = Shown(offers.kind + 3, offers.relevance, offers.bought, offers.unit)
    chosen = choose_thresholds(kinds, kinds, dict.fromkeys(KINDS, 0.8), CONFIDENCE)
    assert list(chosen) == list(KINDS)
    assert [kind for kind, c in chosen.items() if c.threshold is not None] == ["more-of-same"]
