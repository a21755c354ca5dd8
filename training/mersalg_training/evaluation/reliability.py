"""Whether what is shown keeps what its relevance promises: by kind, by place, with and without a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import Booleans, ScoredOffers
from mersalg_training.data.timeline import Float64
from mersalg_training.evaluation.bundle_method import RANKED, BundleMethod
from mersalg_training.evaluation.labelled_offers import labelled_offers
from mersalg_training.evaluation.metrics import Estimate, Resamples, ratio, resample_customers
from mersalg_training.ranking.cases import Cases

ALL: Final = "all"
GROUPS: Final = (ALL, "with a history", "without a history", "first place", "places 2 and 3", "later places")
BINS: Final = 10
"""Groups of equal size, by relevance, over which the calibration error is taken."""
MIN_OFFERS: Final = 20
"""Fewer offers of a group tell nothing."""
MIN_BIN_OFFERS: Final = 50
"""Offers of a group of a reliability curve; fewer would draw noise."""
CHANCES: Final = 100


@dataclass(frozen=True)
class Bin:
    """Offers of like relevance."""

    promised: float
    """The mean relevance."""
    came: Estimate
    offers: int


@dataclass(frozen=True)
class Reliability:
    """What was promised of a kind in a group, and what came of it."""

    kind: str
    group: str
    offers: int
    promised: float
    """The mean relevance."""
    came: Estimate
    """The share bought, with its 95 % interval over customers."""
    error: float
    """The expected calibration error: the mean distance of the two over BINS groups of equal size, by relevance."""
    error_by_chance: float
    """What it would be on so many offers if every relevance were true."""
    reliability: Sequence[Bin] = ()
    """At most BINS groups of equal size, by relevance, of MIN_BIN_OFFERS offers or more where there are so many."""


def shown_offers(bundle: BundleMethod, cases: Cases) -> ScoredOffers:
    """What a bundle shows for the cases at its thresholds, SHOWN of each kind at most."""
    timeline = bundle.timeline
    nothing_known = np.full(len(timeline.product_ids), np.nan, dtype=np.float32)
    return labelled_offers(bundle.show(cases, RANKED), cases, len(timeline.customer_ids), nothing_known)


def groups_of(shown: ScoredOffers) -> dict[str, Booleans]:
    """Group of GROUPS -> (n,) whether an offer belongs to it. Places are those in the whole list of a request."""
    place = np.arange(len(shown)) - np.searchsorted(shown.request, shown.request)
    return {
        ALL: np.ones(len(shown), dtype=np.bool_),
        "with a history": shown.known,
        "without a history": ~shown.known,
        "first place": place == 0,
        "places 2 and 3": (place > 0) & (place < 3),
        "later places": place >= 3,
    }


def reliability(shown: ScoredOffers, cases: Cases, random: np.random.Generator) -> list[Reliability]:
    """A row for each kind and group of which there are MIN_OFFERS offers. shown: by request, the best first."""
    draws = resample_customers(cases.customer, cases.order, random)
    groups = groups_of(shown)
    result = []
    for position, kind in enumerate(KINDS):
        for group in GROUPS:
            rows = shown.take((shown.kind == position) & groups[group])
            if len(rows) < MIN_OFFERS:
                continue
            relevance, label = rows.relevance.astype(np.float64), rows.label.astype(np.float64)
            result.append(
                Reliability(
                    kind=kind,
                    group=group,
                    offers=len(rows),
                    promised=float(relevance.mean()),
                    came=share_bought(rows, len(cases), draws),
                    error=calibration_error(relevance, label),
                    error_by_chance=error_by_chance(relevance, random),
                    reliability=bins(rows, len(cases), draws),
                )
            )
    return result


def share_bought(shown: ScoredOffers, n_cases: int, draws: Resamples) -> Estimate:
    """The share of offers, at least one, that was bought."""
    hits = np.bincount(shown.request, weights=shown.label, minlength=n_cases).astype(np.float64)
    return ratio(hits, np.bincount(shown.request, minlength=n_cases).astype(np.float64), draws)


def bins(shown: ScoredOffers, n_cases: int, draws: Resamples) -> list[Bin]:
    """What was promised and what came of offers, n >= 1, in groups of equal size, by relevance."""
    relevance = shown.relevance.astype(np.float64)
    groups = np.array_split(np.argsort(relevance, kind="stable"), max(1, min(BINS, len(shown) // MIN_BIN_OFFERS)))
    return [
        Bin(float(relevance[rows].mean()), share_bought(shown.take(rows), n_cases, draws), len(rows)) for rows in groups
    ]


def calibration_error(relevance: Float64, label: Float64) -> float:
    """The mean distance of what was promised and what came over at most BINS groups of equal size, by relevance.

    Expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015) with groups of equal size. n >= 1.
    """
    groups = np.array_split(np.argsort(relevance, kind="stable"), min(BINS, len(relevance)))
    return sum(len(rows) * abs(float(relevance[rows].mean() - label[rows].mean())) for rows in groups) / len(relevance)


def error_by_chance(relevance: Float64, random: np.random.Generator) -> float:
    """The mean of the same error where offers are bought exactly as often as their relevance says."""
    labels = ((random.random(len(relevance)) < relevance).astype(np.float64) for _ in range(CHANCES))
    errors = [calibration_error(relevance, label) for label in labels]
    return float(np.mean(errors))
