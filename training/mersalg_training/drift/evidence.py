"""What newer purchases, or better logged offers, say of a bundle: its offers and what came of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.recommender import Recommender
from mersalg_training.calibration.scored_offers import SHOWN, ScoredOffers
from mersalg_training.drift.new_purchases import Newer, NewerDataRequest, newer_cases, read_newer
from mersalg_training.drift.reference import Labels
from mersalg_training.drift.scoring import ask
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import score_offers
from mersalg_training.off_policy.calibrate import few_requests_of_unit
from mersalg_training.progress import Stages
from mersalg_training.ranking.cases import Cases


@dataclass(frozen=True)
class Evidence:
    """The window, its requests, and the bundle's offers for them."""

    newer: Newer
    cases: Cases
    """Made of the purchases of the window."""
    labels: Labels
    """What counts as having come."""
    requests: int
    """That the outcomes are of: the cases, or the log's."""
    outcomes: ScoredOffers
    notes: list[str]
    logged: tuple[LoggedOffers, ScoredOffers] | None
    """The log's offers of the window, and what the bundle makes of them; None where purchases are the evidence."""


def gather_evidence(recommender: Recommender, asked: NewerDataRequest, offers: str | None, stages: Stages) -> Evidence:
    """Read the purchases and ask the bundle; offers: a table of logged offers, whose outcomes count instead.

    Of a customer's logged requests at most as many are drawn as calibration allows. DataError where the window, or the
    log in it, is empty.
    """
    with stages.stage("Reading and checking purchases"):
        newer, logged = read_newer(asked, offers)
    with stages.stage("Making requests"):
        cases = newer_cases(newer, asked)
    if logged is None:
        with stages.stage("Asking the bundle") as tick:
            outcomes = ask(recommender, newer.timeline, newer.attributes, cases, tick)
        return Evidence(newer, cases, "bought", len(cases), outcomes, newer.notes, None)
    with stages.stage("Asking the bundle for what was shown"):
        scored = score_offers(recommender, newer.timeline, logged)
    drawn = np.flatnonzero(few_requests_of_unit(logged.unit, np.random.default_rng([asked.config.seed, 4])))
    outcomes = scored.take_requests(drawn)
    outcomes = outcomes.take(outcomes.answered & (outcomes.place < SHOWN))
    return Evidence(newer, cases, "accepted", len(drawn), outcomes, newer.notes, (logged, scored))
