"""Offers, and the reason where there are none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from mersalg.bundle.onnx.inputs_outputs import FINITE
from mersalg.errors import BundleError
from mersalg.names import AFTER_PAYMENT, BETTER, KINDS, MOMENTS, Better, Kind
from mersalg.reasons import OfferReason

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mersalg.requests import Request

Reason = Literal[
    "limit is 0",
    "no kind asked for",
    "no customers known",
    "not at this moment",
    "nothing retrieved",
    "nothing goes with it",
    "kind silent",
    "below threshold",
    "filtered",
    "hold-out",
]

REASONS: Final[dict[Reason, str]] = {
    "limit is 0": "the request wants no offers",
    "no kind asked for": "the request names an empty list of kinds",
    "no customers known": "no customer is known to come back, so nothing tells what is bought after payment",
    "not at this moment": "the policy makes no offer of the kinds asked for at this moment",
    "nothing retrieved": "no product is a candidate of a kind asked for",
    "nothing goes with it": "no product is bought with these more often than orders of their size explain",
    "kind silent": "every kind asked for that has candidates has no threshold, so it is never shown",
    "below threshold": "no candidate is as relevant as the threshold of its kind",
    "filtered": "a rule of the policy refuses each offer that reached its threshold",
    "hold-out": "the customer or order is in the share that an experiment never shows offers",
}
"""Why an answer is empty, in the order in which the reasons are tried."""

ANSWER_OUTPUTS: Final = (
    "product_id", "kind", "relevance", "score", "because", "lift", "due_in_days", "interval_days", "better"
)  # fmt: skip
"""Outputs of the graph with a place for each offer."""
OFFER_FIELDS: Final = ("request_id", "rank", *ANSWER_OUTPUTS, "times_bought", "price_step")


@dataclass(frozen=True, slots=True)
class Offer:
    """A follow-on offer."""

    request_id: str
    rank: int
    """From 1."""
    product_id: str
    kind: Kind
    relevance: float
    """Calibrated probability that it is bought."""
    score: float
    """What the offers are ranked by, unless the request wants them by value."""
    because: str | None
    """The product id of the anchor that brought it; None when no product did."""
    lift: float | None = None
    """Of a new product: bought with the anchor so many times as often as orders of their size explain."""
    due_in_days: float | None = None
    """Of a replacement: days until the next purchase is expected, negative when overdue."""
    interval_days: float | None = None
    """Of an own product: days expected from one purchase to the next."""
    better: tuple[Better, ...] = ()
    """Of an upsell: in what it is better than its anchor. It is never the smaller package."""
    times_bought: int = 0
    """Lines of the request's history with it."""
    price_step: float | None = None
    """Of an upsell: what it costs more than its anchor by the catalogue of a policy; None without one."""

    @property
    def reason(self) -> OfferReason:
        """Why it is made; `offer.reason.text(recommender.name)` says it in a sentence."""
        return OfferReason(
            kind=self.kind,
            product_id=self.product_id,
            anchor=self.because,
            lift=self.lift,
            better=self.better,
            price_step=self.price_step,
            due_in_days=self.due_in_days,
            interval_days=self.interval_days,
            times_bought=self.times_bought,
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as tables and JSON take them."""
        return {**asdict(self), "better": list(self.better)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """An offer beside its anchor, by the catalogue of today, for a shop that shows the two side by side."""

    price: float | None
    """Of the offered product."""
    anchor_price: float | None
    difference: float | None
    """What the offered product costs more; negative where it costs less, None where a price is not known."""
    attributes: Mapping[str, tuple[str | None, str | None]] = field(hash=False)
    """Attribute -> the anchor's and the offered product's, for those that differ; None = it has none.

    Empty where the two are of different types and it is no upsell: there is nothing to compare.
    """


@dataclass(frozen=True, slots=True, repr=False)
class Offers(Sequence[Offer]):
    """The offers of one request, best first; an immutable sequence. `reason` is set exactly when it is empty."""

    items: tuple[Offer, ...]
    reason: Reason | None
    retrieved: int
    """Candidates of the kinds asked for, before the threshold."""
    best_relevance: dict[Kind, float] = field(hash=False)
    """The best relevance among the candidates of each kind asked for that has any."""
    filtered: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Rule of the policy -> offers that it took out before the list was full; empty without a policy."""
    beside: tuple[Comparison, ...] = ()
    """Each offer beside its anchor, in the order of the offers; empty without a policy."""

    @overload
    def __getitem__(self, index: int) -> Offer: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Offer, ...]: ...
    def __getitem__(self, index: int | slice) -> Offer | tuple[Offer, ...]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        if self.reason is not None:
            best = ", ".join(f"{kind} {relevance:.3f}" for kind, relevance in self.best_relevance.items())
            rules = ", ".join(f"{rule} {count}" for rule, count in self.filtered.items())
            more = f"{'; best ' + best if best else ''}{'; by ' + rules if rules else ''}"
            return f"Offers(none: {self.reason}; {self.retrieved} retrieved{more})"
        lines = [
            f"  {o.rank}. {o.product_id!r} {o.kind}, relevance {o.relevance:.3f}"
            + (f", because of {o.because!r}" if o.because is not None else "")
            for o in self.items
        ]
        return "\n".join([f"Offers({len(self.items)} of {self.retrieved} retrieved)", *lines])


def read_answer(request: Request, outputs: dict[str, npt.NDArray[np.generic]], silent: Sequence[bool]) -> Offers:
    """The answer of a request from the graph's outputs; `silent` says by position in KINDS which have no threshold.

    The outputs are (1, K) and, for retrieved, (1,) and best_relevance, (1, 5), as the bundle format says; BundleError
    where the graph gives others, a kind that there is not, or a number that is none. A place of kind -1 holds nothing.
    """
    names = (*ANSWER_OUTPUTS, "retrieved", "best_relevance")
    try:
        (row,) = zip(*(outputs[name].tolist() for name in names), strict=True)
        for name, numbers in zip(names, row, strict=True):
            if name in FINITE and not all(map(math.isfinite, numbers)):
                raise BundleError(f"scorer.onnx: {name}: expected finite numbers, got NaN or infinity; train it again")
        return answer(request, row, silent)
    except (IndexError, TypeError, ValueError) as error:
        shapes = {name: outputs[name].shape for name in names}
        raise BundleError(
            f"scorer.onnx: expected finite outputs of 1 request, with kinds from -1 to {len(KINDS) - 1}, "
            f"got shapes {shapes}: {error}; verify the bundle"
        ) from error


def answer(request: Request, row: tuple[Any, ...], silent: Sequence[bool]) -> Offers:
    """The answer of a request from its row of every output."""
    *columns, retrieved, best = row
    bought = Counter(request.history) if columns[0] else Counter[str]()
    items = tuple(
        Offer(
            request_id=request.request_id,
            rank=rank,
            product_id=product_id,
            kind=KINDS[kind],
            relevance=relevance,
            score=score,
            because=because or None,
            lift=known(lift),
            due_in_days=known(due),
            interval_days=known(interval),
            better=advantages(better),
            times_bought=bought[product_id],
        )
        for rank, (product_id, kind, relevance, score, because, lift, due, interval, better) in enumerate(
            zip(*columns, strict=True), start=1
        )
        if kind >= 0
    )
    present = [k for k, asked in enumerate(request.kinds) if asked and best[k] >= 0]
    reason: Reason | None = None
    if not items:
        if not retrieved:
            reason = "nothing retrieved"
        elif not present:
            reason = "nothing goes with it"
        else:
            reason = "kind silent" if all(silent[k] for k in present) else "below threshold"
    return Offers(items, reason, retrieved, {KINDS[k]: best[k] for k in present})


def known(number: float) -> float | None:
    """A number of the graph; None for NaN, which stands for nothing known. ValueError for an infinite one."""
    if math.isinf(number):
        raise ValueError("a fact of an offer that is infinite")
    return None if math.isnan(number) else number


def advantages(bits: int) -> tuple[Better, ...]:
    """Those of BETTER whose bit is set."""
    return tuple(name for position, name in enumerate(BETTER) if bits >> position & 1)


def answer_without_graph(request: Request, customers_return: bool = True) -> Offers | None:
    """The empty answer of a request that asks for nothing, or of a moment after payment that nothing was learned of.

    None when the graph has to be asked.
    """
    if request.limit == 0:
        return Offers((), "limit is 0", 0, {})
    if not any(request.kinds):
        return Offers((), "no kind asked for", 0, {})
    if not customers_return and MOMENTS[request.moment] in AFTER_PAYMENT:
        return Offers((), "no customers known", 0, {})
    return None
