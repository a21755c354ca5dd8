"""Offers in a drawn order, and the chance with which each stands where it stands, so that a log can be learned from.

Of a drawn share of the requests the order is drawn: place after place, among those that are left, in proportion to the
odds of their relevance (Plackett 1975, Luce 1959), so that what is likely worse is shown less often. An offer keeps its
turn, so that what comes first at a moment still does.

What is recorded is the chance over both, drawn and not: (1 - share) x [its own place] + share x (chance of the draw).
That is the propensity at a position of the item-position model (Li et al., KDD 2018), and true of every request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from mersalg.errors import ConfigError
from mersalg.offers import Offer
from mersalg_service.experiment.assignment import MIN_KEY_BYTES, keyed_uniform

PERSON: Final = b"mersalg-explore"
MAX_POOL: Final = 8
"""Offers among which an order is drawn: chances are summed over their subsets."""
POOL_PLACES: Final = 2
"""The pool holds the first so many times as many as are shown."""
MAX_ODDS_RATIO: Final = 20.0
"""An offer's odds count for at least the best ones of its turn over this: no weight in the log grows without bound."""
MIN_ODDS: Final = 1e-9


@dataclass(frozen=True)
class Exploration:
    """Which requests are explored, and how. ConfigError names what does not hold."""

    share: float
    """Of the requests, above 0, at most 1."""
    key: bytes = field(repr=False)
    """Secret, at least 16 bytes: with another one other orders are drawn."""

    def __post_init__(self) -> None:
        """Check both."""
        if not 0.0 < self.share <= 1.0:
            raise ConfigError(f"explore: expected a share above 0, at most 1, got {self.share}")
        if len(self.key) < MIN_KEY_BYTES:
            raise ConfigError(f"explore: expected a key of {MIN_KEY_BYTES} bytes; `openssl rand -hex 32` makes one")

    def explores(self, request_id: str) -> bool:
        """Whether the order of a request is drawn: a share of all ids, the same at every try."""
        return self.uniform(request_id, "") < self.share

    def uniform(self, request_id: str, product_id: str) -> float:
        """The number of a product in a request, above 0 and below 1."""
        return keyed_uniform(self.key, PERSON, (request_id, product_id))

    def order(self, request_id: str, pool: DrawPool) -> list[int]:
        """Positions in the pool in the drawn order.

        The smallest of -ln(number) / weight comes first, which draws by weight without replacement (Efraimidis and
        Spirakis 2006).
        """
        result = []
        for turn in pool.turns:
            at = {i: -math.log(self.uniform(request_id, pool.offers[i].product_id)) / pool.weights[i] for i in turn}
            result += sorted(turn, key=lambda i: (at[i], i))
        return result


@dataclass(frozen=True)
class DrawPool:
    """Offers of one answer of which any some, in any order that keeps their turns, may be shown together."""

    offers: tuple[Offer, ...]
    """In their own order, the first of which would be shown."""
    turns: tuple[tuple[int, ...], ...]
    """Positions of offers that stand side by side, turn by turn."""
    places: int
    """How many are shown."""

    @property
    def weights(self) -> list[float]:
        """Of each offer, in proportion to its odds, 1 for the best of its turn."""
        odds = [max(offer.relevance, MIN_ODDS) / max(1.0 - offer.relevance, MIN_ODDS) for offer in self.offers]
        best = {i: max(odds[j] for j in turn) for turn in self.turns for i in turn}
        return [max(odd / best[i], 1.0 / MAX_ODDS_RATIO) for i, odd in enumerate(odds)]

    def chances(self) -> list[list[float]]:
        """[offer][place]: with which chance the draw puts an offer there; those of a place sum to 1."""
        result = [[0.0] * self.places for _ in self.offers]
        weights, first = self.weights, 0
        for turn in self.turns:
            places = min(len(turn), self.places - first)
            for i, row in zip(turn, place_chances([weights[i] for i in turn], places), strict=True):
                result[i][first : first + places] = row
            first += places
        return result


def make_pool(offers: Sequence[Offer], turns: Sequence[int], limit: int) -> DrawPool:
    """The pool of offers, the best first, any of which may be shown together; turns: whose turn each is, ascending."""
    size = min(len(offers), MAX_POOL, POOL_PLACES * limit)
    groups = groupby(range(size), key=lambda i: turns[i])
    return DrawPool(tuple(offers[:size]), tuple(tuple(group) for _, group in groups), min(limit, size))


def place_chances(weights: Sequence[float], places: int) -> list[list[float]]:
    """[offer][place] of a draw by weight without replacement: summed over which others stand before it, exactly."""
    result = [[0.0] * places for _ in weights]
    reached = {0: 1.0}
    for place in range(places):
        further: dict[int, float] = {}
        for taken, chance in reached.items():
            left = [i for i in range(len(weights)) if not taken >> i & 1]
            whole = math.fsum(weights[i] for i in left)
            for i in left:
                here = chance * weights[i] / whole
                result[i][place] += here
                further[taken | 1 << i] = further.get(taken | 1 << i, 0.0) + here
        reached = further
    return result
