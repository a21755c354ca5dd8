"""Whether what is shown keeps what its relevance promises: by kind, by place, with and without a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import SHOWN
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.evaluation.bundle_method import RANKED, BundleMethod
from mersalg_training.evaluation.metrics import Estimate, Resamples, ratio, resample_customers
from mersalg_training.ranking.cases import Cases

Booleans = npt.NDArray[np.bool_]

ALL: Final = "all"
GROUPS: Final = (ALL, "with a history", "without a history", "first place", "places 2 and 3", "later places")
BINS: Final = 10
"""Groups of equal size, by relevance, over which the calibration error is taken."""
LEAST: Final = 20
"""Fewer offers of a group tell nothing."""
LEAST_OF_A_BIN: Final = 50
"""Offers of a group of a reliability curve; fewer would draw noise."""
CHANCES: Final = 100


@dataclass(frozen=True)
class Promises:
    """Offers that were shown, (n,) each: of each request the best SHOWN of each kind that reach their thresholds."""

    relevance: Float64
    bought: Booleans
    kind: Int64
    place: Int64
    """Among all that is shown for the request, from 0."""
    case: Int64
    """The request."""
    known: Booleans
    """Whether the request brings a history."""

    def in_group(self, group: str) -> Booleans:
        """(n,) whether an offer belongs to one of GROUPS."""
        found: dict[str, Booleans] = {
            ALL: np.ones(len(self.kind), dtype=np.bool_),
            "with a history": self.known,
            "without a history": ~self.known,
            "first place": self.place == 0,
            "places 2 and 3": (self.place > 0) & (self.place < 3),
            "later places": self.place >= 3,
        }
        return found[group]


@dataclass(frozen=True)
class Bin:
    """Offers of like relevance."""

    promised: float
    """The mean relevance."""
    came: Estimate
    offers: int


@dataclass(frozen=True)
class Kept:
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
    """At most BINS groups of equal size, by relevance, of LEAST_OF_A_BIN offers or more where there are so many."""


def promises(bundle: BundleMethod, cases: Cases) -> Promises:
    """What a bundle shows for the cases at its thresholds, SHOWN of each kind at most."""
    rows: list[tuple[float, bool, int, int, int]] = []
    for case, answer in enumerate(bundle.show(cases, RANKED)):
        target = set(cases.target[case].tolist())
        of_kind = dict.fromkeys(KINDS, 0)
        place = 0
        for offered in answer.offers:
            if of_kind[offered.kind] < SHOWN:
                of_kind[offered.kind] += 1
                bought = offered.product in target
                rows.append((offered.relevance, bought, KINDS.index(offered.kind), place, case))
                place += 1
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    case_of = table[:, 4].astype(np.int64)
    return Promises(
        relevance=table[:, 0],
        bought=table[:, 1] > 0.0,
        kind=table[:, 2].astype(np.int64),
        place=table[:, 3].astype(np.int64),
        case=case_of,
        known=(cases.history[:, 1] > cases.history[:, 0])[case_of],
    )


def kept(shown: Promises, cases: Cases, random: np.random.Generator) -> list[Kept]:
    """A row for each kind and group of which there are LEAST offers."""
    draws = resample_customers(cases.customer, cases.order, random)
    found = []
    for position, kind in enumerate(KINDS):
        for group in GROUPS:
            rows = (shown.kind == position) & shown.in_group(group)
            if rows.sum() < LEAST:
                continue
            hits, offers = (
                np.bincount(shown.case[rows], weights=of, minlength=len(cases)).astype(np.float64)
                for of in (shown.bought[rows].astype(np.float64), np.ones(int(rows.sum())))
            )
            relevance = shown.relevance[rows]
            found.append(
                Kept(
                    kind=kind,
                    group=group,
                    offers=int(rows.sum()),
                    promised=float(relevance.mean()),
                    came=ratio(hits, offers, draws),
                    error=calibration_error(relevance, shown.bought[rows]),
                    error_by_chance=error_by_chance(relevance, random),
                    reliability=bins(shown, rows, len(cases), draws),
                )
            )
    return found


def bins(shown: Promises, rows: Booleans, n_cases: int, draws: Resamples) -> list[Bin]:
    """What was promised and what came of some rows, in groups of equal size, by relevance; (n,) with n >= 1."""
    found = []
    chosen = np.flatnonzero(rows)
    order = chosen[np.argsort(shown.relevance[chosen], kind="stable")]
    for group in np.array_split(order, max(1, min(BINS, len(order) // LEAST_OF_A_BIN))):
        hits, offers = (
            np.bincount(shown.case[group], weights=of, minlength=n_cases).astype(np.float64)
            for of in (shown.bought[group].astype(np.float64), np.ones(len(group)))
        )
        found.append(Bin(float(shown.relevance[group].mean()), ratio(hits, offers, draws), len(group)))
    return found


def calibration_error(relevance: Float64, bought: Booleans) -> float:
    """The mean distance of what was promised and what came over at most BINS groups of equal size, by relevance.

    Expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015) with groups of equal size. n >= 1.
    """
    groups = np.array_split(np.argsort(relevance, kind="stable"), min(BINS, len(relevance)))
    return sum(len(rows) * abs(float(relevance[rows].mean() - bought[rows].mean())) for rows in groups) / len(relevance)


def error_by_chance(relevance: Float64, random: np.random.Generator) -> float:
    """The mean of the same error where offers are bought exactly as often as their relevance says."""
    errors = [calibration_error(relevance, random.random(len(relevance)) < relevance) for _ in range(CHANCES)]
    return float(np.mean(errors))
