"""Claims: a certificate promises what an exact bound of independent offers would, and no less than other bets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mersalg_training.calibration.betting import above_zero, certified_share
from mersalg_training.data.timeline import Float64
from references.environment import References

pytestmark = pytest.mark.long

CONFIDENCE = 0.9


def outcomes(rows: int, offers: int, precision: float, seed: int) -> Float64:
    return (np.random.default_rng(seed).random((rows, offers)) < precision).astype(np.float64)


def certified(rows: Float64, guess: Float64) -> Float64:
    """One offer a customer: the certified share of each row."""
    ones = np.ones(rows.shape[1])
    pairs = zip(rows, guess, strict=True)
    return np.array([certified_share(row, ones, 1.0, (other, ones), CONFIDENCE) for row, other in pairs])


def test_a_certificate_is_as_high_as_the_exact_binomial_bound() -> None:
    """On average over 40 logs at least 0.94 of Clopper and Pearson's, and above the truth as seldom as it may."""
    for offers, precision in ((100, 0.1), (300, 0.1), (1000, 0.3)):
        rows = outcomes(40, offers, precision, 1)
        ours, hits = certified(rows, outcomes(40, offers, precision, 2)), rows.sum(axis=1)
        exact = np.nan_to_num(stats.beta.ppf(1 - CONFIDENCE, hits, offers - hits + 1))
        assert ours.mean() > 0.94 * exact.mean()
        assert (ours > precision).sum() <= stats.binom.ppf(0.999, 40, 1 - CONFIDENCE)


def test_a_certificate_is_no_lower_than_confseq_s_betting_bound(references: References) -> None:
    """Waudby-Smith and Ramdas 2024, one-sided, of a number of offers that is known before: on average of 12 logs."""
    for precision in (0.1, 0.4):
        rows = outcomes(12, 300, precision, 3)
        found = references.ask("betting", outcomes=rows, confidence=CONFIDENCE)
        assert certified(rows, outcomes(12, 300, precision, 4)).mean() > found["low"].mean() - 0.002


def test_wealth_is_that_of_star_bets_written_out() -> None:
    """One column at a time, in money: the bet aims at what is missing with the customers that are left."""
    random = np.random.default_rng(5)
    sums, least, size = random.normal(0.08, 1.0, (150, 40)).clip(-2.0), np.full(40, -2.0), np.full(40, 0.7)
    expected = []
    for column in sums.T:
        wealth, squares, reached = 1.0, 20 * 0.7, False
        for turn, outcome in enumerate(column):
            missing = np.log(1 / ((1 - CONFIDENCE) * wealth))
            spread = squares / (20 + turn) * (len(column) - turn)
            wealth *= 1 + min(np.sqrt(2 * missing / spread), 0.9 / 2.0) * outcome
            squares += outcome**2
            if wealth >= 1 / (1 - CONFIDENCE):
                reached = True
                break
        expected.append(reached)
    assert above_zero(sums, least, size, CONFIDENCE).tolist() == expected
    assert 5 < sum(expected) < 35
