"""Rules on what may be sold to this shopper today: catalogue, blocks, price, stock, region, age, margin, owned."""

from __future__ import annotations

from mersalg.offers import Offer
from mersalg.policy.catalogue import Product
from mersalg.policy.context import CENT_FRACTION, Holding, RequestContext
from mersalg.policy.rules import Check, OfferRule
from mersalg.policy.sections import BlockedRules, OwnedRules, Policy


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


def owned_rules(owned: OwnedRules) -> tuple[OfferRule, ...]:
    """The rules on durable products, and on warranties, subscriptions and what they include."""
    return (OfferRule("owned", owned_by(owned.one_is_enough)), OfferRule("covered", is_covered))


def owned_by(one_is_enough: frozenset[str]) -> Check:
    """Whether it is a durable product that the customer has: itself, a variant, or one of a type of which one will do.

    An upsell in place of a product of the cart is not held against what else is had of its variants and type: the
    customer has chosen to buy one.
    """

    def is_owned(offer: Offer, product: Product, context: RequestContext) -> bool:
        if product.nature != "durable":
            return False
        if any(holding.product.product_id == product.product_id for holding in context.holdings):
            return True
        if is_instead_of_cart(offer, context):
            return False
        enough = product.product_type in one_is_enough
        return any(
            is_variant(product, holding.product) or (enough and holding.product.product_type == product.product_type)
            for holding in context.holdings
        )

    return is_owned


def is_covered(offer: Offer, product: Product, context: RequestContext) -> bool:
    """Whether a warranty or subscription of the same sort is had, or something had includes the product.

    Of two of one type that both say what they are for, one covers the other only where they share something. An
    upsell in place of a product of the cart is not held against that product.
    """
    replaced = offer.because if is_instead_of_cart(offer, context) else None
    for holding in context.holdings:
        if holding.only_in_cart and holding.product.product_id == replaced:
            continue
        if product.product_id in holding.product.includes or is_same_service(product, holding):
            return True
    return False


def is_same_service(product: Product, holding: Holding) -> bool:
    """Whether the product is a warranty or subscription that what is had makes needless."""
    had = holding.product
    if product.nature not in ("warranty", "subscription"):
        return False
    if had.product_id == product.product_id or is_variant(product, had):
        return True
    if had.nature != product.nature or had.product_type is None or had.product_type != product.product_type:
        return False
    apart = had.accessory_for and product.accessory_for and not set(had.accessory_for) & set(product.accessory_for)
    return not apart


def is_variant(product: Product, other: Product) -> bool:
    """Whether both are variants of one, or one of the other."""
    return (
        product.variant_of == other.product_id
        or other.variant_of == product.product_id
        or (product.variant_of is not None and product.variant_of == other.variant_of)
    )


def is_instead_of_cart(offer: Offer, context: RequestContext) -> bool:
    """Whether the offer is made in place of a product that lies in the cart."""
    return offer.kind == "upsell" and offer.because in context.cart
