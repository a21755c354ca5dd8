"""A recommender under a policy: the same questions, and answers that keep every rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mersalg.customer import Customer
from mersalg.errors import RequestError
from mersalg.names import KINDS, MOMENTS, Moment
from mersalg.offers import Offer, Offers, Reason, answer_without_graph
from mersalg.policy.budget import budget_rules
from mersalg.policy.catalogue import Catalogue, Product, compared
from mersalg.policy.context import RequestContext
from mersalg.policy.eligibility import eligibility_rules, owned_rules
from mersalg.policy.rules import OfferRule, RuleName, switched_off
from mersalg.policy.sections import MomentRules, Policy
from mersalg.policy.slate import Slate
from mersalg.recommender import AnswersMany, Recommender, where_of
from mersalg.requests import MAX_LIMIT, Request, read_mapping


class PolicyRecommender(AnswersMany):
    """Answers as a `Recommender` does, with offers that keep the policy by the catalogue of today.

    Holds nothing about a request; safe to share between threads. When prices or stocks change, make another one with
    a new catalogue and replace the variable: what is in flight ends on the old one.
    """

    def __init__(self, recommender: Recommender, policy: Policy, catalogue: Catalogue | None = None) -> None:
        self.recommender = recommender
        self.policy = policy
        self.catalogue = catalogue if catalogue is not None else Catalogue()
        self.switched_off: Mapping[RuleName, tuple[str, ...]] = switched_off(policy, self.catalogue)
        """Rule -> the facts without which it cannot act."""
        self.off = frozenset(self.switched_off)
        self.rules = {moment: self.rules_at(policy.moments[moment]) for moment in MOMENTS}

    def rules_at(self, moment: MomentRules) -> tuple[OfferRule, ...]:
        """The rules on one offer at a moment that can act, in the order in which they are tried."""
        rules = (*eligibility_rules(self.policy), *budget_rules(self.policy, moment), *owned_rules(self.policy.owned))
        return tuple(rule for rule in rules if rule.name not in self.off)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """That of the bundle."""
        return self.recommender.manifest

    @property
    def folder(self) -> Path:
        """That of the bundle."""
        return self.recommender.folder

    def name(self, product_id: str) -> str:
        """The product's name, or its id when the bundle knows no name."""
        return self.recommender.name(product_id)

    def recommend(
        self,
        cart: Iterable[str] = (),
        history: Iterable[Mapping[str, Any]] = (),
        moment: str = "cart",
        kinds: Iterable[str] | None = None,
        limit: int | None = None,
        at: datetime | str | None = None,
        exclude: Iterable[str] = (),
        only: Iterable[str] = (),
        order: str | None = None,
        shopper: Mapping[str, Any] | None = None,
        customer: Customer | None = None,
    ) -> Offers:
        """The offers for one request that keep the policy, best first, or none and the reason.

        As `Recommender.recommend`, but that `kinds`, `limit` and `order` default to the policy's at the moment.
        `kinds` takes away from the policy's and adds none, and the lower limit holds. `shopper` may have region, age,
        owned and budget; a line of the history may have unit_price. RequestError names a wrong field.
        """
        asked: dict[str, Any] = {"cart": cart, "history": history, "moment": moment, "kinds": kinds, "at": at}
        asked |= {"exclude": exclude, "only": only, "order": order, "shopper": shopper, "customer": customer}
        if limit is not None:
            asked["limit"] = limit
        return self.answer([read_mapping(asked)], threshold=True)[0]

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        """The offers for checked requests: the graph is asked once for all that may be shown, then the rules act."""
        wide = [self.widened(request) for request in requests]
        asked = [request for request in wide if isinstance(request, Request)]
        bare = [threshold and self.wants_best_sellers(request) for request in asked]
        usual = [request for request, is_bare in zip(asked, bare, strict=True) if not is_bare]
        known = iter(self.recommender.answer(usual, threshold=threshold) if usual else ())
        result = iter(
            [
                self.best_sellers(request) if is_bare else next(known)
                for request, is_bare in zip(asked, bare, strict=True)
            ]
        )
        return [
            answer if isinstance(answer, Offers) else self.restrained(request, next(result))
            for request, answer in zip(requests, wide, strict=True)
        ]

    def widened(self, request: Request) -> Request | Offers:
        """The request for everything of the policy's kinds, or the answer where nothing has to be asked."""
        facts = request.shopper
        if facts is not None and facts.budget is not None and not self.catalogue.knows("price"):
            expected = "none, for the catalogue has no price to hold it against"
            raise RequestError("shopper.budget", expected, facts.budget, where_of(request))
        kinds = self.policy.moments[MOMENTS[request.moment]].kinds
        named = request.kinds if "kinds" in request.stated else (True,) * len(KINDS)
        wanted = tuple(name and kind in kinds for name, kind in zip(named, KINDS, strict=True))
        if (known := answer_without_graph(replace(request, kinds=named))) is not None:
            return known
        if not any(wanted):
            return Offers((), "not at this moment", 0, {})
        return replace(request, kinds=wanted, limit=MAX_LIMIT, by_value=False, by_moment=False, shopper=None)

    def wants_best_sellers(self, request: Request) -> bool:
        """Whether the page is empty, and the policy shows there what sells best."""
        return self.policy.moments[MOMENTS[request.moment]].best_sellers and not request.cart and not request.history

    def best_sellers(self, request: Request) -> Offers:
        """What reaches the threshold of its kind though no product brings it: the graph shows that to nobody itself."""
        (ranked,) = self.recommender.answer([request], threshold=False)
        least = {kind: rule["threshold"] for kind, rule in self.manifest["kinds"].items()}
        shown = tuple(o for o in ranked if (floor := least[o.kind]) is not None and o.relevance >= floor)
        if shown or not ranked:
            return replace(ranked, items=shown)
        is_silent = all(least[kind] is None for kind in ranked.best_relevance)
        return replace(ranked, items=(), reason="kind silent" if is_silent else "below threshold")

    def restrained(self, request: Request, result: Offers) -> Offers:
        """Of all that may be shown what keeps the rules, in the order that is wanted, cut to the limit."""
        if not result:
            return result
        decided = list(self.decisions(request, result))
        shown = [offer for offer, rule in decided if rule is None]
        filtered: Counter[str] = Counter(rule for _, rule in decided if rule is not None)
        beside = tuple(compared(offer, self.catalogue) for offer in shown)
        items = tuple(
            replace(offer, rank=rank, price_step=comparison.difference if offer.kind == "upsell" else None)
            for rank, (offer, comparison) in enumerate(zip(shown, beside, strict=True), start=1)
        )
        reason: Reason | None = None if items else "filtered"
        return Offers(items, reason, result.retrieved, result.best_relevance, dict(filtered), beside)

    def decisions(self, request: Request, result: Offers) -> Iterator[tuple[Offer, RuleName | None]]:
        """Offers in the order that is wanted, each with the rule that takes it out, None for one that is shown.

        Ends where the answer is full; what it does not reach is behind others.
        """
        moment: Moment = MOMENTS[request.moment]
        rules = self.policy.moments[moment]
        limit = min(request.limit, rules.limit) if "limit" in request.stated else rules.limit
        context = RequestContext(request, self.catalogue, self.policy.owned)
        slate = Slate(self.policy, rules, context, self.off)
        for offer in self.ordered(result, request, rules):
            product = self.catalogue.products.get(offer.product_id) or Product(offer.product_id)
            refusal = self.refusal(moment, offer, product, context) or slate.refusal(offer, product)
            if refusal is None:
                slate.add(offer, product)
            yield offer, refusal
            if len(slate.offers) == limit:
                return

    def ordered(self, result: Offers, request: Request, rules: MomentRules) -> Iterable[Offer]:
        """The offers as the policy or the request wants them, in turns; of equals the better score first."""
        offers: Iterable[Offer] = result
        if request.by_value if "order" in request.stated else rules.order == "value":
            value = self.catalogue.value
            offers = sorted(offers, key=lambda offer: -offer.relevance * value(offer.product_id))
        if not rules.first:
            return offers
        turn = {kind: place for place, kinds in enumerate(rules.first) for kind in kinds}
        return sorted(offers, key=lambda offer: turn.get(offer.kind, len(rules.first)))

    def refusal(self, moment: Moment, offer: Offer, product: Product, context: RequestContext) -> RuleName | None:
        """The first rule that refuses an offer alone; None where none does."""
        for rule in self.rules[moment]:
            if rule.refuses(offer, product, context):
                return rule.name
        return None

    def __repr__(self) -> str:
        off = f", switched off: {', '.join(self.switched_off)}" if self.switched_off else ""
        return f"PolicyRecommender({self.recommender!r}, {len(self.catalogue)} products today{off})"
