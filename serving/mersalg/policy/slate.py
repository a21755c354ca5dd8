"""What of the offers that may be made stands side by side in one answer: caps, mixing, coherence, cumulative cost."""

from __future__ import annotations

import math
from collections import Counter

from mersalg.names import Kind
from mersalg.offers import Offer
from mersalg.policy.catalogue import Product
from mersalg.policy.context import CENT_FRACTION, RequestContext
from mersalg.policy.rules import RuleName
from mersalg.policy.sections import MomentRules, Policy


class Slate:
    """The offers of one answer while it is filled, the first ones first."""

    def __init__(self, policy: Policy, moment: MomentRules, context: RequestContext, off: frozenset[RuleName]) -> None:
        self.moment = moment
        self.context = context
        self.off = off
        self.offers: list[Offer] = []
        self.products: list[Product] = []
        self.of_kind: Counter[Kind] = Counter()
        self.of_type: Counter[str] = Counter()
        self.most_of_type = math.inf if "most of a type" in off else policy.diversity.most_of_type
        self.coherent = policy.diversity.coherent and "coherence" not in off
        budget = context.shopper.budget
        self.budget = math.inf if budget is None else budget
        self.ceiling = math.inf
        if context.cart_is_open and policy.budget.cart_ceiling < math.inf and "cart ceiling" not in off:
            known = context.cart_cost_is_known
            self.ceiling = policy.budget.cart_ceiling - context.cart_cost if known else -math.inf
        self.spent = 0.0
        self.replaced: Counter[str | None] = Counter()
        """Product of the cart -> its pieces in place of which an upsell stands."""

    def refusal(self, offer: Offer, product: Product) -> RuleName | None:
        """The rule by which an offer may not stand beside those that are there; None where it may."""
        return self.refusal_by_sort(offer, product) or self.refusal_by_cost(offer, product)

    def refusal_by_sort(self, offer: Offer, product: Product) -> RuleName | None:
        """Whether there is enough of its kind or type, or something that it does not go with."""
        if self.of_kind[offer.kind] >= self.moment.kinds[offer.kind]:
            return "most of a kind"
        if product.product_type is not None and self.of_type[product.product_type] >= self.most_of_type:
            return "most of a type"
        for group in self.moment.never_together:
            if offer.kind in group and any(self.of_kind[other] for other in group if other != offer.kind):
                return "never together"
        return "coherence" if self.coherent and self.contradicts(offer, product) else None

    def refusal_by_cost(self, offer: Offer, product: Product) -> RuleName | None:
        """Whether it costs too much together with those that are there; what is not known costs too much."""
        if self.budget == self.ceiling == math.inf:
            return None
        total = self.spent + self.extra_cost(offer, product) - CENT_FRACTION
        if total > self.budget:
            return "budget"
        return "cart ceiling" if total > self.ceiling else None

    def contradicts(self, offer: Offer, product: Product) -> bool:
        """Whether offer and one that is there are an upsell and an accessory that fits only what it replaces."""
        for other, beside in zip(self.offers, self.products, strict=True):
            if offer.kind == "upsell" and self.fits_only(beside, offer.because, product.product_id):
                return True
            if other.kind == "upsell" and self.fits_only(product, other.because, other.product_id):
                return True
        return False

    def fits_only(self, accessory: Product, replaced: str | None, instead: str) -> bool:
        """Whether an accessory fits the replaced product, and neither what comes instead nor another of the cart."""
        fits = accessory.accessory_for
        if replaced not in fits or instead in fits:
            return False
        return not any(product_id in fits for product_id in self.context.cart if product_id != replaced)

    def extra_cost(self, offer: Offer, product: Product) -> float:
        """What the offer adds to the cart that those that are there leave: its price, or for an upsell the difference.

        The difference counts while there is a piece of its anchor that no other upsell replaces. inf where a price that
        is needed is not known.
        """
        if product.price is None:
            return math.inf
        if self.replaced[offer.because] >= self.context.pieces_to_replace(offer):
            return product.price
        anchor = self.context.price(offer.because)
        return product.price - anchor if anchor is not None else math.inf

    def add(self, offer: Offer, product: Product) -> None:
        """Put the offer behind those that are there."""
        self.offers.append(offer)
        self.products.append(product)
        self.of_kind[offer.kind] += 1
        if product.product_type is not None:
            self.of_type[product.product_type] += 1
        if self.budget < math.inf or self.ceiling < math.inf:
            self.spent += self.extra_cost(offer, product)
            if offer.kind == "upsell":
                self.replaced[offer.because] += 1
