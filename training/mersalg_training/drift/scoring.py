"""A bundle scored on the newer requests, thresholds off: its best offers of each kind, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mersalg.names import KINDS_BY_MOMENT, MOMENTS
from mersalg.recommender import Recommender
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float32, Timeline
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod
from mersalg_training.evaluation.labelled_offers import labelled_offers
from mersalg_training.progress import Tick
from mersalg_training.ranking.cases import Cases

TICKS = 256
"""Requests between two reports of progress."""


def ask(recommender: Recommender, timeline: Timeline, attributes: Attributes, cases: Cases, tick: Tick) -> ScoredOffers:
    """Ask for the kinds of each moment, as calibration does."""
    answers = all_retrieved(BundleMethod(recommender, timeline), cases, tick)
    return labelled_offers(answers, cases, len(timeline.customer_ids), worth_of(attributes))


def all_retrieved(bundle: BundleMethod, cases: Cases, tick: Tick) -> Iterator[BundleAnswer]:
    """All that is retrieved for each case of the kinds of its moment, the best first, whatever the thresholds."""
    limit = int(bundle.recommender.manifest["graph"]["candidates"])

    def request(case: int) -> dict[str, object]:
        return bundle.requests.make(cases, case, KINDS_BY_MOMENT[MOMENTS[int(cases.moment[case])]], limit=limit)

    for case, answer in enumerate(bundle.answers(map(request, range(len(cases))), threshold=False)):
        yield answer
        if case % TICKS == 0:
            tick(case, len(cases))
    tick(len(cases), len(cases))


def worth_of(attributes: Attributes) -> Float32:
    """(n_products,) margin, else list price; NaN where neither is known."""
    margin = attributes.price - attributes.cost
    return np.where(np.isfinite(margin), margin, attributes.price).astype(np.float32)
