"""Shares, ratios and areas with intervals whose unit is the customer, in closed form.

An estimate's influence values are summed by customer, and the sums' variance gives its error (for the area under the
curve Obuchowski, Nonparametric analysis of clustered ROC curve data, 1997). No draws: equal rows give equal figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.data.timeline import Float64, Int64

Z: Final = 2.5758
"""Half width of an interval in errors: 99 %, so that some fifteen tests of one check seldom raise a false alarm."""
GROUPS: Final = 10
"""Groups of equal size in a reliability table."""


@dataclass(frozen=True)
class Figure:
    """A figure with its standard error, on n rows."""

    value: float
    error: float
    n: int

    @property
    def low(self) -> float:
        """The low end of the 99 % interval."""
        return self.value - Z * self.error

    @property
    def high(self) -> float:
        """The high end of it."""
        return self.value + Z * self.error


@dataclass(frozen=True)
class Group:
    """Offers of like relevance."""

    promised: float
    """Mean relevance."""
    came: float
    """The share whose outcome came."""
    error: float
    n: int


def clustered_error(influence: Float64, unit: Int64) -> float:
    """The standard error of an estimate from its influence values (n,), which sum to 0.

    Of one unit nothing is known: 1, more than the error of any share.
    """
    _, place = np.unique(unit, return_inverse=True)
    sums = np.bincount(place, weights=influence)
    n = len(sums)
    return float(np.sqrt(n / (n - 1) * np.square(sums).sum())) if n > 1 else 1.0


def share(came: Float64, unit: Int64) -> Figure:
    """The mean of an outcome of 0 or 1, (n,), n >= 1.

    Its error is never below that of as many independent rows with one more of each outcome: none that came is no proof
    that none can.
    """
    n, mean = len(came), float(came.mean())
    smoothed = (came.sum() + 1.0) / (n + 2.0)
    floor = float(np.sqrt(smoothed * (1.0 - smoothed) / n))
    return Figure(mean, max(clustered_error((came - mean) / n, unit), floor), n)


def came_over_promised(came: Float64, relevance: Float64, unit: Int64) -> Figure:
    """The sum of the outcomes over the sum of the relevances, (n,) each; 1 = as promised."""
    promised = float(relevance.sum())
    ratio = float(came.sum()) / promised
    floor = share(came, np.arange(len(came))).error * len(came) / promised
    return Figure(ratio, max(clustered_error((came - ratio * relevance) / promised, unit), floor), len(came))


def area(score: Float64, came: Float64, unit: Int64) -> Figure | None:
    """How often an offer that came has a higher score than one that did not (AUC), ties by half; None without both."""
    one = came > 0.5
    if not one.any() or one.all():
        return None
    above, below = np.sort(score[~one]), np.sort(score[one])

    def rank_in(values: Float64, of: Float64) -> Float64:
        first, last = np.searchsorted(values, of, "left"), np.searchsorted(values, of, "right")
        return np.asarray((first + last) / 2.0 / len(values), dtype=np.float64)

    wins = np.where(one, rank_in(above, score), 1.0 - rank_in(below, score))
    value = float(wins[one].mean())
    weight = np.where(one, 1.0 / one.sum(), 1.0 / (~one).sum())
    return Figure(value, clustered_error((wins - value) * weight, unit), len(score))


def reliability(relevance: Float64, came: Float64, unit: Int64) -> list[Group]:
    """At most GROUPS groups of equal size by ascending relevance, (n,) each; no rows, no groups."""
    if not len(relevance):
        return []
    order = np.argsort(relevance, kind="stable")
    groups = []
    for rows in np.array_split(order, min(GROUPS, len(order))):
        result = share(came[rows], unit[rows])
        groups.append(Group(float(relevance[rows].mean()), result.value, result.error, result.n))
    return groups


def calibration_error(groups: list[Group]) -> tuple[float, float]:
    """The expected calibration error, and the part of it that noise alone gives where every group keeps its promise.

    The mean of |promised - came| over the rows; a normal error e has a mean size of e * sqrt(2 / pi).
    """
    n = np.array([group.n for group in groups], dtype=np.float64)
    gap = np.array([abs(group.promised - group.came) for group in groups])
    error = np.array([group.error for group in groups])
    return float(gap @ n / n.sum()), float(error @ n / n.sum() * np.sqrt(2.0 / np.pi))
