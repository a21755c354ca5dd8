"""The first thing that keeps a product out of an answer.

The stages are tried in the order in which a request goes through them. Each is told by the bundle's own graph, by what
it holds inside or by what it answers to the same request with one thing changed, and by the policy's own rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from mersalg.errors import MersalgError
from mersalg.names import AFTER_PAYMENT, KINDS, MANNERS, MOMENTS
from mersalg.offers import REASONS, Offer, Reason, answer_without_graph
from mersalg.policy.recommender import PolicyRecommender
from mersalg.policy.rules import RULES
from mersalg.recommender import Recommender
from mersalg.requests import MAX_LIMIT, Request
from mersalg_training.explanation.players import REFERENCE_MOMENT
from mersalg_training.explanation.result import SourceTrace, Stage, WhyNot
from mersalg_training.explanation.traced_scorer import Trace, TracedScorer

Sentence = tuple[Stage, str]
ALL_KINDS = (True,) * len(KINDS)
NAMED_OFFERS = 3
"""Offers that stand before a product and are named."""


@dataclass(frozen=True)
class Asked:
    """A product that was not offered, the request, and what it is asked of."""

    recommender: Recommender
    scorer: TracedScorer
    policy: PolicyRecommender | None
    request: Request
    """As the graph is asked: under a policy for everything of the policy's kinds."""
    original: Request
    """As it was sent."""
    product_id: str
    refused: Reason | None = None
    """Why the policy answers the request itself, with nothing."""

    def name(self, product_id: str | None) -> str:
        """A product's name; with its id where the product that is asked about has the same."""
        if product_id is None:
            return "nothing"
        name = self.recommender.name(product_id)
        is_namesake = product_id != self.product_id and name == self.recommender.name(self.product_id)
        return f"{name} ({product_id})" if is_namesake else name

    @cached_property
    def item(self) -> int:
        """The product inside the graph."""
        return self.scorer.item_of[self.product_id]

    @cached_property
    def trace(self) -> Trace:
        """The run that answers the request, with all that reaches its threshold."""
        return self.scorer.run(replace(self.request, limit=MAX_LIMIT))

    @cached_property
    def scored(self) -> Offer:
        """The product as it is scored, whatever keeps it out."""
        return self.scorer.scored(self.request, self.product_id)

    @cached_property
    def sources(self) -> tuple[SourceTrace, ...]:
        """Which sources brought it."""
        return self.scorer.sources(self.trace, self.product_id)

    @property
    def threshold(self) -> float | None:
        """The relevance from which its kind is shown."""
        least: float | None = self.recommender.manifest["kinds"][self.scored.kind]["threshold"]
        return least

    @property
    def shows_best_sellers(self) -> bool:
        """Whether a policy lets the graph rank everything, for an empty page."""
        return self.policy is not None and self.policy.wants_best_sellers(self.original)

    def is_eligible(self, **changes: object) -> bool:
        """Whether it could become a candidate of the request with something changed."""
        return self.scorer.is_eligible(replace(self.request, **changes), self.product_id)  # type: ignore[arg-type]


def why_not(asked: Asked) -> WhyNot:
    """The first stage that keeps the product out. MersalgError for a product that is offered."""
    for try_stage in (by_request, by_eligibility, by_candidates, by_threshold, by_answer):
        result = try_stage(asked)
        if result is not None:
            return result
    raise MersalgError(f"product: expected one that is not offered, got {asked.product_id}, which is")


def by_request(asked: Asked) -> WhyNot | None:
    """What the request alone says."""
    request, product_id = asked.request, asked.product_id
    empty = answer_without_graph(request, asked.recommender.customers_return)
    if (refused := asked.refused or (empty.reason if empty is not None else None)) is not None:
        return plain(asked, "request", f"Every product is left out: {REASONS[refused]}.")
    if product_id not in asked.scorer.item_of:
        return plain(asked, "unknown product", "The bundle does not know this product: it was not in its purchases.")
    if product_id in request.cart and not asked.is_eligible():
        paid = MOMENTS[request.moment] in AFTER_PAYMENT
        return plain(asked, "in the cart", "It was just paid for." if paid else "It is in the cart.")
    if product_id in request.exclude:
        return plain(asked, "excluded by the request", "The request excludes it.")
    if request.only and product_id not in request.only:
        return plain(asked, "outside only", f"The request wants nothing but {len(set(request.only))} other products.")
    return None


def plain(asked: Asked, stage: Stage, sentence: str) -> WhyNot:
    """An answer without a score."""
    return WhyNot(asked.product_id, asked.name(asked.product_id), stage, sentence)


def by_eligibility(asked: Asked) -> WhyNot | None:
    """What the catalogue, the moment and the kinds asked for do not let become a candidate."""
    if asked.is_eligible():
        return None
    request, moment = asked.request, MOMENTS[asked.request.moment]
    if asked.is_eligible(kinds=ALL_KINDS, by_moment=False):
        kinds = ", ".join(kind for kind, is_asked in zip(KINDS, request.kinds, strict=True) if is_asked)
        told = f"It would be {asked.scored.kind}, which is not asked for {at(moment)}: {kinds}."
        return scored(asked, "kind not asked for", told)
    if moment in AFTER_PAYMENT and asked.is_eligible(moment=MOMENTS.index(REFERENCE_MOMENT), kinds=ALL_KINDS):
        is_upsell = asked.scored.kind == "upsell"
        told = "no upsell" if is_upsell else "nothing of a type just paid for"
        return scored(asked, "not at this moment", f"{sentence_start(at(moment))} {told} is offered.")
    for line in dict.fromkeys(request.cart):
        others = [other for other in request.cart if other != line]
        if asked.is_eligible(cart=others, kinds=ALL_KINDS, by_moment=False):
            told = f"The catalogue keeps it apart from {asked.name(line)}, which is in the cart."
            return scored(asked, "excluded by a declared relation", told)
    return scored(asked, "replaced", "The catalogue declares that another product replaces it.")


def at(moment: str) -> str:
    """Where a moment is."""
    told = {"cart": "in the cart", "follow-up": "in a follow-up", "product-page": "on a product page"}
    return told.get(moment, f"at {moment.replace('-', ' ')}")


def sentence_start(words: str) -> str:
    """Words with a capital."""
    return words[0].upper() + words[1:]


def by_candidates(asked: Asked) -> WhyNot | None:
    """What retrieval does not bring, or the first score cuts."""
    trace, inner = asked.trace, asked.scorer.inner
    place = trace.place_in(inner.pool_item, asked.item)
    if place is None or not trace.values[inner.eligible][place]:
        told = f"No source brings it for this request. {would_be(asked)}"
        return scored(asked, "not retrieved", told)
    for part, kept in zip(inner.parts, inner.places, strict=True):
        mask = trace.values[part]
        if not mask[place] or place in trace.values[kept]:
            continue
        scores = trace.values[inner.pool_score]
        ahead = int((mask & (scores > scores[place])).sum())
        places = len(trace.values[kept])
        told = (
            f"It is number {ahead + 1} of {int(mask.sum())} by the first score, and the trees look at {places}. "
            f"{would_be(asked)}"
        )
        return scored(asked, "cut before the trees", told, ahead + 1, places)
    return None


def by_threshold(asked: Asked) -> WhyNot | None:
    """What has no anchor or nothing better, or is not relevant enough."""
    offer, least = asked.scored, asked.threshold
    if not asked.shows_best_sellers and (reason := not_offerable(asked)) is not None:
        return scored(asked, *reason)
    if least is None:
        return scored(asked, "kind silent", f"The bundle never shows {offer.kind}: no threshold keeps its promise.")
    if offer.relevance < least:
        told = (
            f"It is {percent(offer.relevance)} relevant as {offer.kind}, which is shown from {percent(least)}: "
            f"the threshold would have to be {offer.relevance:.4f} instead of {least:.4f}."
        )
        return scored(asked, "below threshold", told)
    return None


def not_offerable(asked: Asked) -> Sentence | None:
    """Why the graph shows the product at no relevance; None where it may."""
    offer = asked.scored
    alone = asked.scorer.run(replace(asked.request, only=[asked.product_id])).answer
    if offer.kind in alone.best_relevance:
        return None
    if offer.kind == "upsell" and not offer.better:
        return "not better", f"It is dearer than {asked.name(offer.because)} and in nothing better that can be named."
    if offer.kind not in ("cross-sell", "add-on"):
        return "does not fit", f"It does not fit what {asked.name(offer.because)} fits."
    if offer.because is not None:
        return "varies the cart", "It is a variant, in another colour or size, of a product of the cart."
    return "nothing brings it", f"{closest_pair(asked)} {would_be(asked)}"


def closest_pair(asked: Asked) -> str:
    """The strongest pair of a product with cart or history, which does not count, and from when on one does."""
    pairs = [
        (lift, anchor)
        for source in asked.sources
        for lift, anchor in zip(source.lifts, source.by, strict=True)
        if lift is not None
    ]
    if not pairs:
        return "Nothing in cart and history was bought together with it often enough to be counted."
    lift, anchor = max(pairs)
    kinds = asked.recommender.manifest["config"]["kinds"]
    least, of_best_sellers = kinds["least_lift"], kinds["least_lift"] * kinds["best_seller_lift"]
    closest = f"Closest is {asked.name(anchor)}: bought together {lift:.1f} times as often as chance"
    told = f"Nothing in cart and history brings it. {closest}"
    if lift < least:
        return f"{told}, and a pair counts from {least:g} times on."
    return f"{told}, which may still be chance, or is too little for a best-seller ({of_best_sellers:g} times)."


def by_answer(asked: Asked) -> WhyNot | None:
    """What the moment's manners, the policy or the limit leave out of what may be shown."""
    if asked.policy is not None:
        return by_policy(asked, asked.policy)
    trace, inner = asked.trace, asked.scorer.inner
    ids = [offer.product_id for offer in trace.answer]
    if asked.product_id in ids:
        return behind(asked, ids[: ids.index(asked.product_id)], asked.request.limit)
    place = trace.place_in(inner.slate_item, asked.item)
    if place is None:
        raise MersalgError(f"product: expected {asked.product_id} among what may be shown; report this as a bug")
    if not trace.values[inner.slate_alone][place]:
        group = trace.values[inner.slate_group]
        alike = [i for i in range(place) if group[i] == group[place] >= 0 and trace.values[inner.slate_alone][i]]
        other = asked.scorer.product_ids[trace.values[inner.slate_item][alike[0]]] if alike else None
        told = f"{asked.name(other)} stands before it, of the same type or another variant of it."
        apart = "An offer before it is declared to exclude it or to resemble it."
        return scored(asked, "excluded by another offer", told if other is not None else apart)
    moment = MOMENTS[asked.request.moment]
    most = int(trace.values[inner.slate_most][place])
    of_turn = (turn.kinds for turn in MANNERS[moment] if asked.scored.kind in turn.kinds and turn.most == most)
    kinds = " and ".join(next(of_turn, (asked.scored.kind,)))
    told = f"{sentence_start(at(moment))} at most {most} of {kinds} is shown, and another comes first."
    return scored(asked, "enough of its turn", told)


def by_policy(asked: Asked, policy: PolicyRecommender) -> WhyNot | None:
    """The rule that takes it out, or the offers that the policy puts first."""
    request = asked.request
    bare = asked.shows_best_sellers
    may_be_shown = policy.best_sellers(request) if bare else asked.recommender.answer([request], threshold=True)[0]
    before: list[str] = []
    for offer, rule in policy.decisions(asked.original, may_be_shown):
        if offer.product_id != asked.product_id:
            before += [offer.product_id] if rule is None else []
        elif rule is not None:
            return replace(scored(asked, "policy", f"The policy takes it out: {rule} ({RULES[rule]})."), rule=rule)
        else:
            return None
    return behind(asked, before, len(before))


def behind(asked: Asked, before: list[str], limit: int) -> WhyNot | None:
    """That other offers fill the answer; None where the product is one of them."""
    if len(before) < limit:
        return None
    first = "; ".join(map(asked.name, before[:NAMED_OFFERS]))
    more = f" and {len(before) - NAMED_OFFERS} more" if len(before) > NAMED_OFFERS else ""
    told = f"It may be shown, behind {first}{more}; the answer holds {limit}."
    return scored(asked, "behind others", told, len(before) + 1, limit)


def scored(asked: Asked, stage: Stage, sentence: str, place: int | None = None, places: int | None = None) -> WhyNot:
    """An answer with what the product would be."""
    offer = asked.scored
    return WhyNot(
        product_id=asked.product_id,
        name=asked.name(asked.product_id),
        stage=stage,
        sentence=sentence,
        kind=offer.kind,
        relevance=offer.relevance,
        threshold=asked.threshold,
        because=offer.because,
        lift=offer.lift,
        place=place,
        places=places,
        sources=asked.sources,
    )


def would_be(asked: Asked) -> str:
    """What it would be as a candidate, and the floor of its kind."""
    least = asked.threshold
    floor = "which is never shown" if least is None else f"shown from {percent(least)}"
    return f"As a candidate it would be {asked.scored.kind}, {percent(asked.scored.relevance)} relevant, {floor}."


def percent(share: float) -> str:
    """A relevance with two digits that count."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
