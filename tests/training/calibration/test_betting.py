"""Claims: betting proves a mean above zero as often as it may, and no more often, whatever the customers are like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg_training.calibration.betting import above_zero, certified_share, mean_square, surplus
from mersalg_training.data.timeline import Float64

CONFIDENCE = 0.9
MAX_OFFERS = 36
REPEATS = 1000
Uneven = tuple[Float64, Float64]


def customers(n: int, precision: float, random: np.random.Generator, repeats: int = REPEATS) -> Uneven:
    """(n, repeats) hits and offers: a few customers have most of the offers, and each has a whim of his own."""
    offers = np.minimum(np.ceil(1.5 * random.pareto(1.2, (n, repeats)) + 1e-9), MAX_OFFERS)
    whim = random.beta(2.0 * precision, 2.0 * (1.0 - precision), (n, repeats))
    return random.binomial(offers.astype(np.int64), whim).astype(np.float64), offers


def proved(n: int, precision: float, wanted: float, seed: int = 7) -> float:
    """How often it is proved that more than the wanted share is bought."""
    random = np.random.default_rng(seed)
    (hits, offers), (guess_hits, guess_offers) = (customers(n, precision, random) for _ in range(2))
    guess = mean_square(guess_hits - wanted * guess_offers)
    return float(above_zero(hits - wanted * offers, np.full(REPEATS, -MAX_OFFERS * wanted), guess, CONFIDENCE).mean())


@pytest.mark.parametrize("n", [10, 100, 500])
@pytest.mark.parametrize("wanted", [0.05, 0.2, 0.5])
def test_a_share_that_is_exactly_the_wanted_one_is_proved_to_be_more_no_more_often_than_allowed(
    n: int, wanted: float
) -> None:
    noise = 3 * np.sqrt((1 - CONFIDENCE) * CONFIDENCE / REPEATS)
    assert proved(n, wanted, wanted) <= 1 - CONFIDENCE + noise


def test_a_share_well_above_the_wanted_one_is_proved() -> None:
    assert proved(300, 0.1, 0.05) > 0.9
    assert proved(300, 0.4, 0.2) > 0.9


def test_a_wrong_guess_of_the_sums_costs_power_and_not_truth() -> None:
    random = np.random.default_rng(7)
    hits, offers = customers(200, 0.2, random)
    sums = hits - 0.2 * offers
    for size in (1e-6, 1e6):
        found = above_zero(sums, np.full(REPEATS, -0.2 * MAX_OFFERS), np.full(REPEATS, size), CONFIDENCE)
        assert found.mean() <= 1 - CONFIDENCE + 0.03


def test_nobody_proves_nothing() -> None:
    assert not above_zero(np.zeros((0, 2)), np.array([-1.0, -1.0]), np.ones(2), CONFIDENCE).any()
    nobody = np.zeros(0)
    assert certified_share(nobody, nobody, MAX_OFFERS, (nobody, nobody), CONFIDENCE) == 0.0


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.03, 0.2, 0.7]), st.integers(1, 120))
def test_what_is_proved_never_lies_above_what_was_seen(seed: int, precision: float, n: int) -> None:
    hits, offers = (column[:, 0] for column in customers(n, precision, np.random.default_rng(seed), repeats=1))
    share = certified_share(hits, offers, MAX_OFFERS, (hits, offers), CONFIDENCE)
    assert 0.0 <= share <= 1.0
    assert share == 0.0 or share <= hits.sum() / offers.sum()


def test_the_proved_share_rises_with_the_customers_and_falls_with_the_confidence() -> None:
    hits, offers = (column[:, 0] for column in customers(4000, 0.3, np.random.default_rng(3), repeats=1))

    def share(n: int, confidence: float) -> float:
        return certified_share(hits[:n], offers[:n], MAX_OFFERS, (hits[:n], offers[:n]), confidence)

    assert share(150, 0.9) < share(4000, 0.9) < 0.32
    assert share(4000, 0.99) < share(4000, 0.9)


def test_a_share_is_that_of_the_offers_and_not_of_the_customers() -> None:
    # A hundred customers with one offer that is bought, a hundred with nine that are not: one of ten, not one of two.
    hits, offers = np.tile([1.0, 0.0], 100), np.tile([1.0, 9.0], 100)
    share = certified_share(hits, offers, MAX_OFFERS, (hits, offers), CONFIDENCE)
    assert 0.05 < share < 0.1


def test_a_surplus_is_what_is_bought_beyond_the_wanted_share() -> None:
    np.testing.assert_allclose(surplus(np.array([2.0]), np.array([10.0]), np.array([0.1, 0.3])), [[1.0, -1.0]])
