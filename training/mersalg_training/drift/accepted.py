"""Calibration from logged offers: what was accepted when shown, with positions and propensities heeded."""

from __future__ import annotations

import numpy as np

from mersalg_training.calibration.fit import Calibrated
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.config import ThresholdConfig
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy import calibrate_on_acceptance, estimate_examination, relevance_groups


def calibrate_accepted(
    offers: LoggedOffers, scored: ScoredOffers, config: ThresholdConfig, random: np.random.Generator
) -> tuple[Calibrated, list[str]]:
    """Calibration, thresholds and certificates from logged offers, and what to know of them.

    Where the positions tell how often each is looked at, acceptances count as if all stood in the worst one; rows with
    a propensity stand for all that might have been shown. DataError where too few offers are left.
    """
    weight = np.where(np.isnan(offers.propensity), 1.0, 1.0 / offers.propensity)
    for_examination, for_calibration = random.spawn(2)
    looked_at = estimate_examination(offers, relevance_groups(scored), weight, for_examination)
    notes = []
    if isinstance(looked_at, str):
        notes.append(f"acceptance stands for the positions in which offers were shown: {looked_at}")
    if np.isnan(offers.propensity).any():
        notes.append("acceptance stands for what the log chose to show: not every offer has a propensity")
    examination = None if isinstance(looked_at, str) else looked_at
    return calibrate_on_acceptance(offers, scored, config, for_calibration, examination), notes
