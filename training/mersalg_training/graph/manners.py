"""What stands first, how many of each, and what excludes what, in the answer of a moment that names no kinds."""

from __future__ import annotations

from typing import Final

import numpy as np

from mersalg.names import KINDS, MANNERS, MOMENTS
from mersalg_training.data.timeline import Int64

APART, OWN, BESIDE = range(3)
"""How an offer stands to the cart: nothing in it brings it, an own product that goes with it, a new one beside it."""
OWN_KINDS: Final = ("more-of-same", "replacement")
MAX_PLACES: Final = 100
"""Of a group without a limit: more than an answer holds."""


def turn_of_kind() -> Int64:
    """(3 by APART, OWN and BESIDE, 5 moments, 5 kinds) int64: twice the first group of its moment that takes a kind.

    Groups are counted from 0; behind all where none does. One less has what of the own products goes with the cart, at
    a moment that has a group for what stands beside it: it is the first of its group.
    """
    turn = np.full((3, len(MOMENTS), len(KINDS)), 2 * len(KINDS), dtype=np.int64)
    for m, moment in enumerate(MOMENTS):
        heeds_cart = any(group.beside_cart for group in MANNERS[moment])
        for position, group in reversed(list(enumerate(MANNERS[moment]))):
            for kind in group.kinds:
                k = KINDS.index(kind)
                turn[BESIDE, m, k] = 2 * position
                if not group.beside_cart:
                    turn[APART, m, k] = 2 * position
                    turn[OWN, m, k] = 2 * position - int(heeds_cart and kind in OWN_KINDS)
    return turn


def most_of_turn() -> Int64:
    """(5 moments, 6 groups) int64: the most offers of each group; MAX_PLACES where a moment has no such group."""
    most = np.full((len(MOMENTS), len(KINDS) + 1), MAX_PLACES, dtype=np.int64)
    for m, moment in enumerate(MOMENTS):
        for position, group in enumerate(MANNERS[moment]):
            most[m, position] = MAX_PLACES if group.most is None else group.most
    return most
