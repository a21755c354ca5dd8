"""What a bundle offers for saved requests, beside what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mersalg.names import Kind
from mersalg.offers import Offers
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg.saved_requests.reading import SavedRequest


@dataclass(frozen=True, slots=True)
class Absent:
    """A product that had to be offered and was not: how near it came."""

    product_id: str
    kind: Kind | None
    """None where it is no candidate for the request; its relevance is then 0."""
    relevance: float


@dataclass(frozen=True, slots=True)
class SavedOutcome:
    """What came of one saved request."""

    saved: SavedRequest
    offers: Offers
    missing: tuple[Absent, ...]
    """Of `must`, in its order."""
    unwanted: tuple[str, ...]
    """Offered although they must not be."""

    @property
    def kept(self) -> bool:
        """Nothing is missing and nothing unwanted."""
        return not self.missing and not self.unwanted

    @property
    def welcome(self) -> int:
        """Offers that must or may be made."""
        return sum(offer.product_id in (*self.saved.must, *self.saved.may) for offer in self.offers)


def check_saved(by: AnswersRequests, saved: Sequence[SavedRequest]) -> list[SavedOutcome]:
    """The outcome of each saved request, in order; `by` may stand under a policy. RequestError as `by` raises it."""
    answers = stream_answers(by, [one.request for one in saved])
    return [outcome_of(by, one, offers) for one, offers in zip(saved, answers, strict=True)]


def outcome_of(by: AnswersRequests, saved: SavedRequest, offers: Offers) -> SavedOutcome:
    """What of the judgements an answer keeps."""
    offered = [offer.product_id for offer in offers]
    missing = [product_id for product_id in saved.must if product_id not in offered]
    return SavedOutcome(
        saved=saved,
        offers=offers,
        missing=tuple(how_near(by, saved.request, missing)),
        unwanted=tuple(product_id for product_id in offered if product_id in saved.must_not),
    )


def how_near(by: AnswersRequests, request: Mapping[str, Any], missing: Sequence[str]) -> Iterable[Absent]:
    """Kind and relevance of products that were not offered, asked for once more by themselves without thresholds."""
    if not missing:
        return []
    again = {**request, "only": list(missing), "limit": len(missing)}
    (offers,) = stream_answers(by, [again], threshold=False)
    found = {offer.product_id: offer for offer in offers}
    return [
        Absent(product_id, found[product_id].kind, found[product_id].relevance)
        if product_id in found
        else Absent(product_id, None, 0.0)
        for product_id in missing
    ]
