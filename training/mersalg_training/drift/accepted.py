"""Calibration from logged offers: what was accepted when shown, with positions and propensities heeded."""

from __future__ import annotations

import numpy as np

from mersalg.errors import DataError
from mersalg.recommender import Recommender
from mersalg_training.calibration.fit import Calibrated
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases
from mersalg_training.drift.newer import Asked, Newer
from mersalg_training.logged_offers import LoggedOffers, gather_offers, read_offers
from mersalg_training.off_policy import calibrate_on_acceptance, estimate_examination, relevance_groups, score_offers


def calibrate_accepted(
    recommender: Recommender, asked: Asked, newer: Newer, location: str, random: np.random.Generator
) -> tuple[Calibrated, list[str]]:
    """Calibration, thresholds and certificates from the log's offers inside the window, and what to know of them.

    Where the positions tell how often each is looked at, acceptances count as if all stood in the worst one; rows with
    a propensity stand for all that might have been shown. DataError where too few offers are left.
    """
    offers = offers_of_window(asked, newer, location)
    scored = score_offers(recommender, newer.timeline, offers)
    weight = np.where(np.isnan(offers.propensity), 1.0, 1.0 / offers.propensity)
    for_examination, for_calibration = random.spawn(2)
    looked_at = estimate_examination(offers, relevance_groups(scored), weight, for_examination)
    notes = []
    if isinstance(looked_at, str):
        notes.append(f"acceptance stands for the positions in which offers were shown: {looked_at}")
    if np.isnan(offers.propensity).any():
        notes.append("acceptance stands for what the log chose to show: not every offer has a propensity")
    examination = None if isinstance(looked_at, str) else looked_at
    made = calibrate_on_acceptance(offers, scored, asked.config.thresholds, for_calibration, examination)
    return made, notes


def offers_of_window(asked: Asked, newer: Newer, location: str) -> LoggedOffers:
    """The logged offers made since the bundle's data end; DataError where there are none."""
    purchases = open_purchases(asked.config.data)
    apply_contract(purchases, asked.config.contract)
    config = asked.config
    read_offers(purchases.connection, location, config.data.columns, config.contract.max_reject_share)
    offers = gather_offers(purchases.connection, newer.timeline)
    purchases.connection.close()
    first_day, end_day = newer.days
    inside = np.flatnonzero((offers.cases.at >= first_day) & (offers.cases.at < end_day))
    if not len(inside):
        raise DataError(
            f"--offers {location}: expected offers from {newer.since:%Y-%m-%d} to before {newer.until:%Y-%m-%d}, got "
            "none; give newer offers, or name the window: --since"
        )
    return offers.take_requests(inside)
