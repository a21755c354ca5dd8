"""What newer purchases, or better logged offers, say of a bundle: its offers and what came of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.recommender import Recommender
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.drift.asking import ask
from mersalg_training.drift.logged import read_logged
from mersalg_training.drift.newer import Asked, Newer, newer_cases, read_newer
from mersalg_training.drift.reference import Labels
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
    """That were asked: the cases, or the log's."""
    outcomes: ScoredOffers
    notes: list[str]


def gather_evidence(recommender: Recommender, asked: Asked, offers: str | None, stages: Stages) -> Evidence:
    """Read the purchases and ask the bundle; offers: a table of logged offers, whose outcomes count instead.

    DataError where the window, or the log in it, is empty.
    """
    with stages.stage("Reading and checking purchases"):
        newer = read_newer(asked)
    with stages.stage("Making requests"):
        cases = newer_cases(newer, asked)
    if offers is None:
        with stages.stage("Asking the bundle") as tick:
            outcomes = ask(recommender, newer.timeline, newer.attributes, cases, tick)
        return Evidence(newer, cases, "bought", len(cases), outcomes, newer.notes)
    logged = read_logged(offers, newer, np.random.default_rng([asked.config.seed, 4]))
    with stages.stage("Asking the bundle for what was shown") as tick:
        outcomes = ask(recommender, newer.timeline, newer.attributes, logged.cases, tick, logged.only)
    return Evidence(newer, cases, "accepted", len(logged.cases), outcomes, [*newer.notes, *logged.notes])
