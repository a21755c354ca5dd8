"""What a log says by itself: how often its offers were accepted, by group and by the bundle's relevance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, MOMENTS
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64
from mersalg_training.evaluation.metrics import LEVEL, Estimate
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import BundlePolicy, rank_of_logged
from mersalg_training.off_policy.resampling import resample

DECILES: Final = 10
MIN_OFFERS: Final = 100
"""The offers that relevance groups, and an area, are told of."""
AUC_RESAMPLES: Final = 200


@dataclass(frozen=True)
class Accepted:
    """Acceptance of a group of logged offers."""

    group: str
    offers: int
    accepted: int
    rate: Estimate
    """Of the offers."""
    relevance: float | None = None
    """Their mean relevance, where the bundle answers for all of them."""


@dataclass(frozen=True)
class Agreement:
    """How far the bundle and the logging policy make the same offers."""

    requests: int
    with_offers: int
    """Requests in which the bundle shows an offer."""
    policy_offers: int
    shared: int
    """Offers of the bundle that the log made in the same request."""
    shown_too: Accepted | None
    """Acceptance of the logged offers that the bundle makes, too; None where there is none."""
    not_shown: Accepted | None


def accepted_by_group(offers: LoggedOffers, scored: ScoredOffers, random: np.random.Generator) -> list[Accepted]:
    """All offers, those of each moment, kind and position; a kind is the log's, or else the bundle's."""
    kind = np.where(offers.kind != UNKNOWN, offers.kind, scored.kind)

    def groups() -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        yield EVERY, np.ones(len(offers), dtype=np.bool_)
        yield from ((name, offers.moment == place) for place, name in enumerate(MOMENTS))
        yield from ((name, kind == place) for place, name in enumerate(KINDS))
        if offers.has_positions:
            yield from ((f"position {p}", offers.position == p) for p in np.unique(offers.position).tolist())

    return [acceptance(offers, rows, name, random) for name, rows in groups() if rows.any()]


def acceptance(
    offers: LoggedOffers,
    rows: npt.NDArray[np.bool_],
    group: str,
    random: np.random.Generator,
    relevance: float | None = None,
) -> Accepted:
    """Acceptance of some offers, (n,) bool, at least one, with its interval by customer."""
    n = len(offers.cases)
    shown, taken = (
        np.bincount(offers.request[rows], weights=values[rows], minlength=n).astype(np.float64)
        for values in (np.ones(len(offers)), offers.accepted)
    )
    asked = shown > 0
    sums = resample(offers.unit[asked], {"shown": shown[asked], "taken": taken[asked]}, random)
    return Accepted(
        group, int(shown.sum()), int(taken.sum()), sums.estimate(lambda s: s["taken"] / s["shown"]), relevance
    )


def agreement(offers: LoggedOffers, policy: BundlePolicy, n_products: int, random: np.random.Generator) -> Agreement:
    """What both show, and how it was accepted. That is no effect: the logging policy chose where to show it."""
    rank, _ = rank_of_logged(offers, policy, n_products)
    shared = rank > 0
    return Agreement(
        requests=len(offers.cases),
        with_offers=len(np.unique(policy.request)),
        policy_offers=len(policy.request),
        shared=int(shared.sum()),
        shown_too=acceptance(offers, shared, "the bundle shows it, too", random) if shared.any() else None,
        not_shown=acceptance(offers, ~shared, "the bundle does not", random) if not shared.all() else None,
    )


def by_relevance(offers: LoggedOffers, scored: ScoredOffers, random: np.random.Generator) -> list[Accepted]:
    """Acceptance by tenths of the score, by which a bundle ranks; empty with fewer than MIN_OFFERS answered offers.

    The lowest tenth comes first. Equal scores stay together, so that tenths may differ in size.
    """
    score = np.where(scored.answered, scored.score, np.nan).astype(np.float64)
    known = score[scored.answered]
    if len(known) < MIN_OFFERS:
        return []
    edges = np.unique(np.quantile(known, np.arange(1, DECILES) / DECILES))
    tenth = np.where(scored.answered, np.searchsorted(edges, score, side="right"), UNKNOWN)
    groups = [(place, tenth == place) for place in np.unique(tenth[tenth != UNKNOWN]).tolist()]
    return [
        acceptance(offers, rows, f"tenth {place + 1}", random, float(scored.relevance[rows].mean()))
        for place, rows in groups
    ]


def area_under_curve(offers: LoggedOffers, scored: ScoredOffers, random: np.random.Generator) -> Estimate | None:
    """The chance that an accepted offer has a higher score than one that was not, ties for half.

    With an interval by customer over answered offers; None with too few of them, or where all or none are accepted.
    """
    rows = np.flatnonzero(scored.answered)
    taken = offers.accepted[rows]
    if len(rows) < MIN_OFFERS or not 0 < taken.sum() < len(rows):
        return None
    _, level = np.unique(scored.score[rows], return_inverse=True)
    _, cluster = np.unique(offers.unit[offers.request[rows]], return_inverse=True)
    n_units = int(cluster.max()) + 1
    drawn = [
        auc(level, taken, random.multinomial(n_units, np.full(n_units, 1.0 / n_units))[cluster].astype(np.float64))
        for _ in range(AUC_RESAMPLES)
    ]
    low, high = np.nanpercentile(drawn, LEVEL)
    return Estimate(auc(level, taken, np.ones(len(rows))), float(low), float(high), len(rows))


def auc(level: Int64, taken: Float64, times: Float64) -> float:
    """Mann-Whitney: level (n,) whole numbers from 0; times (n,) how often a row counts."""
    n_levels = int(level.max()) + 1
    wins, losses = (np.bincount(level, weights=times * part, minlength=n_levels) for part in (taken, 1.0 - taken))
    below = np.cumsum(losses) - losses
    pairs = wins.sum() * losses.sum()
    return float((wins * (below + losses / 2.0)).sum() / pairs) if pairs else float("nan")
