"""A loaded bundle as a method among others: cases become requests, and its offers product codes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mersalg.names import MOMENTS, Kind
from mersalg.offers import Offers
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.ranking.cases import Cases, Ragged

THREADS: Final = 2
"""Answers of a bundle that are computed at once."""

RANKED: Final = 200
"""Offers that a request asks for when all that was retrieved is ranked."""
SHOWN: Final = 3
"""Offers that a request asks for when the thresholds hold: the loader's default."""

Answer = list[tuple[Kind, int]]
"""The kind and the product code of each offer, the best first."""
Only = Callable[[int], Int64 | None]
"""Case -> the product codes that alone are candidates; None = all that is retrieved."""


class Score(Protocol):
    """Ranks for each case all that it retrieves, without thresholds."""

    def __call__(
        self, cases: Cases, kinds: Sequence[Kind] | None, exclude: Ragged, only: Only | None = None
    ) -> list[Answer]:
        """An answer for each case; of `kinds` only (None = the moment's), and of no product of the row of `exclude`.

        Where `only` names products, every one of them is a candidate, and nothing else.
        """


Show = Callable[[Cases], list[Answer]]
"""What is shown for each case: the moment's kinds, above their thresholds, at most SHOWN."""


MakeRequest = Callable[[Cases, int, Sequence[Kind] | None, Ragged | None, int], dict[str, Any]]
"""Case, kinds, what may not be offered and the limit -> the request as the loader takes it."""


def bundle_scorer(recommender: AnswersRequests, timeline: Timeline) -> Score:
    """The bundle's whole ranking, at most RANKED. An offer of a product that the timeline lacks is left out."""
    make_request = request_maker(timeline)
    code_of = {product_id: code for code, product_id in enumerate(timeline.product_ids)}

    def score(cases: Cases, kinds: Sequence[Kind] | None, exclude: Ragged, only: Only | None = None) -> list[Answer]:
        requests = (
            make_request(cases, case, kinds, exclude, RANKED) | named(None if only is None else only(case))
            for case in range(len(cases))
        )
        return [read_offers(offers, code_of) for offers in stream_answers(recommender, requests, threshold=False)]

    def named(products: Int64 | None) -> dict[str, list[str]]:
        return {} if products is None else {"only": [timeline.product_ids[product] for product in products.tolist()]}

    return score


@dataclass(frozen=True)
class Offered:
    """What is shown, and with which relevance."""

    kind: Kind
    product: int
    """Product code."""
    relevance: float


@dataclass(frozen=True)
class Shower:
    """What a bundle shows at its thresholds. An offer of a product that the timeline lacks is left out."""

    recommender: AnswersRequests
    make_request: MakeRequest
    code_of: Mapping[str, int]

    def __call__(self, cases: Cases) -> list[Answer]:
        """An answer for each case, at most SHOWN offers long."""
        return [[(offered.kind, offered.product) for offered in offers] for offers in self.offers(cases, SHOWN)]

    def offers(self, cases: Cases, limit: int) -> Iterator[list[Offered]]:
        """The offers for each case, at most `limit`, of the moment's kinds, the best first."""
        requests = (self.make_request(cases, case, None, None, limit) for case in range(len(cases)))
        for offers in stream_answers(self.recommender, requests):
            known = (offer for offer in offers if offer.product_id in self.code_of)
            yield [Offered(offer.kind, self.code_of[offer.product_id], offer.relevance) for offer in known]


def bundle_shower(recommender: AnswersRequests, timeline: Timeline) -> Shower:
    """What the bundle shows for requests made of a timeline."""
    code_of = {product_id: code for code, product_id in enumerate(timeline.product_ids)}
    return Shower(recommender, request_maker(timeline), code_of)


def read_offers(offers: Offers, code_of: Mapping[str, int]) -> Answer:
    """Kind and product code of each offer."""
    return [(offer.kind, code_of[offer.product_id]) for offer in offers if offer.product_id in code_of]


def request_maker(timeline: Timeline) -> MakeRequest:
    """Make the request of one case, as the loader takes it: product ids, naive times in UTC."""
    ids = timeline.product_ids
    time_of_order = [day_to_time(day) for day in timeline.order_day.tolist()]
    line_order = timeline.line_order

    def make(
        cases: Cases, case: int, kinds: Sequence[Kind] | None, exclude: Ragged | None, limit: int
    ) -> dict[str, Any]:
        past = slice(*cases.history[case].tolist())
        products = timeline.line_product[past].tolist()
        orders, quantities = line_order[past].tolist(), timeline.line_quantity[past].tolist()
        return {
            "cart": [ids[product] for product in cases.cart[case].tolist()],
            "history": [
                {"product_id": ids[product], "ordered_at": time_of_order[order], "quantity": quantity}
                for product, order, quantity in zip(products, orders, quantities, strict=True)
            ],
            "at": day_to_time(float(cases.at[case])),
            "moment": MOMENTS[int(cases.moment[case])],
            "kinds": None if kinds is None else list(kinds),
            "limit": limit,
            "exclude": [] if exclude is None else [ids[product] for product in exclude[case].tolist()],
        }

    return make
