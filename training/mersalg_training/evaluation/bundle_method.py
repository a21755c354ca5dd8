"""A loaded bundle as a method among others: cases become requests, and its offers product codes again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np

from mersalg.names import MOMENTS, Kind, Order
from mersalg.offers import Offer, Reason
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.evaluation.methods import ScoredList
from mersalg_training.evaluation.metrics import OURS
from mersalg_training.evaluation.tasks.task import Restriction
from mersalg_training.ranking.cases import Cases, Ragged

THREADS: Final = 2
"""Answers of a bundle that are computed at once."""

RANKED: Final = 200
"""Offers that a request asks for when all that was retrieved is ranked."""
SHOWN: Final = 3
"""Offers that a request asks for when the thresholds hold: the loader's default."""


@dataclass(frozen=True)
class Offered:
    """An offer of a bundle."""

    kind: Kind
    product: int
    """Product code; UNKNOWN where the timeline lacks the product."""
    relevance: float
    score: float
    because: int = UNKNOWN
    """Product code of the anchor; UNKNOWN where there is none."""
    offerable: bool = True
    """Whether a threshold would let it pass at all: a new product has an anchor, an upsell is better in something."""


def is_offerable(offer: Offer) -> bool:
    """Whether a threshold would let an offer pass that was ranked without one, however relevant it is."""
    if offer.kind in ("cross-sell", "add-on"):
        return offer.because is not None
    return offer.kind != "upsell" or bool(offer.better)


@dataclass(frozen=True)
class BundleAnswer:
    """The offers for a request, the best first."""

    offers: list[Offered]
    reason: Reason | None = None
    """Why there is none."""


@dataclass(frozen=True)
class CaseRequests:
    """Cases as requests in the loader's own fields: product ids, and naive times in UTC."""

    timeline: Timeline

    @cached_property
    def ordered_at(self) -> list[datetime]:
        """The time of each order."""
        return [day_to_time(day) for day in self.timeline.order_day.tolist()]

    def make(
        self,
        cases: Cases,
        case: int,
        kinds: Sequence[Kind] | None = None,
        exclude: Ragged | None = None,
        limit: int = SHOWN,
    ) -> dict[str, Any]:
        """The request of a case. exclude: what may not be offered, row by row; kinds: None = the moment's."""
        timeline, past = self.timeline, slice(*cases.history[case].tolist())
        lines = (of[past].tolist() for of in (timeline.line_product, timeline.line_order, timeline.line_quantity))
        return {
            "cart": self.ids(cases.cart[case]),
            "history": [
                {
                    "product_id": timeline.product_ids[product],
                    "ordered_at": self.ordered_at[order],
                    "quantity": quantity,
                }
                for product, order, quantity in zip(*lines, strict=True)
            ],
            "at": day_to_time(float(cases.at[case])),
            "moment": MOMENTS[int(cases.moment[case])],
            "kinds": None if kinds is None else list(kinds),
            "limit": limit,
            "exclude": [] if exclude is None else self.ids(exclude[case]),
        }

    def ids(self, products: Int64) -> list[str]:
        """The ids of product codes."""
        return [self.timeline.product_ids[product] for product in products.tolist()]


@dataclass(frozen=True)
class BundleMethod:
    """A bundle that ranks and shows products of a timeline, of whose cases its requests are made."""

    recommender: AnswersRequests
    timeline: Timeline
    name: str = OURS

    @cached_property
    def requests(self) -> CaseRequests:
        """Makes the requests."""
        return CaseRequests(self.timeline)

    @cached_property
    def code_of(self) -> dict[str, int]:
        """Product id -> product code."""
        return {product_id: code for code, product_id in enumerate(self.timeline.product_ids)}

    def code(self, product_id: str | None) -> int:
        """The product's code; UNKNOWN of no product, and of one that the timeline lacks."""
        return UNKNOWN if product_id is None else self.code_of.get(product_id, UNKNOWN)

    @property
    def knows_value(self) -> bool:
        """The bundle knows of some product what a sale brings, so that it can order by value."""
        return self.recommender.manifest.get("value") is not None

    def rank(self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None) -> list[Int64]:
        """The k best of what it retrieves for each case, without thresholds; no product that is not permitted."""
        return [products for products, _ in self.scored(cases, restriction, k, kinds)]

    def scored(
        self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None
    ) -> list[ScoredList]:
        """The same with their relevance. RANKED offers are asked for; where few products are permitted, those alone.

        What the restriction forbids is excluded by the request, and what else is not permitted dropped from the answer.
        """

        def request(case: int) -> dict[str, Any]:
            few = restriction.few(case)
            named = {} if few is None else {"only": self.requests.ids(few)}
            return self.requests.make(cases, case, kinds, restriction.forbidden, RANKED) | named

        ranked: list[ScoredList] = []
        for case, answer in enumerate(self.answers(map(request, range(len(cases))), threshold=False)):
            offers = [offered for offered in answer.offers if offered.product != UNKNOWN]
            products = np.array([offered.product for offered in offers], dtype=np.int64)
            relevance = np.array([offered.relevance for offered in offers], dtype=np.float64)
            best = np.flatnonzero(restriction.mask(case)[products])[:k]
            ranked.append((products[best], relevance[best]))
        return ranked

    def show(self, cases: Cases, limit: int = SHOWN, order: Order | None = None) -> Iterator[BundleAnswer]:
        """For each case at most `limit` offers at the bundle's thresholds, of its moment's kinds.

        order: None = by relevance. An offer of a product that the timeline lacks is left out.
        """
        requests = (self.requests.make(cases, case, limit=limit) | {"order": order} for case in range(len(cases)))
        for answer in self.answers(requests):
            known = [offered for offered in answer.offers if offered.product != UNKNOWN]
            yield BundleAnswer(known, answer.reason)

    def answers(self, requests: Iterable[Mapping[str, Any]], *, threshold: bool = True) -> Iterator[BundleAnswer]:
        """The answer to each request, in order, with product codes."""
        for offers in stream_answers(self.recommender, requests, threshold=threshold):
            result = [
                Offered(o.kind, self.code(o.product_id), o.relevance, o.score, self.code(o.because), is_offerable(o))
                for o in offers
            ]
            yield BundleAnswer(result, offers.reason)
