"""The keys of a policy: a constraint and a line of doc for each. The defaults stand in default.py, as TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mersalg.names import Kind, Moment, Order
from mersalg.policy import values
from mersalg.policy.values import Read


def key(read: Read) -> Any:
    """A field of a section with the function that checks its value."""
    return field(metadata={"read": read})


@dataclass(frozen=True, slots=True)
class MomentRules:
    """`[moments.NAME]`: what is offered at a moment."""

    kinds: Mapping[Kind, int] = key(values.most_of_kinds)
    """The most of each kind; a kind that is not named is not offered, and `{}` offers nothing."""
    limit: int = key(values.whole(1))
    """The most offers of an answer. A request may ask for fewer."""
    first: tuple[frozenset[Kind], ...] = key(values.turns)
    """Kinds in turns, those of one turn side by side; the kinds that are not named come last."""
    order: Order = key(values.order)  # noqa: RUF009 - it makes a field
    """By relevance, or by relevance times what a sale brings today. A request may ask for the other."""
    never_together: tuple[frozenset[Kind], ...] = key(values.groups_of_kinds)
    """Groups of kinds of which an answer holds one at most: that of the offer that comes first."""
    most_of_cart: float = key(values.number(0.0, above=True))
    """The highest price of an offer, as a share of what the cart costs today; inf = any."""
    best_sellers: bool = key(values.truth)
    """Whether a page without cart and history shows what sells best, because of nothing."""


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """`[budget]`: what an offer may cost."""

    upsell_step: float = key(values.number(0.0, above=True))
    """How much dearer than its anchor an upsell may be, as a share of the anchor's price; inf = any."""
    paid_quantile: float = key(values.number(0.0, 1.0, above=True))
    """An upsell costs no more than this quantile of what the customer has paid for a piece in its type."""
    paid_lines: int = key(values.whole(0))
    """Lines of the history in the type from which on the quantile holds; 0 = it never does."""
    cart_ceiling: float = key(values.number(0.0, above=True))
    """The most that an open cart and all offers of an answer may cost together; inf = any."""


@dataclass(frozen=True, slots=True)
class OwnedRules:
    """`[owned]`: for how long somebody has what they bought, where the catalogue's lasts_days does not say it."""

    durable_days: float = key(values.number(0.0))
    """Days for which a durable product is had; inf = for ever, 0 = not at all."""
    warranty_days: float = key(values.number(0.0))
    """The same for a warranty."""
    subscription_days: float = key(values.number(0.0))
    """The same for a subscription."""
    one_is_enough: frozenset[str] = key(values.texts)
    """Product types of durable products of which nobody wants a second while they have one."""
    days_of_type: Mapping[str, float] = key(values.days_by_name)
    """Product type -> days, before the three above."""


@dataclass(frozen=True, slots=True)
class EligibilityRules:
    """`[eligibility]`: what may be sold today."""

    not_in_catalogue: Literal["refuse", "offer"] = key(values.choice("refuse", "offer"))
    """What happens to a product of which the catalogue knows nothing; where it is offered no other fact holds it."""
    least_stock: float = key(values.number(0.0))
    """Pieces in stock from which on a product is offered; one whose stock is not counted always is; 0 = any."""
    least_margin: float = key(values.number(float("-inf"), 1.0))
    """The least margin as a share of the price; -inf = any."""


@dataclass(frozen=True, slots=True)
class BlockedRules:
    """`[blocked]`: what is never offered."""

    products: frozenset[str] = key(values.texts)
    """Product ids."""
    brands: frozenset[str] = key(values.texts)
    product_types: frozenset[str] = key(values.texts)
    categories: frozenset[str] = key(values.texts)


@dataclass(frozen=True, slots=True)
class DiversityRules:
    """`[diversity]`: what stands side by side in an answer."""

    most_of_type: int = key(values.whole(1))
    """The most offers of one product type."""
    coherent: bool = key(values.truth)
    """No accessory that fits only the product that an upsell of the same answer replaces, and the other way round."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules of a shop's restraint."""

    moments: Mapping[Moment, MomentRules]
    budget: BudgetRules
    owned: OwnedRules
    eligibility: EligibilityRules
    blocked: BlockedRules
    diversity: DiversityRules
