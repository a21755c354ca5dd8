"""A threshold for each kind from the precision that is wanted, and the certificate that it keeps its word.

Learn then test (Angelopoulos, Bates, Candes, Jordan and Lei, arXiv 2110.01052): thresholds are tested in a fixed order
that the certifying rows do not influence, each by a finite-sample test of "the precision is below what is wanted";
the first that cannot be rejected ends the search. The unit that is drawn is a customer, whose offers hang together:
the test is the empirical Bernstein bound (Maurer and Pontil, arXiv 0907.3740) on a customer's sum of
(bought - wanted) over the offers shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.timeline import Float32, Float64, Int64

SHOWN = 3
"""Offers of a kind that a request shows at most, best first."""
REQUESTS_OF_CUSTOMER = 6
"""Requests of one customer that count at most, so that a customer's sum is bounded."""
STEPS = 40
MIN_OFFERS = 50
"""A threshold that shows fewer offers of the calibration half is no candidate."""


@dataclass(frozen=True)
class Shown:
    """Offers that would be shown without a threshold, (n,) each: the best SHOWN of each kind and request."""

    kind: Int64
    relevance: Float32
    bought: Float32
    unit: Int64
    """The customer, or the order where there is none."""


@dataclass(frozen=True)
class Threshold:
    """What is decided for a kind."""

    kind: Kind
    wanted: float
    """The precision asked for."""
    threshold: float | None
    """Least relevance that is shown; None = the kind stays silent."""
    certified: bool
    confidence: float
    offers: int
    """Offers of the certifying half that the threshold shows."""
    precision: float
    """Their realised precision; NaN without any."""
    reachable: float
    """The highest precision that any threshold reached on the calibration half."""


def choose_thresholds(
    calibrate: Shown, certify: Shown, wanted: dict[Kind, float], confidence: float
) -> dict[Kind, Threshold]:
    """A threshold for each kind. Without enough rows to certify, the one that the calibration half supports."""
    return {
        kind: choose(kind, of_kind(calibrate, k), of_kind(certify, k), wanted[kind], confidence)
        for k, kind in enumerate(KINDS)
    }


def of_kind(shown: Shown, kind: int) -> Shown:
    """The rows of one kind."""
    rows = shown.kind == kind
    return Shown(shown.kind[rows], shown.relevance[rows], shown.bought[rows], shown.unit[rows])


def choose(kind: Kind, calibrate: Shown, certify: Shown, wanted: float, confidence: float) -> Threshold:
    """The lowest certified threshold; else the lowest that holds on the calibration half, uncertified; else silence."""
    grid = thresholds_to_try(calibrate)
    precisions = [precision(calibrate, t) for t in grid]
    reachable = max(precisions, default=0.0)
    certified = walk_down(grid, calibrate, certify, wanted, confidence)
    held = [t for t, p in zip(grid, precisions, strict=True) if p >= wanted]
    threshold = certified if certified is not None else min(held, default=None)
    shown = certify.relevance >= (np.inf if threshold is None else threshold)
    n = int(shown.sum())
    realised = float(certify.bought[shown].mean()) if n else float("nan")
    return Threshold(kind, wanted, threshold, certified is not None, confidence, n, realised, reachable)


def thresholds_to_try(shown: Shown) -> list[float]:
    """Ascending relevances, as float32 numbers, that show at least MIN_OFFERS of the calibration half.

    Each lies midway between two relevances that occur: trees give the same score again and again, and a threshold on
    such a score would leave the decision to its last bit, which another runtime may round otherwise.
    """
    if len(shown.relevance) < MIN_OFFERS:
        return []
    top = np.sort(shown.relevance)[: len(shown.relevance) - MIN_OFFERS + 1]
    lowest_shown = np.quantile(top, 1.0 - np.geomspace(1e-4, 1.0, STEPS), method="lower")
    occurring = np.append(0.0, np.unique(shown.relevance)).astype(np.float32)
    place = np.searchsorted(occurring, lowest_shown)
    midway = (occurring[place] + occurring[np.maximum(place - 1, 0)]) / np.float32(2.0)
    return [float(t) for t in np.unique(midway)]


def precision(shown: Shown, threshold: float) -> float:
    """Realised precision at a threshold."""
    rows = shown.relevance >= threshold
    return float(shown.bought[rows].mean()) if rows.any() else 0.0


def walk_down(grid: list[float], calibrate: Shown, certify: Shown, wanted: float, confidence: float) -> float | None:
    """The lowest threshold reached by fixed-sequence testing, which starts where the calibration half is surest."""
    if not grid:
        return None
    sure = [surplus_bound(customer_sums(calibrate, t, wanted), wanted, confidence) for t in grid]
    found: float | None = None
    for step in range(int(np.argmax(sure)), -1, -1):
        if surplus_bound(customer_sums(certify, grid[step], wanted), wanted, confidence) <= 0.0:
            break
        found = grid[step]
    return found


def customer_sums(shown: Shown, threshold: float, wanted: float) -> Float64:
    """(n_units,) sum of (bought - wanted) over each unit's offers at or above the threshold."""
    _, unit = np.unique(shown.unit, return_inverse=True)
    surplus = np.where(shown.relevance >= threshold, shown.bought - wanted, 0.0)
    return np.asarray(np.bincount(unit, weights=surplus), dtype=np.float64)


def surplus_bound(sums: Float64, wanted: float, confidence: float) -> float:
    """Lower confidence bound of the mean sum; above 0 the precision is above what is wanted.

    A sum lies in [-m * wanted, m * (1 - wanted)] with m = SHOWN * REQUESTS_OF_CUSTOMER, whatever the rows hold.
    """
    n = len(sums)
    if n < 2:
        return -np.inf
    log_term = np.log(2.0 / (1.0 - confidence))
    spread = np.sqrt(2.0 * sums.var(ddof=1) * log_term / n)
    return float(sums.mean() - spread - 7.0 * SHOWN * REQUESTS_OF_CUSTOMER * log_term / (3.0 * (n - 1)))
