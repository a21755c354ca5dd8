"""A bundle asked for the newer requests, thresholds off: its best offers of each kind, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS
from mersalg.offers import Offers
from mersalg.recommender import Recommender
from mersalg_training.calibration.fit import Ranked, units_of
from mersalg_training.calibration.scored_offers import SHOWN
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float32, Int64, Timeline
from mersalg_training.evaluation.bundle_method import request_maker
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import Scored
from mersalg_training.off_policy.calibrate import depth_of_kind
from mersalg_training.progress import Tick
from mersalg_training.ranking.cases import Cases

TICKS = 256
"""Requests between two reports of progress."""


@dataclass(frozen=True)
class Outcomes:
    """The best offers of each kind and request, whatever their relevance, (n,) each."""

    kind: Int64
    """Position in KINDS."""
    depth: Int64
    """0 for the best of its kind in its request."""
    relevance: Float32
    score: Float32
    came: Float32
    """1 where it was bought, or accepted."""
    worth: Float32
    """What a sale brings: margin, else price; NaN where neither is known."""
    request: Int64
    """Position in what follows."""
    units: Int64
    """(m,) of each request: the customer; for a request without one its order."""
    known: npt.NDArray[np.bool_]
    """(m,) whether the request brings a history."""
    moment: Int64
    """(m,) position in MOMENTS."""

    @property
    def unit(self) -> Int64:
        """(n,) the customer of each offer, or the order."""
        return self.units[self.request]

    def shown(self) -> Outcomes:
        """What a request could show at most: the best SHOWN of each kind."""
        return self.take(np.flatnonzero(self.depth < SHOWN))

    def take(self, rows: Int64) -> Outcomes:
        """Some rows, in the order given, of the same requests."""
        of_offers = ("kind", "depth", "relevance", "score", "came", "worth", "request")
        return replace(self, **{name: getattr(self, name)[rows] for name in of_offers})

    def ranked(self) -> Ranked:
        """The same rows as calibration takes them."""
        return Ranked(
            score=self.score,
            kind=self.kind,
            depth=self.depth,
            bought=self.came,
            request=self.request,
            worth=self.worth,
            unit=self.units,
            known=self.known,
            moment=self.moment,
        )


def ask(recommender: Recommender, timeline: Timeline, attributes: Attributes, cases: Cases, tick: Tick) -> Outcomes:
    """Ask for the kinds of each moment, as calibration does.

    An offer comes where its product is a target of the case.
    """
    make_request = request_maker(timeline)
    limit = int(recommender.manifest["graph"]["candidates"])

    def request(case: int) -> dict[str, object]:
        return make_request(cases, case, KINDS_BY_MOMENT[MOMENTS[int(cases.moment[case])]], None, limit)

    rows: list[tuple[int, int, float, float, int, int]] = []
    code_of = {product_id: code for code, product_id in enumerate(timeline.product_ids)}
    for case, offers in enumerate(recommender.stream(map(request, range(len(cases))), threshold=False)):
        rows += best_of_each_kind(offers, code_of, case)
        if case % TICKS == 0:
            tick(case, len(cases))
    tick(len(cases), len(cases))
    kind, depth, relevance, score, product, request_of = zip(*rows, strict=True) if rows else ((),) * 6
    targets = [set(cases.target[case].tolist()) for case in range(len(cases))]
    came = [code in targets[case] for code, case in zip(product, request_of, strict=True)]
    worth = np.append(worth_of(attributes), np.float32(np.nan))  # a product that the purchases lack has the code -1
    return Outcomes(
        kind=np.array(kind, dtype=np.int64),
        depth=np.array(depth, dtype=np.int64),
        relevance=np.array(relevance, dtype=np.float32),
        score=np.array(score, dtype=np.float32),
        came=np.array(came, dtype=np.float32),
        worth=worth[np.array(product, dtype=np.int64)],
        request=np.array(request_of, dtype=np.int64),
        units=units_of(cases, len(timeline.customer_ids)),
        known=cases.history[:, 1] > cases.history[:, 0],
        moment=cases.moment,
    )


def outcomes_of_log(offers: LoggedOffers, scored: Scored, attributes: Attributes) -> Outcomes:
    """The best logged offers of each kind and request, of those that the bundle answers for; they come if accepted."""
    depth = depth_of_kind(offers, scored)
    rows = np.flatnonzero(scored.answered & (depth < SHOWN))
    history = offers.cases.history
    return Outcomes(
        kind=scored.kind[rows],
        depth=depth[rows],
        relevance=scored.relevance[rows],
        score=scored.score[rows],
        came=offers.accepted[rows].astype(np.float32),
        worth=worth_of(attributes)[offers.product[rows]],
        request=offers.request[rows],
        units=offers.unit,
        known=history[:, 1] > history[:, 0],
        moment=offers.cases.moment,
    )


def worth_of(attributes: Attributes) -> Float32:
    """(n_products,) margin, else list price; NaN where neither is known."""
    margin = attributes.price - attributes.cost
    return np.where(np.isfinite(margin), margin, attributes.price).astype(np.float32)


def best_of_each_kind(
    offers: Offers, code_of: dict[str, int], case: int
) -> list[tuple[int, int, float, float, int, int]]:
    """Kind, depth, relevance, score, product code (-1 = none) and case of the offers that count, the best first."""
    seen = [0] * len(KINDS)
    rows = []
    for offer in offers:
        kind = KINDS.index(offer.kind)
        if seen[kind] < SHOWN:
            rows.append((kind, seen[kind], offer.relevance, offer.score, code_of.get(offer.product_id, -1), case))
        seen[kind] += 1
    return rows
