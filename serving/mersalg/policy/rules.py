"""What a rule is, the names of all rules, which facts of the catalogue each needs, and which rules one cannot serve."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mersalg.offers import Offer
from mersalg.policy.catalogue import Catalogue, Product
from mersalg.policy.context import RequestContext
from mersalg.policy.sections import Policy

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


def switched_off(policy: Policy, catalogue: Catalogue) -> dict[RuleName, tuple[str, ...]]:
    """Rule -> facts that it needs and of which the catalogue knows none; rules that the policy does not want are out.

    An empty catalogue serves no rule but those on the kinds and on product ids.
    """
    wanted = wanted_rules(policy)
    off: dict[RuleName, tuple[str, ...]] = {}
    for rule, facts in NEEDS.items():
        missing = tuple(fact for fact in facts if not catalogue.knows(fact))
        if rule in wanted and missing:
            off[rule] = missing
    if "not in the catalogue" in wanted and not catalogue:
        off["not in the catalogue"] = ("product_id",)
    return off


def wanted_rules(policy: Policy) -> frozenset[RuleName]:
    """The rules that the policy sets, whether or not the catalogue can serve them."""
    conditions: dict[RuleName, bool] = {
        "not in the catalogue": policy.eligibility.not_in_catalogue == "refuse",
        "out of stock": policy.eligibility.least_stock > 0,
        "margin": policy.eligibility.least_margin > -math.inf,
        "upsell step": policy.budget.upsell_step < math.inf,
        "usual price": policy.budget.paid_lines > 0,
        "beside the cart": any(moment.most_of_cart < math.inf for moment in policy.moments.values()),
        "coherence": policy.diversity.coherent,
        "cart ceiling": policy.budget.cart_ceiling < math.inf,
    }
    return frozenset(rule for rule in NEEDS if conditions.get(rule, True))


def deaf_blocks(policy: Policy, catalogue: Catalogue) -> dict[str, str]:
    """Key of `[blocked]` that names something -> the fact of which the catalogue knows none."""
    facts = {"brands": "brand", "product_types": "product_type", "categories": "category"}
    return {key: fact for key, fact in facts.items() if getattr(policy.blocked, key) and not catalogue.knows(fact)}
