"""Rules on what an offer may cost beside its anchor, the customer's own purchases and the cart."""

from __future__ import annotations

import math

from mersalg.offers import Offer
from mersalg.policy.catalogue import Product
from mersalg.policy.context import CENT_FRACTION, RequestContext
from mersalg.policy.rules import Check, OfferRule
from mersalg.policy.sections import MomentRules, Policy


def budget_rules(policy: Policy, moment: MomentRules) -> tuple[OfferRule, ...]:
    """The rules on the price of one offer at a moment, in the order in which they are tried."""
    budget = policy.budget
    rules = [OfferRule("not dearer", is_no_dearer_upsell), OfferRule("not cheaper", is_no_cheaper_add_on)]
    if budget.upsell_step < math.inf:
        rules.append(OfferRule("upsell step", step_above(budget.upsell_step)))
    if budget.paid_lines:
        rules.append(OfferRule("usual price", above_usual_price(budget.paid_quantile, budget.paid_lines)))
    if moment.most_of_cart < math.inf:
        rules.append(OfferRule("beside the cart", dear_beside_cart(moment.most_of_cart)))
    return tuple(rules)


def is_no_dearer_upsell(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether an upsell does not cost more than its anchor today, or one of the prices is not known."""
    if offer.kind != "upsell":
        return False
    anchor = context.price(offer.because)
    return product.price is None or anchor is None or product.price <= anchor


def is_no_cheaper_add_on(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether an add-on does not cost less than its anchor today, or one of the prices is not known."""
    if offer.kind != "add-on":
        return False
    anchor = context.price(offer.because)
    return product.price is None or anchor is None or product.price >= anchor


def step_above(step: float) -> Check:
    """Whether an upsell costs more than its anchor and the step."""

    def is_above(offer: Offer, product: Product, context: RequestContext) -> bool:
        if offer.kind != "upsell":
            return False
        anchor = context.price(offer.because)
        return product.price is None or anchor is None or product.price > anchor * (1.0 + step) + CENT_FRACTION

    return is_above


def above_usual_price(quantile: float, lines: int) -> Check:
    """Whether an upsell costs more than this quantile of so many lines or more of the history in its type.

    The quantile is the lowest price that at least this share of the lines does not exceed.
    """

    def is_above(offer: Offer, product: Product, context: RequestContext) -> bool:
        if offer.kind != "upsell" or product.product_type is None:
            return False
        paid = context.paid.get(product.product_type, ())
        if len(paid) < lines:
            return False
        usual = paid[math.ceil(quantile * len(paid) - CENT_FRACTION) - 1]
        return product.price is None or product.price > usual + CENT_FRACTION

    return is_above


def dear_beside_cart(share: float) -> Check:
    """Whether it costs more than a share of the cart; pieces of unknown price count nothing, an empty cart any."""

    def is_dear(offer: Offer, product: Product, context: RequestContext) -> bool:
        if not context.cart:
            return False
        return product.price is None or product.price > share * context.cart_cost + CENT_FRACTION

    return is_dear
