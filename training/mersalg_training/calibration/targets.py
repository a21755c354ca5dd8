"""From what is wanted of a kind to its threshold: a floor, a mean precision, a coverage, or a cost made good."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
CLEARANCE: Final = 0.0001
"""A floor to which no relevance comes so near stays where it is: runtimes differ by no more."""
WEAKEST: Final = 0.1
"""Of what is shown, the share of the least relevance that is tested by itself."""
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
    up_to: Int64
    """How many offers have each of them or less; none has the 0."""
    reach: float
    """Offers that a threshold may move over."""

    def nearest(self, least: float, most: float = np.inf) -> float:
        """The middle of the widest gap close to a relevance that is to be shown, a float32 number.

        Trees give the same score again and again, and a threshold on such a score, or close to it, would leave the
        decision to its last bits, which another runtime may round otherwise. No relevance above `most` is hidden.
        """
        place = int(np.clip(np.searchsorted(self.occurring, np.float32(least)), 1, len(self.occurring) - 1))
        first, last = np.searchsorted(
            self.up_to, [self.up_to[place - 1] - self.reach, self.up_to[place - 1] + self.reach], side="left"
        )
        last = max(place, min(last, int(np.searchsorted(self.occurring, np.float32(most), side="right")) - 1))
        gaps = np.diff(self.occurring[first : last + 1])
        widest = int(first) + int(np.argmax(gaps))
        return float((self.occurring[widest] + self.occurring[widest + 1]) / np.float32(2.0))

    def floor(self, least: float) -> float:
        """The lowest place at or above a relevance to which no relevance comes near, a float32 number.

        Where every gap within reach is too narrow for that, the middle of the widest of them.
        """
        first = max(int(np.searchsorted(self.occurring, np.float32(least), side="left")) - 1, 0)
        last = int(np.searchsorted(self.up_to, self.up_to[first] + self.reach, side="right"))
        last = max(first + 1, min(last, len(self.occurring) - 1))
        low = self.occurring[first:last].astype(np.float64)
        high = np.append(self.occurring, np.inf)[first + 1 : last + 1]
        places = np.maximum(least, np.minimum(low + CLEARANCE, (low + high) / 2.0))
        clear = np.minimum(np.minimum(places - low, high - places).round(6), CLEARANCE)
        place = float(places[int(np.argmax(clear))])
        rounded = np.float32(place)
        return float(rounded if float(rounded) >= place else np.nextafter(rounded, np.float32(2.0)))


def gaps_of(relevance: Float32) -> Gaps:
    """The gaps between relevances (n,)."""
    occurring, times = np.unique(relevance, return_counts=True)
    return Gaps(np.append(np.float32(0.0), occurring), np.append(0, np.cumsum(times)), NEARBY * len(relevance))


def for_floor(
    grid: list[float], fitting: ScoredOffers, certify: ScoredOffers, wanted: float, confidence: float
) -> tuple[float | None, float]:
    """The lowest threshold that is certified to keep a precision, and the precision that it promises.

    grid: from the floor upwards; the floor itself is tested last, and once it has passed, ever larger shares of what
    it shows. Without a certificate the promise is 0, and the threshold is the floor where too few offers can speak
    against it, else the lowest that merely holds; None where none does.
    """
    certified = walk_down(grid, fitting, certify, wanted, confidence)
    if certified is not None:
        at_floor = certified == grid[0]
        more = certified_precision(fitting, certify, certified, confidence) if at_floor else wanted
        return certified, max(wanted, more)
    if sum(int((half.relevance >= grid[0]).sum()) for half in (fitting, certify)) < 2 * MIN_OFFERS:
        return grid[0], 0.0
    return lowest_that_holds(grid, fitting, certify, wanted), 0.0


def for_mean_precision(
    grid: list[float], fitting: ScoredOffers, certify: ScoredOffers, wanted: float, confidence: float
) -> tuple[float | None, float]:
    """The lowest threshold that is certified to keep a precision, which it promises; else the lowest that holds."""
    certified = walk_down(grid, fitting, certify, wanted, confidence)
    if certified is not None:
        return certified, wanted
    return lowest_that_holds(grid, fitting, certify, wanted), 0.0


def lowest_that_holds(grid: list[float], fitting: ScoredOffers, certify: ScoredOffers, wanted: float) -> float | None:
    """The lowest threshold that keeps a precision on both halves; None where there is none."""
    return next((t for t in grid if fitting.precision(t) >= wanted and certify.precision(t) >= wanted), None)


def walk_down(
    grid: list[float], fitting: ScoredOffers, certify: ScoredOffers, wanted: float, confidence: float
) -> float | None:
    """The lowest threshold that the certifying half proves to keep a precision; None where there is none.

    The walk starts where the fitting half is surest and goes down until a test fails: fixed-sequence testing.
    """
    if not grid or not len(fitting) or not len(certify):
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
    if not all((half.relevance >= threshold).any() for half in (fitting, certify)):
        return 0.0
    guess_hits, guess_offers = tallies(fitting, [threshold])
    most = guess_offers.max(axis=0)
    hits, offers = at_most(*tallies(certify, [threshold]), most)
    guess = guess_hits[:, 0], guess_offers[:, 0]
    return certified_share(hits[:, 0], offers[:, 0], float(most[0]), guess, confidence)


@dataclass(frozen=True)
class WeakestTenth:
    """The offers of the least relevance among those shown, of customers who had no part in fitting it."""

    offers: int
    customers: int
    promised: float
    """Their mean relevance."""
    realised: float
    """The share that was bought."""
    at_least: float
    """What is proved of that share, with the certificate's confidence; 0.0 for nothing,"""
    at_most: float
    """and from above, with the same confidence by itself; 1.0 for nothing."""


def weakest_tenth(
    fitting: ScoredOffers, certify: ScoredOffers, threshold: float, confidence: float, tried: int
) -> WeakestTenth | None:
    """Test the weakest offers that a threshold shows; None where a half shows none.

    The fitting half tells up to which relevance they reach, so that the certifying half has no part in it. tried: of
    how many thresholds the certifying half chose this one; each gets its share of the error that is allowed.
    """
    shown = fitting.relevance[fitting.relevance >= threshold]
    if not len(shown):
        return None
    most = np.quantile(shown, WEAKEST, method="inverted_cdf")
    weak, judged = (half.take((half.relevance >= threshold) & (half.relevance <= most)) for half in (fitting, certify))
    if not len(judged):
        return None
    for_each = 1.0 - (1.0 - confidence) / tried
    missed, missed_judged = (replace(half, label=1.0 - half.label) for half in (weak, judged))
    return WeakestTenth(
        offers=len(judged),
        customers=len(np.unique(judged.unit)),
        promised=float(judged.relevance.mean()),
        realised=float(judged.label.mean()),
        at_least=certified_precision(weak, judged, threshold, for_each),
        at_most=1.0 - certified_precision(missed, missed_judged, threshold, for_each),
    )
