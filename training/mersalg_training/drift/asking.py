"""A bundle asked for the newer requests, thresholds off: its best offers of each kind, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS
from mersalg.offers import Offers
from mersalg.recommender import Recommender
from mersalg_training.answers import request_maker
from mersalg_training.calibrating import Ranked, units_of
from mersalg_training.calibration import SHOWN_DEPTH
from mersalg_training.cases import Cases, Ragged
from mersalg_training.progress import Tick
from mersalg_training.thresholds import SHOWN
from mersalg_training.timeline import Float32, Int64, Timeline

TICKS = 256
"""Requests between two reports of progress."""


@dataclass(frozen=True)
class Outcomes:
    """The best SHOWN_DEPTH offers of each kind and request, (n,) each."""

    kind: Int64
    """Position in KINDS."""
    depth: Int64
    """0 for the best of its kind in its request."""
    relevance: Float32
    score: Float32
    came: Float32
    """1 where it was bought, or accepted."""
    unit: Int64
    """The customer; for a request without one its order."""

    def shown(self) -> Outcomes:
        """What a request could show at most: the best SHOWN of each kind, whatever their relevance."""
        return self.take(np.flatnonzero(self.depth < SHOWN))

    def take(self, rows: Int64) -> Outcomes:
        """Some rows, in the order given."""
        return Outcomes(
            self.kind[rows], self.depth[rows], self.relevance[rows], self.score[rows], self.came[rows], self.unit[rows]
        )

    def ranked(self) -> Ranked:
        """The same rows as calibration takes them."""
        return Ranked(self.score, self.kind, self.depth, self.came, self.unit)


def ask(recommender: Recommender, timeline: Timeline, cases: Cases, tick: Tick, only: Ragged | None = None) -> Outcomes:
    """Ask for all kinds at once, as calibration does, whatever kinds the moment would show.

    An offer comes where its product is a target of the case. only: the products that were offered, row by row; None =
    all that the bundle retrieves.
    """
    make_request = request_maker(timeline)
    limit = int(recommender.manifest["graph"]["candidates"])
    width = 0 if only is None else int(only.lengths.max(initial=0))

    def request(case: int) -> dict[str, object]:
        made = make_request(cases, case, KINDS, None, limit + width)
        return made if only is None else made | {"only": [timeline.product_ids[code] for code in only[case].tolist()]}

    rows: list[tuple[int, int, float, float, bool, int]] = []
    for case, offers in enumerate(recommender.stream(map(request, range(len(cases))), threshold=False)):
        targets = {timeline.product_ids[code] for code in cases.target[case].tolist()}
        rows += best_of_each_kind(offers, targets, case)
        if case % TICKS == 0:
            tick(case, len(cases))
    tick(len(cases), len(cases))
    kind, depth, relevance, score, came, request_of = zip(*rows, strict=True) if rows else ((),) * 6
    units = units_of(cases, len(timeline.customer_ids))
    return Outcomes(
        np.array(kind, dtype=np.int64),
        np.array(depth, dtype=np.int64),
        np.array(relevance, dtype=np.float32),
        np.array(score, dtype=np.float32),
        np.array(came, dtype=np.float32),
        units[np.array(request_of, dtype=np.int64)],
    )


def best_of_each_kind(offers: Offers, targets: set[str], case: int) -> list[tuple[int, int, float, float, bool, int]]:
    """Kind, depth, relevance, score, outcome and case of the offers that count, the best first."""
    seen = [0] * len(KINDS)
    rows = []
    for offer in offers:
        kind = KINDS.index(offer.kind)
        if seen[kind] < SHOWN_DEPTH:
            rows.append((kind, seen[kind], offer.relevance, offer.score, offer.product_id in targets, case))
        seen[kind] += 1
    return rows
