"""Rules on what may be sold to this shopper today: catalogue, blocks, price, stock, region, age, margin."""

from __future__ import annotations

from mersalg.offers import Offer
from mersalg.policy.catalogue import Product
from mersalg.policy.context import CENT_FRACTION, RequestContext
from mersalg.policy.rules import Check, OfferRule
from mersalg.policy.sections import BlockedRules, Policy


def eligibility_rules(policy: Policy) -> tuple[OfferRule, ...]:
    """The rules of `[blocked]` and `[eligibility]`, in the order in which they are tried."""
    eligibility = policy.eligibility
    rules = [OfferRule("blocked", blocked_by(policy.blocked)), OfferRule("no price", has_no_price)]
    if eligibility.not_in_catalogue == "refuse":
        rules.insert(0, OfferRule("not in the catalogue", is_not_in_catalogue))
    if eligibility.least_stock > 0:
        rules.append(OfferRule("out of stock", stock_below(eligibility.least_stock)))
    rules += [OfferRule("region", is_not_sold_there), OfferRule("age", is_too_young)]
    if eligibility.least_margin > float("-inf"):
        rules.append(OfferRule("margin", margin_below(eligibility.least_margin)))
    return tuple(rules)


def is_not_in_catalogue(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether the catalogue of today does not have it."""
    return offer.product_id not in context.catalogue.products


def blocked_by(blocked: BlockedRules) -> Check:
    """Whether product, brand, type or category is blocked."""

    def is_blocked(offer: Offer, product: Product, context: RequestContext) -> bool:
        return (
            offer.product_id in blocked.products
            or product.brand in blocked.brands
            or product.product_type in blocked.product_types
            or product.category in blocked.categories
        )

    return is_blocked


def has_no_price(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether the catalogue has the product, but not for money."""
    return not product.price and offer.product_id in context.catalogue.products


def stock_below(least: float) -> Check:
    """Whether fewer pieces are left; a stock that is not counted is enough."""

    def is_out_of_stock(offer: Offer, product: Product, context: RequestContext) -> bool:
        return product.stock is not None and product.stock < least

    return is_out_of_stock


def is_not_sold_there(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether it is sold in some regions only, and the shopper's is none of them or not known."""
    return bool(product.regions) and context.shopper.region not in product.regions


def is_too_young(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether it has a minimum age, and the shopper's is below it or not known."""
    age = context.shopper.age
    return bool(product.minimum_age) and (age is None or age < (product.minimum_age or 0.0))


def margin_below(least: float) -> Check:
    """Whether the margin, as a share of the price, is lower or not known."""

    def is_below_the_floor(offer: Offer, product: Product, context: RequestContext) -> bool:
        if product.cost is None or not product.price:
            return True
        return product.price - product.cost < least * product.price - CENT_FRACTION

    return is_below_the_floor
