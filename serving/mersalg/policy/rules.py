"""What a rule is, the names of all rules, and which facts of the catalogue each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mersalg.offers import Offer
from mersalg.policy.catalogue import Product
from mersalg.policy.context import RequestContext

RuleName = Literal[
    "not in the catalogue",
    "blocked",
    "no price",
    "out of stock",
    "region",
    "age",
    "margin",
    "not dearer",
    "not cheaper",
    "upsell step",
    "usual price",
    "beside the cart",
    "owned",
    "covered",
    "most of a kind",
    "most of a type",
    "never together",
    "coherence",
    "budget",
    "cart ceiling",
]

RULES: Final[Mapping[RuleName, str]] = {
    "not in the catalogue": "the catalogue of today does not have the product",
    "blocked": "the product, its brand, type or category is blocked",
    "no price": "the product has no price today",
    "out of stock": "fewer pieces than least_stock are left",
    "region": "it is not sold in the shopper's region, or the region is not known and it is not sold everywhere",
    "age": "the shopper is too young, or the age is not known and the product has a minimum",
    "margin": "the margin of today is below least_margin, or the cost is not known",
    "not dearer": "an upsell that does not cost more than its anchor today",
    "not cheaper": "an add-on that does not cost less than its anchor today",
    "upsell step": "an upsell more than upsell_step dearer than its anchor",
    "usual price": "an upsell above what this customer has been paying in its type",
    "beside the cart": "it costs more than most_of_cart of the cart",
    "owned": "a durable product that the customer has",
    "covered": "a warranty, a subscription or a part of one that the customer has",
    "most of a kind": "the moment's most of its kind are there already",
    "most of a type": "most_of_type offers of its product type are there already",
    "never together": "an offer of a kind that it is never mixed with is there already",
    "coherence": "it fits only what an upsell of the same answer replaces, or replaces what an accessory there fits",
    "budget": "it does not fit into what is left of the shopper's budget",
    "cart ceiling": "cart and offers together would cost more than cart_ceiling",
}
"""Why an offer was taken out, in the order in which the rules are tried."""


Check = Callable[[Offer, Product, RequestContext], bool]
"""Whether an offer, of a product as the catalogue knows it today, may not be made in a context."""


@dataclass(frozen=True, slots=True)
class OfferRule:
    """A rule on one offer alone."""

    name: RuleName
    refuses: Check


FactsOfRule = Mapping[RuleName, tuple[str, ...]]

NEEDS: Final[FactsOfRule] = {
    "not in the catalogue": (),
    "no price": ("price",),
    "out of stock": ("stock",),
    "region": ("regions",),
    "age": ("minimum_age",),
    "margin": ("price", "cost"),
    "not dearer": ("price",),
    "not cheaper": ("price",),
    "upsell step": ("price",),
    "usual price": ("price", "product_type"),
    "beside the cart": ("price",),
    "owned": ("nature",),
    "covered": ("nature",),
    "most of a type": ("product_type",),
    "coherence": ("accessory_for",),
    "budget": ("price",),
    "cart ceiling": ("price",),
}
"""The facts without any of which a rule cannot act and is switched off; "blocked" has its own for each key."""
