"""From what is wanted of a kind to its threshold: a least precision, a largest coverage, or a cost made good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.names import Kind
from mersalg_training.calibration.betting import above_zero, certified_share, mean_square
from mersalg_training.calibration.scored_offers import ScoredOffers, tallies
from mersalg_training.config import TargetConfig
from mersalg_training.data.timeline import Float32, Float64, Int64

REQUESTS_OF_CUSTOMER: Final = 12
"""Requests of one customer that count at most: more of them say ever less that is new."""
STEPS: Final = 40
MIN_OFFERS: Final = 50
"""A threshold that shows fewer offers of the fitting half is no candidate."""
NEARBY: Final = 0.005
"""A threshold moves by at most so large a share of the offers to lie in a wide gap."""
MIN_POSITIVE: Final = 1e-9
"""Stands for a least sum of 0, where a precision of 0 is wanted."""


def thresholds_to_try(shown: ScoredOffers) -> list[float]:
    """Ascending relevances, as float32 numbers, that show at least MIN_OFFERS of the fitting half."""
    if len(shown.relevance) < MIN_OFFERS:
        return []
    top = np.sort(shown.relevance)[: len(shown.relevance) - MIN_OFFERS + 1]
    lowest_shown = np.quantile(top, 1.0 - np.geomspace(1e-4, 1.0, STEPS), method="lower")
    gaps = gaps_of(shown.relevance)
    return sorted({gaps.nearest(float(relevance), top[-1]) for relevance in np.unique(lowest_shown)})


@dataclass(frozen=True)
class Gaps:
    """The relevances that occur, ascending, from a 0 below all of them."""

    occurring: Float32
    below: Int64
    """How many offers lie below each of them, but for the 0."""
    reach: float
    """Offers that a threshold may move over."""

    def nearest(self, least: float, most: float = np.inf) -> float:
        """The middle of the widest gap close to a relevance that is to be shown, a float32 number.

        Trees give the same score again and again, and a threshold on such a score, or close to it, would leave the
        decision to its last bits, which another runtime may round otherwise. No relevance above `most` is hidden.
        """
        place = int(np.clip(np.searchsorted(self.occurring, np.float32(least)), 1, len(self.occurring) - 1))
        first, last = np.searchsorted(
            self.below, [self.below[place - 1] - self.reach, self.below[place - 1] + self.reach], side="left"
        )
        last = max(place, min(last, int(np.searchsorted(self.occurring, np.float32(most), side="right")) - 1))
        gaps = np.diff(self.occurring[first : last + 1])
        widest = int(first) + int(np.argmax(gaps))
        return float((self.occurring[widest] + self.occurring[widest + 1]) / np.float32(2.0))


def gaps_of(relevance: Float32) -> Gaps:
    """The gaps between relevances (n,), n >= 1."""
    occurring, times = np.unique(relevance, return_counts=True)
    below = np.append(0, np.cumsum(times))[:-1]
    return Gaps(np.append(np.float32(0.0), occurring), below, NEARBY * len(relevance))


def for_precision(
    grid: list[float], fitting: ScoredOffers, certify: ScoredOffers, wanted: float, confidence: float
) -> tuple[float | None, bool]:
    """The lowest threshold that is certified to keep a precision, and that it is; else the lowest that merely does.

    The walk starts where the fitting half is surest and goes down until a test fails: fixed-sequence testing. Without
    a certificate a threshold has to hold on both halves; None where there is none.
    """
    certified = walk_down(grid, fitting, certify, wanted, confidence)
    if certified is not None:
        return certified, True
    held = (t for t in grid if fitting.precision(t) >= wanted and certify.precision(t) >= wanted)
    return next(held, None), False


def walk_down(
    grid: list[float], fitting: ScoredOffers, certify: ScoredOffers, wanted: float, confidence: float
) -> float | None:
    """The lowest threshold that the certifying half proves, all above it on the walk being proved too."""
    if not grid or not len(certify.unit):
        return None
    guess_hits, guess_offers = tallies(fitting, grid)
    most = guess_offers.max(axis=0)
    hits, offers = at_most(*tallies(certify, grid), most)
    guess, surplus = guess_hits - wanted * guess_offers, hits - wanted * offers
    start = int(np.argmax(guess.sum(axis=0) / np.maximum(np.sqrt((guess**2).sum(axis=0)), MIN_POSITIVE)))
    proved = above_zero(surplus, -np.maximum(most * wanted, MIN_POSITIVE), mean_square(guess), confidence)
    proved &= surplus.sum(axis=0) >= 0.0
    steps = int(np.argmin(np.append(proved[start::-1], False)))
    return grid[start + 1 - steps] if steps else None


def at_most(hits: Float64, offers: Float64, most: Float64) -> tuple[Float64, Float64]:
    """Hits and offers of each unit, (n_units, k), those with more offers than `most`, (k,), weighed down to it.

    So a sum is bounded, by a number that the certifying half had no part in, and no customer decides alone.
    """
    weight = np.minimum(1.0, most / np.maximum(offers, 1.0))
    return hits * weight, offers * weight


def for_coverage(grid: list[float], fitting: ScoredOffers, kind: Kind, coverage: float) -> float | None:
    """The lowest threshold at which no larger share of the requests sees an offer; None where every one shows more."""
    return next((t for t in grid if fitting.coverage(t, kind) <= coverage), None)


def for_relevance(fitting: ScoredOffers, least: float) -> float | None:
    """A threshold by the calibrated relevance itself; None where too few offers of the fitting half reach it."""
    reached = fitting.relevance[fitting.relevance >= np.float32(least)]
    return gaps_of(fitting.relevance).nearest(float(reached.min())) if len(reached) >= MIN_OFFERS else None


def break_even(target: TargetConfig, fitting: ScoredOffers) -> float | None:
    """The relevance from which on an offer pays: cost / (cost + margin); None where no margin is stated or known.

    The margin of a kind is the mean over the offers that would be shown (the price where the cost is unknown).
    """
    if target.cost_ratio is not None:
        return target.cost_ratio / (1.0 + target.cost_ratio)
    cost, margin = target.cost or 0.0, target.margin
    if margin is None:
        worth = fitting.worth[np.isfinite(fitting.worth)]
        margin = float(worth.mean()) if len(worth) else 0.0
    return cost / (cost + margin) if margin > 0.0 else None


def certified_precision(fitting: ScoredOffers, certify: ScoredOffers, threshold: float, confidence: float) -> float:
    """What is proved of the precision at a threshold that the certifying half had no part in; 0.0 for nothing."""
    guess_hits, guess_offers = tallies(fitting, [threshold])
    most = guess_offers.max(axis=0)
    hits, offers = at_most(*tallies(certify, [threshold]), most)
    guess = guess_hits[:, 0], guess_offers[:, 0]
    return certified_share(hits[:, 0], offers[:, 0], float(most[0]), guess, confidence)
