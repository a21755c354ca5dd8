"""Do the intervals keep their word? Truths are known; shares of coverage are held against their own binomial spread."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mersalg_training.uplift.always_valid import always_valid_half, always_valid_ratio
from mersalg_training.uplift.estimates import Effect, compare, power_of
from mersalg_training.uplift.measures import Measure
from mersalg_training.uplift.outcomes import Booleans, Float64

REVENUE = Measure("revenue per customer", "money", "revenue", before="pre revenue")
PER_ORDER = Measure("revenue per order", "money", "revenue", "orders", "pre revenue", "pre orders")
Columns = dict[str, Float64]


def shoppers(random: np.random.Generator, n: int, effect: float) -> tuple[Columns, Booleans]:
    """Shoppers with skewed spending and a rhythm of their own; each order of the treated costs `effect` more."""
    level, rhythm = random.gamma(4.0, 5.0, n), random.gamma(3.0, 1.0, n)
    treated = random.random(n) < 0.5
    columns = {}
    for when, more in (("pre ", 0.0), ("", effect)):
        orders = random.poisson(rhythm)
        columns[when + "orders"] = orders.astype(np.float64)
        columns[when + "revenue"] = random.gamma(2.0 * orders + 1e-9, level / 2.0) + more * treated * orders
    return columns, treated


def estimate(measure: Measure, n: int, effect: float, seed: int) -> Effect:
    columns, treated = shoppers(np.random.default_rng(seed), n, effect)
    found = compare(measure, columns, treated, 0.95, 10_000)
    assert found is not None
    return found


def expected_misses(repeats: int, chance: float = 0.05) -> tuple[int, int]:
    """Between these lie the misses in all but one of 2,000 such tests."""
    return int(binom.ppf(0.00025, repeats, chance)), int(binom.ppf(0.99975, repeats, chance))


@pytest.mark.parametrize("effect", [0.0, 2.0])
@pytest.mark.parametrize(("measure", "per_unit"), [(REVENUE, 3.0), (PER_ORDER, 1.0)])
def test_the_interval_for_one_look_covers_the_truth_at_its_rate(
    measure: Measure, per_unit: float, effect: float
) -> None:
    repeats, truth = 200, effect * per_unit
    found = [estimate(measure, 500, effect, seed) for seed in range(repeats)]
    misses = sum(not e.low <= truth <= e.high for e in found)
    low, high = expected_misses(repeats)
    assert low <= misses <= high
    assert np.mean([e.effect for e in found]) == pytest.approx(truth, abs=4 * found[0].standard_error / repeats**0.5)


@pytest.mark.slow
def test_the_always_valid_interval_holds_under_peeking_where_the_plain_one_does_not() -> None:
    repeats, missed, missed_plain = 150, 0, 0
    for seed in range(repeats):
        columns, treated = shoppers(np.random.default_rng(seed), 2_400, 2.0)
        looks = [
            compare(REVENUE, {name: values[:n] for name, values in columns.items()}, treated[:n], 0.95, 2_000)
            for n in range(300, 2_401, 300)
        ]
        assert all(e is not None and e.always_low is not None and e.always_high is not None for e in looks)
        missed += any(not e.always_low <= 6.0 <= e.always_high for e in looks)  # type: ignore[union-attr, operator]
        missed_plain += any(not e.low <= 6.0 <= e.high for e in looks)  # type: ignore[union-attr]
    assert missed <= expected_misses(repeats)[1]
    assert missed_plain > expected_misses(repeats)[1]


def test_what_was_before_lowers_the_variance_and_moves_no_truth() -> None:
    found = [estimate(REVENUE, 500, 2.0, seed) for seed in range(10)]
    assert all(e.variance_saved is not None and 0.0 < e.variance_saved < 0.5 for e in found)
    columns, treated = shoppers(np.random.default_rng(0), 500, 2.0)
    plain = compare(Measure("revenue", "money", "revenue"), columns, treated, 0.95, 10_000)
    assert plain is not None
    assert found[0].standard_error < plain.standard_error
    assert plain.variance_saved is None


def test_four_units_by_hand() -> None:
    """Control 1 and 3, treated 5 and 7: a difference of 4 with variance 2/2 + 2/2; Welch has 2 degrees of freedom."""
    columns = {"revenue": np.array([1.0, 3.0, 5.0, 7.0])}
    found = compare(Measure("revenue", "money", "revenue"), columns, np.array([False, False, True, True]), 0.95, 100)
    assert found is not None
    assert (found.control, found.treatment, found.effect) == (2.0, 6.0, 4.0)
    assert found.standard_error == pytest.approx(2.0**0.5)
    assert found.high - found.effect == pytest.approx(4.302652729911275 * 2.0**0.5)
    assert found.relative == pytest.approx(2.0)
    assert found.always_low is None


def test_a_ratio_counts_orders_not_customers() -> None:
    columns = {"revenue": np.array([10.0, 90.0, 20.0, 60.0]), "orders": np.array([1.0, 3.0, 1.0, 1.0])}
    treated = np.array([False, False, True, True])
    found = compare(Measure("revenue per order", "money", "revenue", "orders"), columns, treated, 0.95, 100)
    assert found is not None
    assert (found.control, found.treatment) == (25.0, 40.0)


@pytest.mark.parametrize(
    "columns",
    [
        {"revenue": np.zeros(6), "orders": np.zeros(6)},
        {"revenue": np.ones(6), "orders": np.ones(6)},
        {"revenue": np.array([1.0, 2, 3, 4, 5, 6]), "orders": np.array([1.0, 1, 1, 0, 0, 0])},
    ],
)
def test_where_nothing_can_be_compared_there_is_no_effect(columns: Columns) -> None:
    treated = np.array([False, False, False, True, True, True])
    assert compare(Measure("revenue per order", "money", "revenue", "orders"), columns, treated, 0.95, 100) is None


def test_one_unit_in_an_arm_is_too_few() -> None:
    columns = {"revenue": np.array([1.0, 2.0, 3.0])}
    treated = np.array([False, False, True])
    assert compare(Measure("revenue", "money", "revenue"), columns, treated, 0.95, 100) is None


def test_a_smaller_effect_needs_more_units_by_its_square() -> None:
    columns, treated = shoppers(np.random.default_rng(3), 2_000, 0.0)
    few, many = (power_of(REVENUE, columns, treated, 0.95, effect) for effect in (0.10, 0.05))
    assert many.units_needed / few.units_needed == pytest.approx(4.0, rel=0.02)
    assert few.detectable == many.detectable
    assert power_of(REVENUE, columns, treated, 0.95, few.detectable).units_needed == pytest.approx(2_000, rel=0.01)


def test_the_always_valid_interval_is_wider_than_the_one_for_a_single_look() -> None:
    """At its tightest, near the planned number of units, by less than two thirds."""
    assert 1.96 < always_valid_half(1.0, 10_000, 10_000, 0.95) < 1.96 * 5 / 3
    assert always_valid_half(1.0, 100, 10_000, 0.95) > always_valid_half(1.0, 10_000, 10_000, 0.95)


def test_the_sample_ratio_holds_at_every_look_and_finds_lost_units() -> None:
    shares, random = {"hold-out": 0.2, "champion": 0.8}, np.random.default_rng(4)
    names = np.array(["hold-out", "champion"])
    alarms = 0
    for _ in range(300):
        arms = names[(random.random(5_000) < 0.8).astype(int)]
        alarms += always_valid_ratio(arms, shares) < 0.05
    assert alarms <= expected_misses(300)[1]
    lossy = names[(random.random(20_000) < 0.78).astype(int)]
    assert always_valid_ratio(lossy, shares) < 0.001
    assert always_valid_ratio(np.array([], dtype=str), shares) == 1.0
