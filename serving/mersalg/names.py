"""The closed vocabularies of an offer: its kinds and the moments at which it is made.

Their order is part of the bundle format: inside the graph a kind and a moment are their positions here.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Kind = Literal["cross-sell", "add-on", "upsell", "more-of-same", "replacement"]
Moment = Literal["product-page", "cart", "checkout", "order-confirmation", "follow-up"]

Order = Literal["relevance", "value"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MOMENTS: Final[tuple[Moment, ...]] = get_args(Moment)
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
"""How offers are ordered: by the chance that they are bought, or by that times what a sale brings."""

AFTER_PAYMENT: Final[frozenset[Moment]] = frozenset({"order-confirmation", "follow-up"})
"""Moments at which the order is paid: an offer can then only be bought in a later order."""

KINDS_BY_MOMENT: Final[dict[Moment, tuple[Kind, ...]]] = {
    "product-page": ("upsell", "add-on", "cross-sell"),
    "cart": ("cross-sell", "add-on", "upsell", "more-of-same", "replacement"),
    "checkout": ("add-on", "more-of-same", "replacement"),
    "order-confirmation": ("add-on", "cross-sell", "more-of-same"),
    "follow-up": ("replacement", "more-of-same", "cross-sell", "add-on"),
}
"""What is offered at a moment when a request names no kinds: never an upsell of what has just been paid."""
