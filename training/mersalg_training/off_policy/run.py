"""A bundle evaluated on logged offers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from mersalg.recommender import AnswersRequests
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.timeline import UNKNOWN, Timeline
from mersalg_training.logged_offers.read import OffersReport
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.acceptance_rates import accepted_by_group, agreement, area_under_curve, by_relevance
from mersalg_training.off_policy.bundle_answers import BundlePolicy, ask_policy, score_offers
from mersalg_training.off_policy.estimators import OffPolicy
from mersalg_training.off_policy.examination import Examination, estimate_examination, relevance_groups
from mersalg_training.off_policy.result import OffPolicyResult
from mersalg_training.off_policy.value import Match, bundle_value

MATCHING: dict[Match, str] = {
    "same": "A logged offer speaks for one of the bundle in the same position of the same request",
    "any": (
        "A logged offer speaks for one of the bundle in any position of the same request, by the position-based model"
    ),
}


def evaluate_offers(
    recommender: AnswersRequests,
    timeline: Timeline,
    offers: LoggedOffers,
    report: OffersReport,
    *,
    learned_until: datetime,
    match: Match = "same",
    among_logged: bool = False,
    seed: int = 7,
) -> OffPolicyResult:
    """What the log reached, how the bundle's relevance orders it, and what the bundle would have been worth.

    learned_until: offers before that time are no new ones to the bundle, which is said. The same seed gives the same
    intervals.
    """
    draws = np.random.default_rng(seed).spawn(6)
    scored = score_offers(recommender, timeline, offers)
    policy = ask_policy(recommender, timeline, offers, among_logged=among_logged)
    weight = np.where(np.isnan(offers.propensity), 1.0, 1.0 / offers.propensity)
    examination = estimate_examination(offers, relevance_groups(scored), weight, draws[0])
    n_products = len(timeline.product_ids)
    notes = notes_about(offers, learned_until, among_logged)
    if match == "any" and isinstance(examination, str):
        match = "same"
        notes.append(f"offers are matched in the same position alone: {examination}")
    return OffPolicyResult(
        report=report,
        notes=notes,
        unanswered=int((~scored.answered).sum()),
        own=accepted_by_group(offers, scored, draws[1]),
        agreement=agreement(offers, policy, n_products, draws[2]),
        by_relevance=by_relevance(offers, scored, draws[3]),
        area=area_under_curve(offers, scored, draws[4]),
        examination=examination,
        matching=MATCHING[match],
        value=value_where_known(offers, policy, n_products, scored, examination, match, draws[5]),
    )


def value_where_known(
    offers: LoggedOffers,
    policy: BundlePolicy,
    n_products: int,
    scored: ScoredOffers,
    examination: Examination | str,
    match: Match,
    random: np.random.Generator,
) -> Mapping[str, OffPolicy]:
    """The off-policy value over the requests whose offers all have a propensity; empty without such requests."""
    known = np.flatnonzero(offers.has_propensity())
    if not len(known):
        return {}
    looked_at = examination if match == "any" and isinstance(examination, Examination) else None
    return bundle_value(
        offers.take_requests(known),
        scored.take_requests(known),
        policy.take_requests(known),
        n_products,
        looked_at,
        random,
    )


def notes_about(offers: LoggedOffers, learned_until: datetime, among_logged: bool) -> list[str]:
    """What has to be kept in mind about these offers."""
    notes = []
    before = int((offers.cases.at[offers.request] < time_to_day(learned_until)).sum())
    if before:
        notes.append(
            f"{before:,} of {len(offers):,} offers were made before {learned_until:%Y-%m-%d}, when the bundle stopped "
            "learning: it may know what followed"
        )
    strangers = int((offers.cases.customer == UNKNOWN).sum())
    if strangers:
        notes.append(f"{strangers:,} of {len(offers.cases):,} requests are of customers whom the purchases do not know")
    if among_logged:
        notes.append("the bundle chooses among the products of the log alone")
    return notes
