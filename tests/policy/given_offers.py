"""A recommender whose offers are given by hand, so that what a policy makes of them is evident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mersalg.names import KINDS, Kind
from mersalg.offers import Offer, Offers
from mersalg.policy import Catalogue, PolicyRecommender, parse_policy
from mersalg.requests import Request

AT = "2024-06-01T12:00:00"


class GivenOffers:
    """Answers every request with the same offers, best first, of the kinds that it asks for, cut to its limit."""

    folder = Path("nowhere")

    def __init__(self, offers: Iterable[Offer]) -> None:
        self.offers = tuple(offers)
        self.manifest: Mapping[str, Any] = {}
        self.asked: list[Request] = []
        self.calls = 0

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        self.calls += 1
        self.asked += requests
        return [self.answer_one(request) for request in requests]

    def answer_one(self, request: Request) -> Offers:
        assert request.shopper is None, "a recommender knows nothing of a shopper"
        asked = {kind for kind, wanted in zip(KINDS, request.kinds, strict=True) if wanted}
        items = tuple(offer for offer in self.offers if offer.kind in asked)[: request.limit]
        return Offers(items, None if items else "below threshold", len(self.offers), {})


def offer(product_id: str, kind: Kind = "cross-sell", because: str | None = None, relevance: float = 0.5) -> Offer:
    return Offer("", 1, product_id, kind, relevance, relevance, because)


def ranked(offers: Iterable[Offer]) -> list[Offer]:
    """The offers with falling scores and ranks from 1."""
    return [
        Offer("", rank, o.product_id, o.kind, o.relevance, 10.0 - rank, o.because)
        for rank, o in enumerate(offers, start=1)
    ]


def under(policy: str, catalogue: Iterable[Mapping[str, Any]], offers: Iterable[Offer]) -> PolicyRecommender:
    """These offers under a policy, as TOML, and a catalogue, as rows."""
    given: Any = GivenOffers(ranked(offers))
    return PolicyRecommender(given, parse_policy(policy), Catalogue(catalogue))


def shown(offers: Offers) -> list[str]:
    return [offer.product_id for offer in offers]


def line(product_id: str, days_ago: int, **more: Any) -> dict[str, Any]:
    """A line of a history, seen from AT."""
    from datetime import datetime, timedelta

    ordered_at = datetime.fromisoformat(AT) - timedelta(days=days_ago)
    return {"product_id": product_id, "ordered_at": ordered_at.isoformat(), "quantity": 1, **more}
