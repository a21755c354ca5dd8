"""How likely a position is looked at, relative to the first: the position-based model.

acceptance = examination(position) x attraction(group)

Offers of one group are equally attractive, wherever they stand. The mean is multiplicative, and so is its Poisson
pseudo-likelihood, which is consistent whatever the distribution (Gourieroux, Monfort and Trognon 1984); its equations
are solved by scaling positions and groups in turn. Where the log put products at random, one group is enough, and this
is the ratio of acceptance rates (Joachims, Swaminathan and Schnabel, WSDM 2017). Where it did not, groups of equal
relevance are compared across positions, as in intervention harvesting (Agarwal et al., WSDM 2019): that assumes that
the relevance holds all that drew the logging policy to put an offer first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64
from mersalg_training.evaluation.metrics import LEVEL, Estimate
from mersalg_training.logged_offers.requests import LoggedOffers

MIN_ACCEPTED: Final = 20
"""Acceptances that a position needs."""
GROUPS: Final = 10
"""Groups of equal size, by relevance."""
ROUNDS: Final = 200
RESAMPLES: Final = 200


@dataclass(frozen=True)
class Examination:
    """By position, the first one first: looked at so many times as often as the first."""

    relative: Float64
    intervals: list[Estimate]
    """With intervals by customer; n = offers shown there."""

    def at(self, position: Int64) -> Float64:
        """(n,) of positions (n,) from 1; past the last known one as there."""
        return np.asarray(self.relative[np.minimum(position, len(self.relative)) - 1])


def estimate_examination(
    offers: LoggedOffers, group: Int64, weight: Float64, random: np.random.Generator
) -> Examination | str:
    """Examination by position, or the sentence why it cannot be told.

    group: (n,) rows that are equally attractive; weight: (n,) 1 over the propensity, or ones. Positions from the first
    that has fewer than MIN_ACCEPTED acceptances on are left out and count like the last one before.
    """
    if not offers.has_positions:
        return "the log has no positions"
    accepted = np.bincount(offers.position, weights=offers.accepted)[1:]
    if len(accepted) == 1:
        return "the log has one position alone"
    short = np.flatnonzero(accepted < MIN_ACCEPTED)
    known = int(short[0]) if len(short) else len(accepted)
    if known < 2:
        return f"position {known + 1} has {accepted[known]:.0f} acceptances; at least {MIN_ACCEPTED} are needed"
    inside = offers.position <= known
    _, groups = np.unique(group[inside], return_inverse=True)
    cell = groups * known + offers.position[inside] - 1
    unit = offers.unit[offers.request[inside]]
    shown = cells_by_unit(unit, cell, weight[inside])
    taken = cells_by_unit(unit, cell, weight[inside] * offers.accepted[inside])
    n_cells, n_units = int(groups.max()) * known + known, int(shown[0].max()) + 1

    def fit(times: Float64) -> Float64:
        tables = [
            np.bincount(cells, weights=values * times[units], minlength=n_cells).astype(np.float64).reshape(-1, known)
            for units, cells, values in (shown, taken)
        ]
        return fit_positions(tables[0], tables[1])

    relative = fit(np.ones(n_units))
    draws = np.array(
        [fit(random.multinomial(n_units, np.full(n_units, 1.0 / n_units)).astype(np.float64)) for _ in range(RESAMPLES)]
    )
    low, high = np.percentile(draws, LEVEL, axis=0)
    rows = np.bincount(offers.position[inside], minlength=known + 1)[1:]
    return Examination(
        relative,
        [Estimate(float(v), float(a), float(b), int(n)) for v, a, b, n in zip(relative, low, high, rows, strict=True)],
    )


def cells_by_unit(unit: Int64, cell: Int64, weight: Float64) -> tuple[Int64, Int64, Float64]:
    """Unit, cell and weight of each row, units numbered from 0."""
    return np.unique(unit, return_inverse=True)[1].astype(np.int64), cell, weight


def fit_positions(shown: Float64, accepted: Float64) -> Float64:
    """(n_positions,) examination relative to the first position; both tables (n_groups, n_positions).

    A group that nobody accepted says nothing. A position without acceptances gets 0.
    """
    examined = np.ones(shown.shape[1])
    of_group, of_position = accepted.sum(axis=1), accepted.sum(axis=0)
    for _ in range(ROUNDS):
        expected = shown @ examined
        attraction = np.divide(of_group, expected, out=np.zeros_like(expected), where=expected > 0)
        expected = attraction @ shown
        before, examined = examined, np.divide(of_position, expected, out=np.zeros_like(expected), where=expected > 0)
        examined = examined / examined[0] if examined[0] > 0 else examined
        if np.allclose(before, examined, rtol=1e-9, atol=0.0):
            break
    return examined


def relevance_groups(scored: ScoredOffers) -> Int64:
    """(n,) groups of equal size by relevance within each kind; what the bundle does not answer for is one group."""
    group = np.full(len(scored.kind), UNKNOWN, dtype=np.int64)
    for kind in np.unique(scored.kind[scored.answered]).tolist():
        rows = np.flatnonzero(scored.kind == kind)
        place = np.argsort(np.argsort(scored.relevance[rows], kind="stable"), kind="stable")
        group[rows] = kind * GROUPS + place * GROUPS // len(rows)
    return group
