"""Claims: errors and intervals are those of other libraries, of a paper's formula, or of a published value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import lambertw

from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.evaluation.clustered_intervals import area, came_over_promised, share
from mersalg_training.evaluation.metrics import mean, ratio, resample_customers, wilson
from mersalg_training.uplift.always_valid import CONCENTRATION, always_valid_half, always_valid_ratio
from references.environment import References

pytestmark = pytest.mark.long

LOOKS = [(2_000, 3.0, 10_000, 0.95), (10_000, 0.2, 10_000, 0.9), (50_000, 12.0, 5_000, 0.99)]
"""Units, variance, planned units, confidence."""
SHARES = (0.5, 0.3, 0.2)


def clustered(n: int = 3000, customers: int = 250) -> tuple[Float64, Float64, Int64]:
    """Outcomes, promises and customers: some have many offers, and each a whim of their own."""
    random = np.random.default_rng(8)
    unit = random.choice(customers, n, p=random.dirichlet(np.full(customers, 0.5)))
    promised = random.uniform(0.02, 0.6, n)
    whim = random.beta(2, 3, customers)[unit]
    return (random.random(n) < promised * 2 * whim).astype(np.float64), promised, unit


@pytest.fixture(scope="module")
def arms() -> Int64:
    """Units that come to three arms, in unlike shares from the thousandth on: (n, 3) of 0 and 1."""
    random = np.random.default_rng(3)
    arm = np.concatenate([random.choice(3, 1000, p=SHARES), random.choice(3, 1000, p=(0.40, 0.33, 0.27))])
    return np.eye(3, dtype=np.int64)[arm]


@pytest.fixture(scope="module")
def found(references: References, arms: Int64) -> dict[str, Float64]:
    came, promised, unit = clustered()
    hits, tries = np.array([0, 1, 7, 50, 99, 100]), np.array([10, 30, 20, 100, 100, 100])
    return references.ask(
        "intervals", came=came, promised=promised, unit=unit, hits=hits, tries=tries, looks=LOOKS,
        arms=arms, shares=SHARES, concentration=CONCENTRATION,
    )  # fmt: skip


def test_errors_by_customer_are_those_of_statsmodels(found: dict[str, Float64]) -> None:
    """To 1e-9: ordinary and weighted least squares of one column with errors by cluster."""
    came, promised, unit = clustered()
    mean_of, ratio_of = share(came, unit), came_over_promised(came, promised, unit)
    assert (mean_of.value, mean_of.error) == pytest.approx(tuple(found["mean"]), rel=1e-9)
    assert (ratio_of.value, ratio_of.error) == pytest.approx(tuple(found["ratio"]), rel=1e-9)
    assert mean_of.error > 1.5 * share(came, np.arange(len(came))).error, "customers matter here"


def test_the_bootstrap_by_customer_is_as_wide_as_the_closed_form(found: dict[str, Float64]) -> None:
    """Within 5 %: 4,000 draws of a skewed sum over 250 customers."""
    came, promised, unit = clustered()
    draws = resample_customers(unit, np.arange(len(unit)), np.random.default_rng(1), 4000)
    for estimate, (value, error) in (
        (mean(came, draws), found["mean"]),
        (ratio(came, promised, draws), found["ratio"]),
    ):
        assert estimate.value == pytest.approx(value, rel=1e-9)
        assert estimate.high - estimate.low == pytest.approx(2 * 1.959964 * error, rel=0.05)


def test_wilson_s_interval_is_that_of_statsmodels(found: dict[str, Float64]) -> None:
    """To 1e-7."""
    hits, tries = np.array([0, 1, 7, 50, 99, 100]), np.array([10, 30, 20, 100, 100, 100])
    assert np.stack(wilson(hits / tries, tries)) == pytest.approx(found["wilson"], abs=1e-7)


def test_the_error_of_the_area_is_obuchowski_s_formula() -> None:
    """To 1e-9, where every customer has offers that came and offers that did not; alone, DeLong's up to n / (n - 1)."""
    random = np.random.default_rng(6)
    unit = np.repeat(np.arange(60), 20)
    came = (random.random(1200) < 0.4).astype(np.float64)
    score = came + random.normal(0, 1.5, 1200) + random.normal(0, 1, 60)[unit]
    assert {int(came[unit == u].sum()) for u in range(60)}.isdisjoint({0, 20})
    result = area(score, came, unit)
    assert result is not None
    positive, negative = score[came == 1], score[came == 0]
    beats = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    value, of_positive, of_negative = beats.mean(), beats.mean(axis=1), beats.mean(axis=0)
    m, n, clusters = len(positive), len(negative), 60
    first = np.array([(of_positive[unit[came == 1] == u] - value).sum() for u in range(clusters)])
    second = np.array([(of_negative[unit[came == 0] == u] - value).sum() for u in range(clusters)])
    s10, s01, s11 = (
        clusters / (clusters - 1) * (a @ b) for a, b in ((first, first), (second, second), (first, second))
    )
    assert result.value == pytest.approx(value, rel=1e-12)
    assert result.error == pytest.approx(math.sqrt(s10 / m**2 + s01 / n**2 + 2 * s11 / (m * n)), rel=1e-9)
    alone = area(score, came, np.arange(1200))
    assert alone is not None
    assert alone.error == pytest.approx(math.sqrt(of_positive.var(ddof=1) / m + of_negative.var(ddof=1) / n), rel=2e-3)


def test_the_always_valid_width_is_a_published_one() -> None:
    """Howard et al. 2021, by the tests of their own confseq: rho 12.60056 and a bound of 30.35209 at a variance of 100.

    They are tightest at 100 by another approximation of the same optimum; with their rho ours is their bound, to 1e-4.
    """
    rho, bound, confidence = 12.60056, 30.35209, 0.95
    miss = -2 * math.log(1 - confidence)
    planned = rho * (miss + math.log(miss) + 1)  # units at which our width is tightest by our approximation
    assert 100 * always_valid_half(math.sqrt(1 / 100), 100, planned, confidence) == pytest.approx(bound, abs=1e-4)
    assert 100 * always_valid_half(math.sqrt(1 / 100), 100, 100, confidence) == pytest.approx(bound, rel=1e-4)


def test_the_always_valid_width_is_growthbook_s_and_johari_s(found: dict[str, Float64]) -> None:
    """To 1e-9 with the same rho: equation 9 of Waudby-Smith et al. 2024, and the mixture SPRT of Johari et al. 2022."""
    for (units, _, planned, confidence), (half, error, rho) in zip(LOOKS, found["widths"], strict=True):
        miss = -2 * math.log(1 - confidence)
        ours = always_valid_half(error, units, (miss + math.log(miss) + 1) / rho**2, confidence)
        assert ours == pytest.approx(half, rel=1e-9)
        assert always_valid_half(error, units, planned, confidence) == pytest.approx(half, rel=0.02)
        variance, spread = error**2 * units, error**2 * units * rho**2
        grown = variance + units * spread
        msprt = math.sqrt(variance * grown / (units**2 * spread) * (miss + math.log(grown / variance)))
        assert ours == pytest.approx(msprt, rel=1e-9)


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.99, 0.999])
def test_the_width_at_the_planned_units_is_the_least_that_any_mixture_has(confidence: float) -> None:
    """Within 0.1 %: the optimum in closed form is Lambert's W (Howard et al. 2021, equation 26)."""
    alpha = 1 - confidence
    best = -lambertw(-(alpha**2) / math.e, -1).real - 1
    least = math.sqrt((1 + 1 / best) * (math.log1p(best) - 2 * math.log(alpha)))
    assert always_valid_half(1.0, 500, 500, confidence) == pytest.approx(least, rel=1e-3)
    assert always_valid_half(1.0, 500, 500, confidence) >= least * (1 - 1e-12)
    assert least > stats.norm.ppf(1 - alpha / 2)


def test_the_sample_ratio_s_p_value_is_that_of_its_authors_package(found: dict[str, Float64], arms: Int64) -> None:
    """To 1e-9 at every look of Lindon and Malek's ssrm-test, with the same concentration."""
    names, shares = np.array(["a", "b", "c"])[arms.argmax(axis=1)], dict(zip("abc", SHARES, strict=True))
    looks = (1, 2, 10, 100, 999, 1500, 2000)
    ours = [always_valid_ratio(names[:n], shares) for n in looks]
    assert ours == pytest.approx([found["ratios"][n - 1] for n in looks], rel=1e-9)
    assert ours[-1] < 0.01 < ours[4]
