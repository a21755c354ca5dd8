"""The closed vocabularies of an offer: its kinds and the moments at which it is made.

Their order is part of the bundle format: inside the graph a kind and a moment are their positions here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["cross-sell", "add-on", "upsell", "more-of-same", "replacement"]
Moment = Literal["product-page", "cart", "checkout", "order-confirmation", "follow-up"]

Order = Literal["relevance", "value"]
Better = Literal["larger pack", "lower price for the unit", "higher grade", "more features"]
Language = Literal["en", "da", "no", "sv"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MOMENTS: Final[tuple[Moment, ...]] = get_args(Moment)
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
"""How offers are ordered: by the chance that they are bought, or by that times what a sale brings."""
BETTER: Final[tuple[Better, ...]] = get_args(Better)
"""In what an upsell is better than its anchor: inside the graph the bit of its position here."""
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
"""Languages in which the reason of an offer is said: English, Danish, Norwegian and Swedish."""

AFTER_PAYMENT: Final[frozenset[Moment]] = frozenset({"order-confirmation", "follow-up"})
"""Moments at which the order is paid: an offer can then only be bought in a later order."""


@dataclass(frozen=True)
class Turn:
    """Kinds that are offered side by side, the most relevant first."""

    kinds: tuple[Kind, ...]
    most: int | None = None
    """Of all of them in one answer; None = as many as the request's limit."""
    beside_cart: bool = False
    """Only what is of a type in the cart, or brought by a product of it."""


MANNERS: Final[dict[Moment, tuple[Turn, ...]]] = {
    "product-page": (Turn(("upsell",), 1), Turn(("add-on", "cross-sell"))),
    "cart": (
        Turn(("cross-sell", "add-on")),
        Turn(("upsell",), 1),
        Turn(("more-of-same", "replacement"), beside_cart=True),
        Turn(("more-of-same", "replacement"), 1),
    ),
    "checkout": (Turn(("add-on",)), Turn(("replacement",), 1)),
    "order-confirmation": (Turn(("add-on", "cross-sell")),),
    "follow-up": (Turn(("replacement",)), Turn(("more-of-same",)), Turn(("cross-sell",), 1)),
}
"""What is offered at a moment, in turns, when a request names no kinds: what goes with a cart before what the customer
buys anyway, something cheap and what is due at the checkout, nothing that was just paid for or replaces it, and in a
follow-up what is due before anything else. An offer stands in the first turn that takes it. One of a product type, or,
of types of which people take several at a time, one of the variants of a product."""

KINDS_BY_MOMENT: Final[dict[Moment, tuple[Kind, ...]]] = {
    moment: tuple(dict.fromkeys(kind for turn in turns for kind in turn.kinds)) for moment, turns in MANNERS.items()
}
"""The kinds of each moment: never an upsell of what has just been paid."""
