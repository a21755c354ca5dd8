"""Calibration, thresholds and certificate from what was accepted when shown.

The log becomes the rows that calibration from purchases works on, so that both promise by the same tests. Two things
stand between a logged offer and such a row, and both are taken out by drawing, which leaves zeros and ones and
independent customers, as the certificate's finite-sample test needs them:

- The logging policy chose. An offer stays with a chance in proportion to 1 / propensity (von Neumann's rejection
  sampling; Li, Chu, Langford and Wang, WSDM 2011 replay a log that way), as if every offer had been as likely.
- The position decided whether it was looked at. An acceptance stays with the chance examination(worst) /
  examination(position), as if everything had stood in the position that is looked at least: what is promised then holds
  in every position.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.errors import DataError
from mersalg_training.calibration.fit import Calibrated, calibrate
from mersalg_training.calibration.scored_offers import SHOWN, ScoredOffers
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.config import ThresholdConfig
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.examination import Examination

CLIP: Final = 0.99
"""Quantile of the weights from which on a row is certain to stay: a few rare offers must not thin out all others."""
MIN_ROWS: Final = 200
"""Rows without which nothing is fitted."""


def calibrate_on_acceptance(
    offers: LoggedOffers,
    scored: ScoredOffers,
    config: ThresholdConfig,
    random: np.random.Generator,
    examination: Examination | None = None,
) -> Calibrated:
    """Fit the calibration to acceptance on one half of the customers; certify the thresholds on the other.

    Offers that the bundle does not answer for count for nothing. Without propensities the offers stand for what the
    logging policy chose to show; without an examination for the positions in which it showed them. DataError if fewer
    than MIN_ROWS offers are left, or none of them was accepted.
    """
    for_requests, for_rows, for_labels, for_halves = random.spawn(4)
    usable = scored.answered & (scored.place < SHOWN)
    usable &= few_requests_of_unit(offers.unit, for_requests)[offers.request]
    rows = np.flatnonzero(usable & stays(offers.propensity, usable, for_rows))
    accepted = as_if_worst_placed(offers.accepted[rows], offers.position[rows], examination, for_labels)
    if len(rows) < MIN_ROWS or not accepted.any():
        raise DataError(
            f"offers: expected at least {MIN_ROWS} offers that the bundle answers for, some of them accepted, got "
            f"{len(rows)} with {accepted.sum():.0f} accepted (of {len(offers)} logged it answers for "
            f"{scored.answered.sum()}); give a longer log, or calibrate on purchases"
        )
    rows_left = replace(scored.take(rows), label=accepted.astype(np.float32))
    return calibrate(rows_left, config, for_halves)


def few_requests_of_unit(unit: Int64, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(n_requests,) at most REQUESTS_OF_CUSTOMER requests, drawn, of each unit, so that its sum is bounded."""
    drawn = random.permutation(len(unit))
    by_unit = drawn[np.argsort(unit[drawn], kind="stable")]
    ordered = unit[by_unit]
    keep = np.zeros(len(unit), dtype=np.bool_)
    keep[by_unit] = np.arange(len(unit)) - np.searchsorted(ordered, ordered) < REQUESTS_OF_CUSTOMER
    return keep


def stays(propensity: Float64, usable: npt.NDArray[np.bool_], random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(n,) rows drawn in proportion to 1 / propensity, clipped at its CLIP quantile; all where one is unknown."""
    known = propensity[usable]
    if not len(known) or np.isnan(known).any():
        return np.ones(len(propensity), dtype=np.bool_)
    weight = 1.0 / propensity
    return np.asarray(random.random(len(weight)) < weight / np.quantile(weight[usable], CLIP))


def as_if_worst_placed(
    accepted: Float64, position: Int64, examination: Examination | None, random: np.random.Generator
) -> Float64:
    """(n,) acceptances of which each stays as often as the worst position is looked at, relative to its own."""
    if examination is None or not len(accepted):
        return accepted
    looked_at = examination.at(position)
    return np.where(random.random(len(accepted)) < looked_at.min() / looked_at, accepted, 0.0)
