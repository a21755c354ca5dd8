"""What an explanation says, as data; `to_dict` is what `--json` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from mersalg.names import Kind
from mersalg.offers import Offer, Reason
from mersalg.policy.rules import RuleName
from mersalg_training.explanation.shapley import Method

Given = Literal["cart", "history", "context"]
Stage = Literal[
    "request",
    "unknown product",
    "in the cart",
    "excluded by the request",
    "outside only",
    "kind not asked for",
    "not at this moment",
    "excluded by a declared relation",
    "replaced",
    "not retrieved",
    "cut before the trees",
    "nothing brings it",
    "not better",
    "varies the cart",
    "does not fit",
    "kind silent",
    "below threshold",
    "excluded by another offer",
    "enough of its turn",
    "policy",
    "behind others",
]

STAGES: Final[dict[Stage, str]] = {
    "request": "the request is answered with nothing, whatever the product",
    "unknown product": "the bundle does not know the product",
    "in the cart": "the product is in the cart",
    "excluded by the request": "`exclude` names it",
    "outside only": "`only` does not name it",
    "kind not asked for": "it would be of a kind that request, moment or policy do not want",
    "not at this moment": "after payment: an upsell, or of a type that was just paid for",
    "excluded by a declared relation": "the catalogue keeps it apart from a product of the cart",
    "replaced": "the catalogue says that another product replaces it",
    "not retrieved": "no source brings it as a candidate",
    "cut before the trees": "the first score keeps others in the places for candidates",
    "nothing brings it": "a new product that goes with nothing in cart and history",
    "not better": "an upsell that is better in nothing that can be named",
    "varies the cart": "a variant, in another colour or size, of a product of the cart",
    "does not fit": "an accessory that does not fit what its anchor fits",
    "kind silent": "its kind has no threshold and is never shown",
    "below threshold": "it is less relevant than the threshold of its kind",
    "excluded by another offer": "an offer before it is of its type or its variants, or declared apart from it",
    "enough of its turn": "the moment shows no more offers of its turn",
    "policy": "a rule of the policy takes it out",
    "behind others": "the offers before it fill the answer",
}
"""Why a product is not offered, in the order in which the stages are tried."""


@dataclass(frozen=True)
class Contribution:
    """What a part of the request adds to the score of an offer."""

    given: Given
    label: str
    """A product's name, or what a part of the history is."""
    product_ids: tuple[str, ...]
    """What is taken away to see what is missing; empty for the context."""
    value: float
    """Log-odds: its Shapley value."""
    error: float
    """Standard error of a value that is drawn; 0 where it is exact."""
    score_without: float
    """The offer's score when this part alone is taken away."""
    relevance_without: float
    words: str
    """What is known of this part beside the offer; empty where nothing is."""


@dataclass(frozen=True)
class Removal:
    """An offer as it is scored when a product is taken out of cart and history."""

    product_id: str
    name: str
    score: float
    relevance: float


@dataclass(frozen=True)
class OfferExplanation:
    """Why an offer is made: `base` and the contributions add up to the offer's score."""

    offer: Offer
    name: str
    reason: str
    threshold: float | None
    """The relevance from which its kind is shown; None for an offer of a silent kind."""
    base: float
    """The score for an empty cart without a history."""
    contributions: tuple[Contribution, ...]
    """The largest first."""
    method: Method
    runs: int
    """Of the graph."""
    removals: tuple[Removal, ...]
    """The check: without each product of the cart, and without `because`; the lowest score first."""
    because_confirmed: bool | None
    """Whether no removal lowers the score more than that of `because`; None where nothing is compared with it."""

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return {**asdict(self), "offer": self.offer.to_dict()}


@dataclass(frozen=True)
class SourceTrace:
    """Whether a source of candidates brought a product."""

    source: str
    brought: bool
    by: tuple[str, ...]
    """Ids of the products of cart or history in whose lists it stands, where the source has lists of products."""
    lifts: tuple[float | None, ...]
    """Of each of these: bought together so many times as often as chance; None where that is not known."""
    width: int
    """Products that one list holds."""
    asked: int
    """Lists that the request looked up."""
    listed: int
    """Lists of the bundle in which it stands."""


@dataclass(frozen=True)
class WhyNot:
    """The first thing that keeps a product out of an answer."""

    product_id: str
    name: str
    stage: Stage
    sentence: str
    kind: Kind | None = None
    """What it would be; None where it is not scored."""
    relevance: float | None = None
    """What it would have, in this request."""
    threshold: float | None = None
    """The relevance from which its kind is shown."""
    because: str | None = None
    lift: float | None = None
    rule: RuleName | None = None
    """Of the policy."""
    place: int | None = None
    """Among the candidates that compete for its places, or in the answer without a limit; from 1."""
    places: int | None = None
    """How many there are."""
    sources: tuple[SourceTrace, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Explanation:
    """Why a request is answered as it is."""

    offers: tuple[OfferExplanation, ...]
    empty: Reason | None
    """Why there is no offer; None where there is one."""
    why_not: WhyNot | None
    """Of the product that was asked about; None where none was, or where it is offered."""

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, with plain lists and dictionaries."""
        return {
            "offers": [offer.to_dict() for offer in self.offers],
            "empty": self.empty,
            "why_not": self.why_not.to_dict() if self.why_not is not None else None,
        }
