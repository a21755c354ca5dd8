"""Which rules of a policy a catalogue cannot serve, and for want of which facts."""

from __future__ import annotations

import math

from mersalg.policy.catalogue import Catalogue
from mersalg.policy.rules import NEEDS, RuleName
from mersalg.policy.sections import Policy


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
