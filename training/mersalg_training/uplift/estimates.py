"""Effects with intervals, by tea-tasting: Welch's test, the delta method for ratios, CUPED. Its only module here.

Deng, Xu, Kohavi, Walker 2013 (CUPED); Deng, Knoblich, Lu 2018 (delta method).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tea_tasting
import tea_tasting.aggr
from scipy.stats import norm

from mersalg_training.uplift.always_valid import MIN_LOOK, always_valid_half
from mersalg_training.uplift.measures import Measure
from mersalg_training.uplift.outcomes import Booleans, Float64

POWER: Final = 0.8
NOISE: Final = 1e-9
"""A spread below it, relative to the values, is rounding."""


@dataclass(frozen=True)
class Effect:
    """Treatment minus control of one measure."""

    control: float
    treatment: float
    effect: float
    low: float
    high: float
    """Of the effect, at the confidence: for a single look at a time fixed before."""
    always_low: float | None
    always_high: float | None
    """The same at every look; None below 100 units in the smaller arm."""
    relative: float | None
    """effect / control; None where control is not above 0. So are its bounds, for a single look."""
    relative_low: float | None
    relative_high: float | None
    p_value: float
    standard_error: float
    variance_saved: float | None
    """The share of the variance that CUPED takes away; None where nothing lies before the assignment."""
    units_control: int
    units_treatment: int


def compare(
    measure: Measure,
    columns: Mapping[str, Float64],
    treated: Booleans,
    confidence: float,
    planned_units: int,
) -> Effect | None:
    """The effect of a measure; columns are (n,) each, treated (n,) says which arm.

    None where there is nothing to compare: fewer than two units in an arm, no variance in either, or so much of it by a
    few units that no interval has an end.
    """
    if min(treated.sum(), (~treated).sum()) < 2 or is_empty(measure, columns, treated):
        return None
    adjusted = measure if has_before(measure, columns) else without_before(measure)
    arms = [moments(adjusted, columns, side) for side in (~treated, treated)]
    try:
        result = tea_metric(adjusted, confidence).analyze_aggregates(*arms)
    except OverflowError:  # of the relative interval
        return None
    error = standard_error(adjusted, arms, result)
    if not (math.isfinite(result.effect_size) and math.isfinite(error) and error > 0.0):
        return None
    saved = None
    if adjusted.before is not None:
        plain = without_before(adjusted)
        saved = 1.0 - (error / standard_error(plain, arms, tea_metric(plain, 0.95).analyze_aggregates(*arms))) ** 2
    units = [int((~treated).sum()), int(treated.sum())]
    half = always_valid_half(error, sum(units), planned_units, confidence)
    trusted = min(units) >= MIN_LOOK
    positive = result.control > 0.0 and result.treatment > 0.0
    return Effect(
        control=float(result.control),
        treatment=float(result.treatment),
        effect=float(result.effect_size),
        low=float(result.effect_size_ci_lower),
        high=float(result.effect_size_ci_upper),
        always_low=float(result.effect_size) - half if trusted else None,
        always_high=float(result.effect_size) + half if trusted else None,
        relative=float(result.rel_effect_size) if positive else None,
        relative_low=float(result.rel_effect_size_ci_lower) if positive else None,
        relative_high=float(result.rel_effect_size_ci_upper) if positive else None,
        p_value=float(result.pvalue),
        standard_error=error,
        variance_saved=saved,
        units_control=units[0],
        units_treatment=units[1],
    )


def is_empty(measure: Measure, columns: Mapping[str, Float64], treated: Booleans) -> bool:
    """Whether an arm has nothing under the line, or neither arm has variance."""
    sides = [{name: columns[name][side] for name in measure.columns} for side in (treated, ~treated)]
    if measure.under is not None and any(side[measure.under].sum() <= 0.0 for side in sides):
        return True
    return not any(varies(side, measure.over, measure.under) for side in sides)


def has_before(measure: Measure, columns: Mapping[str, Float64]) -> bool:
    """Whether anything lies before the assignment that can lower the variance."""
    return measure.before is not None and varies(columns, measure.before, measure.before_under)


def varies(columns: Mapping[str, Float64], over: str, under: str | None) -> bool:
    """Whether the mean, or the ratio of two means, has any variance; False where nothing is under the line."""
    values = columns[over]
    if under is not None:
        if columns[under].sum() <= 0.0:
            return False
        values = values - columns[under] * (values.sum() / columns[under].sum())
    return bool(np.abs(values - values.mean()).max() > NOISE * max(1.0, np.abs(columns[over]).max()))


def without_before(measure: Measure) -> Measure:
    """The measure as it is without CUPED."""
    return Measure(measure.name, measure.form, measure.over, measure.under, days=measure.days)


def moments(measure: Measure, columns: Mapping[str, Float64], side: Booleans) -> Any:
    """Count, means, variances and covariances of an arm, in tea-tasting's form."""
    names = list(dict.fromkeys(measure.columns))
    table: npt.NDArray[np.float64] = np.vstack([columns[name][side] for name in names])
    spread = np.atleast_2d(np.cov(table))
    places = range(len(names))
    return tea_tasting.aggr.Aggregates(
        count_=table.shape[1],
        mean_={names[i]: float(table[i].mean()) for i in places},
        var_={names[i]: float(spread[i, i]) for i in places},
        cov_={(names[i], names[j]): float(spread[i, j]) for i, j in combinations(places, 2)},
    )


def tea_metric(measure: Measure, confidence: float, **options: Any) -> Any:
    """The measure as a metric of tea-tasting: two-sided, unequal variances."""
    return tea_tasting.RatioOfMeans(
        measure.over,
        measure.under,
        measure.before,
        measure.before_under,
        alternative="two-sided",
        confidence_level=confidence,
        alpha=1.0 - confidence,
        equal_var=False,
        power=POWER,
        **options,
    )


def standard_error(measure: Measure, arms: list[Any], result: Any) -> float:
    """The standard error of what tea-tasting found; from the interval where the effect is nothing, 0 / 0."""
    if result.statistic:
        return float(result.effect_size / result.statistic)
    by_normal = tea_metric(measure, 0.95, use_t=False).analyze_aggregates(*arms)
    return float((by_normal.effect_size_ci_upper - by_normal.effect_size_ci_lower) / 2.0 / norm.ppf(0.975))


@dataclass(frozen=True)
class Power:
    """What the test can see at a single look, with 80 % power and the arms' shares as they are."""

    detectable: float
    """The relative effect that is found with as many units as there are."""
    units_needed: int
    """Units in both arms for the relative effect that is planned for."""


def power_of(
    measure: Measure, columns: Mapping[str, Float64], treated: Booleans, confidence: float, planned: float
) -> Power:
    """The power of a measure for which `compare` finds an effect relative to something above 0."""
    adjusted = measure if has_before(measure, columns) else without_before(measure)
    arms = [moments(adjusted, columns, side) for side in (~treated, treated)]
    both, ratio = arms[0] + arms[1], arms[1].count() / arms[0].count()
    seen = tea_metric(adjusted, confidence, ratio=ratio, use_t=False)
    wanted = tea_metric(adjusted, confidence, ratio=ratio, use_t=False, rel_effect_size=planned)
    return Power(
        float(seen.solve_power_from_aggregates(both, "rel_effect_size")[0].rel_effect_size),
        int(wanted.solve_power_from_aggregates(both, "n_obs")[0].n_obs),
    )
