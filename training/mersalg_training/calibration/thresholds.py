"""A threshold for each kind from what is wanted of it, and the certificate that it keeps its word.

Learn then test (Angelopoulos, Bates, Candes, Jordan and Lei, arXiv 2110.01052): thresholds are tested in an order that
the certifying rows do not influence, each by a finite-sample test of "the precision is below what is wanted"; the
first that cannot be rejected ends the search, so that all of them together err no more often than one. The unit that
is drawn is a customer, whose offers hang together: what is tested is the mean, over customers, of (label - wanted)
summed over the offers shown (`betting`). It is above 0 exactly where more than the wanted share of offers is bought.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.calibration.scored_offers import ScoredOffers, Tradeoff, tradeoff
from mersalg_training.calibration.targets import (
    MIN_OFFERS,
    WeakestTenth,
    break_even,
    certified_precision,
    for_coverage,
    for_floor,
    for_mean_precision,
    gaps_of,
    thresholds_to_try,
    weakest_tenth,
)
from mersalg_training.config import ThresholdConfig

Way = Literal["precision", "mean_precision", "coverage", "cost"]
ROWS: Final = 8
"""Thresholds of a table of trade-offs, beside the chosen one."""
UNLUCKY: Final = 0.05
"""That none of so many offers was bought speaks against a kind where that would happen more rarely by chance."""
TOO_FEW: Final = f"fewer than {2 * MIN_OFFERS} offers of the kind would be shown in the calibration window"


@dataclass(frozen=True)
class Threshold:
    """What is decided for a kind."""

    kind: Kind
    way: Way
    """How the target was stated; a cost may be a ratio, too."""
    wanted: float
    """The precision that is to be certified: the one asked for, or the one that makes a cost good; for a coverage 0.

    For a precision or a cost no offer below it is shown.
    """
    threshold: float | None
    """Least relevance that is shown; None = the kind stays silent."""
    certified: bool
    promised: float
    """The certified precision; 0.0 without a certificate."""
    confidence: float
    shown: Tradeoff
    """What the threshold shows the certifying half."""
    best: Tradeoff
    """The same of the threshold that was the most precise on the fitting half."""
    weakest: WeakestTenth | None = None
    """What the least relevant of the shown offers are worth; None for a silent kind, or where too few tell."""
    silent_because: str | None = None
    tradeoffs: tuple[Tradeoff, ...] = field(default=(), repr=False)
    """From the lowest threshold to the highest, the chosen one among them."""

    @property
    def offers(self) -> int:
        """Offers of the certifying half that the threshold shows."""
        return self.shown.offers

    @property
    def precision(self) -> float:
        """Their realised precision; NaN without any."""
        return self.shown.precision

    @property
    def reachable(self) -> float:
        """The highest precision that can be reached; 0.0 where too few offers tell."""
        return self.best.precision if np.isfinite(self.best.precision) else 0.0


def choose_thresholds(fitting: ScoredOffers, certify: ScoredOffers, config: ThresholdConfig) -> dict[Kind, Threshold]:
    """A threshold for each kind, from the two halves of the customers."""
    return {kind: choose(kind, config, fitting.of_kind(kind), certify.of_kind(kind)) for kind in KINDS}


@dataclass(frozen=True)
class Aimed:
    """A threshold found, before it is known what it shows."""

    way: Way
    wanted: float
    threshold: float | None
    promised: float
    why_none: str
    """What to say where there is no threshold."""
    tried: int = 1
    """Among how many thresholds the certifying half chose."""


def choose(kind: Kind, config: ThresholdConfig, fitting: ScoredOffers, certify: ScoredOffers) -> Threshold:
    """The threshold of one kind from its rows of both halves, what is certified of it, and what others would give."""
    grid = thresholds_to_try(fitting)
    best = max(grid, key=fitting.precision, default=np.inf)
    reached = tradeoff(certify, kind, best)
    aimed = aim(kind, config, grid, fitting, certify)
    certified = aimed.promised >= aimed.wanted and aimed.promised > 0.0
    threshold, why = aimed.threshold, aimed.why_none
    if threshold is not None and not certified and config.uncertified == "silent":
        threshold, why = None, "too few customers to certify what is wanted"
    if aimed.way in ("mean_precision", "coverage") and np.isfinite(reached.precision):
        why += f"; at best {reached.precision:.1%} is bought, shown to {reached.coverage:.1%} of the requests"
    spread = np.linspace(0, len(grid) - 1, min(ROWS, len(grid))).round().astype(np.int64).tolist()
    rows = {*(grid[step] for step in spread), *([] if threshold is None else [threshold])}
    return Threshold(
        kind=kind,
        way=aimed.way,
        wanted=aimed.wanted,
        threshold=threshold,
        certified=certified and threshold is not None,
        promised=0.0 if threshold is None else aimed.promised,
        confidence=config.confidence,
        shown=tradeoff(certify, kind, np.inf if threshold is None else threshold),
        best=reached,
        weakest=None
        if threshold is None
        else weakest_tenth(fitting, certify, threshold, config.confidence, aimed.tried),
        silent_because=why if threshold is None else None,
        tradeoffs=tuple(tradeoff(certify, kind, row) for row in sorted(rows)),
    )


def aim(kind: Kind, config: ThresholdConfig, grid: list[float], fitting: ScoredOffers, certify: ScoredOffers) -> Aimed:
    """The threshold that the target asks for.

    For a precision, of each offer or of the mean, the certifying half chooses among thresholds by tests. For a coverage
    or a cost the fitting half alone gives the threshold, and what the certifying half proves is promised.
    """
    target = config.target(kind)
    if target.precision is not None:
        return aim_at_floor(target.precision, config.confidence, grid, fitting, certify)
    if target.mean_precision is not None:
        wanted = target.mean_precision
        threshold, promised = for_mean_precision(grid, fitting, certify, wanted, config.confidence)
        why = f"no threshold keeps {wanted:.1%}" if grid else TOO_FEW
        return Aimed("mean_precision", wanted, threshold, promised, why, max(1, len(grid)))
    if target.coverage is not None:
        way: Way = "coverage"
        wanted, threshold = 0.0, for_coverage(grid, fitting, kind, target.coverage)
        why = f"every threshold shows an offer to more than {target.coverage:.1%} of the requests" if grid else TOO_FEW
    else:
        way, even = "cost", break_even(target, fitting)
        if even is None:
            return Aimed(way, 1.0, None, 0.0, "a cost is to be made good, and no margin, cost or price is known")
        wanted, why = even, why_unreached(even, fitting, certify)
        threshold = None if why else gaps_of(fitting.relevance).floor(even)
    promised = 0.0 if threshold is None else certified_precision(fitting, certify, threshold, config.confidence)
    return Aimed(way, wanted, threshold, promised, why)


def aim_at_floor(
    wanted: float, confidence: float, grid: list[float], fitting: ScoredOffers, certify: ScoredOffers
) -> Aimed:
    """The lowest threshold, none below the wanted relevance, at which what is shown keeps it together, too."""
    if why := why_unreached(wanted, fitting, certify):
        return Aimed("precision", wanted, None, 0.0, why)
    floor = gaps_of(fitting.relevance).floor(wanted)
    from_floor = [floor, *(threshold for threshold in grid if threshold > floor)]
    threshold, promised = for_floor(from_floor, fitting, certify, wanted, confidence)
    why = f"what is shown from a relevance of {wanted:.1%} on, or higher, is bought less often than that"
    return Aimed("precision", wanted, threshold, promised, why, len(from_floor))


def why_unreached(least: float, fitting: ScoredOffers, certify: ScoredOffers) -> str:
    """Why no threshold can be set at a relevance; empty where one can."""
    relevance = np.concatenate([fitting.relevance, certify.relevance])
    if not len(relevance):
        return "no offer of the kind would be shown in the calibration window"
    bought = fitting.label.any() or certify.label.any()
    if not bought and (1.0 - least) ** len(relevance) < UNLUCKY:
        return f"none of the {len(relevance):,} offers of the kind was bought in the calibration window"
    best = float(relevance.max())
    return "" if best >= least else f"no offer reaches a relevance of {least:.1%}, the best has {best:.1%}"
