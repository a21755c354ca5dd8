"""What the rules ask about one request: its cart, what the customer has been paying, and what they have."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping
from functools import cached_property
from typing import Final, NamedTuple

from mersalg.names import AFTER_PAYMENT, MOMENTS, Moment
from mersalg.offers import Offer
from mersalg.policy.catalogue import Catalogue, Product
from mersalg.policy.sections import OwnedRules
from mersalg.requests import Request, Shopper

NOBODY: Final = Shopper()
CENT_FRACTION: Final = 1e-9
"""Amounts that differ by less are equal: room for rounding, below every coin."""
HAD: Final = frozenset({"durable", "warranty", "subscription"})
"""Natures of products that somebody has for a while."""


class Holding(NamedTuple):
    """A durable product, warranty or subscription that the customer has."""

    product: Product
    only_in_cart: bool
    """Whether nothing but the cart says so."""


class RequestContext:
    """One request in the catalogue of today. Everything is worked out when a rule first asks for it."""

    def __init__(self, request: Request, catalogue: Catalogue, owned: OwnedRules) -> None:
        self.request = request
        self.catalogue = catalogue
        self.owned_rules = owned
        self.shopper = request.shopper or NOBODY
        self.moment: Moment = MOMENTS[request.moment]
        self.cart_is_open = self.moment not in AFTER_PAYMENT
        self.cart = frozenset(request.cart)

    def price(self, product_id: str | None) -> float | None:
        """Today's price of a product; None where it is not known."""
        product = self.catalogue.products.get(product_id) if product_id is not None else None
        return product.price if product is not None else None

    @cached_property
    def cart_prices(self) -> list[float | None]:
        """Today's price of each piece of the cart; a product that stands there twice is two pieces."""
        return [self.price(product_id) for product_id in self.request.cart]

    @cached_property
    def cart_cost(self) -> float:
        """What the pieces of known price cost together."""
        return sum(price for price in self.cart_prices if price is not None)

    @cached_property
    def cart_cost_is_known(self) -> bool:
        """Whether every piece of the cart has a price."""
        return None not in self.cart_prices

    def pieces_to_replace(self, offer: Offer) -> int:
        """How many pieces of the cart an upsell may stand in for: those of its anchor, while the cart is open."""
        return self.request.cart.count(offer.because or "") if offer.kind == "upsell" and self.cart_is_open else 0

    @cached_property
    def paid(self) -> Mapping[str, list[float]]:
        """Product type -> prices of the history's lines in it, ascending.

        Those paid where the lines say them, else those of today. Lines of unknown price and gifts are left out.
        """
        result: dict[str, list[float]] = {}
        stated = self.request.history_unit_price or [None] * len(self.request.history)
        for product_id, unit_price in zip(self.request.history, stated, strict=True):
            product = self.catalogue.products.get(product_id)
            if product is not None and product.product_type is not None:
                price = unit_price if unit_price is not None else product.price
                if price:
                    insort(result.setdefault(product.product_type, []), price)
        return result

    @cached_property
    def holdings(self) -> list[Holding]:
        """What the customer has today, each product once: of the history by age, what the shopper names, the cart."""
        youngest: dict[str, float] = {}
        for product_id, age in zip(self.request.history, self.request.history_age_days.tolist(), strict=True):
            if age < youngest.get(product_id, math.inf):
                youngest[product_id] = age
        result = {}
        for product_id, age in youngest.items():
            product = self.catalogue.products.get(product_id)
            if product is not None and product.nature in HAD and age <= self.days_had(product):
                result[product_id] = Holding(product, only_in_cart=False)
        for product_id in self.shopper.owned:
            product = self.catalogue.products.get(product_id)
            result[product_id] = Holding(product or Product(product_id), only_in_cart=False)
        for product_id in self.cart - result.keys():
            product = self.catalogue.products.get(product_id)
            if product is not None and product.nature in HAD:
                result[product_id] = Holding(product, only_in_cart=True)
        return list(result.values())

    def days_had(self, product: Product) -> float:
        """For how many days a product is had: by the catalogue, else the policy's type, else its nature."""
        if product.lasts_days is not None:
            return product.lasts_days
        rules = self.owned_rules
        if product.product_type is not None and product.product_type in rules.days_of_type:
            return rules.days_of_type[product.product_type]
        by_nature = {
            "durable": rules.durable_days,
            "warranty": rules.warranty_days,
            "subscription": rules.subscription_days,
        }
        return by_nature.get(product.nature or "", 0.0)
