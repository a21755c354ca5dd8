"""The parts of a request that may be there or not: lines of the cart, parts of the history, and the context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mersalg.names import MOMENTS, Moment
from mersalg.requests import Request
from mersalg_training.explanation.result import Given

REFERENCE_MOMENT: Final[Moment] = "cart"
"""The moment of a request without a context."""
MAX_HISTORY_PRODUCTS: Final = 4
"""A history of so many products counts product by product; of more in three parts."""
ITSELF, ALIKE, REST = "its own earlier purchases", "earlier purchases of its type", "the rest of the history"


@dataclass(frozen=True)
class Player:
    """A part of a request."""

    given: Given
    label: str
    product_ids: tuple[str, ...] = ()
    lines: int = 0
    """Of the history."""

    def is_itself(self, product_id: str) -> bool:
        """Whether it is what the customer bought of an offer before."""
        return self.given == "history" and self.product_ids == (product_id,)


def players_of(
    request: Request, product_id: str, type_of: Callable[[str], int | None], name: Callable[[str], str]
) -> list[Player]:
    """The parts beside an offer of a product: each product of the cart, then the history, then the context.

    type_of: the code of a product's type, None for none. The context is a part where the moment is not the reference.
    """
    players = [Player("cart", name(line), (line,)) for line in dict.fromkeys(request.cart)]
    lines = Counter(request.history)
    if len(lines) <= MAX_HISTORY_PRODUCTS:
        groups = {ITSELF if line == product_id else name(line): [line] for line in lines}
    else:
        own_type = type_of(product_id)
        alike = [line for line in lines if own_type is not None and type_of(line) == own_type and line != product_id]
        apart = {product_id, *alike}
        groups = {
            ITSELF: [product_id] if product_id in lines else [],
            ALIKE: alike,
            REST: [line for line in lines if line not in apart],
        }
    for label, products in groups.items():
        if products:
            count = sum(lines[line] for line in products)
            players.append(Player("history", label, tuple(products), count))
    if MOMENTS[request.moment] != REFERENCE_MOMENT:
        players.append(Player("context", f"the moment: {MOMENTS[request.moment]}"))
    return players


def request_of(request: Request, players: Sequence[Player], members: Collection[int]) -> Request:
    """The request with the members alone: without the cart's and the history's others, at the reference moment."""
    present = [players[member] for member in members]
    has_context = any(player.given == "context" for player in present)
    moment = request.moment if has_context else MOMENTS.index(REFERENCE_MOMENT)
    return replace(with_products(request, products_of(present, "cart"), products_of(present, "history")), moment=moment)


def products_of(players: Sequence[Player], given: Given) -> set[str]:
    """The products of all parts of one sort."""
    return {product_id for player in players if player.given == given for product_id in player.product_ids}


def without(request: Request, product_id: str) -> Request:
    """The request with a product neither in the cart nor in the history."""
    return with_products(request, set(request.cart) - {product_id}, set(request.history) - {product_id})


def with_products(request: Request, cart: Collection[str], past: Collection[str]) -> Request:
    """The request with the lines of these products alone."""
    kept = np.array([line in past for line in request.history], dtype=np.bool_)
    return replace(
        request,
        cart=[line for line in request.cart if line in cart],
        history=[line for line in request.history if line in past],
        history_age_days=request.history_age_days[kept],
        history_quantity=request.history_quantity[kept],
        history_unit_price=None,
    )
