"""What stands first, how many of each, and what excludes what, in the answer of a moment that names no kinds."""

from __future__ import annotations

from typing import Final

import numpy as np

from mersalg.names import KINDS, MANNERS, MOMENTS
from mersalg_training.data.timeline import Int64

MAX_PLACES: Final = 100
"""Of a group without a limit: more than an answer holds."""


def turn_of_kind() -> Int64:
    """(2, 5 moments, 5 kinds) int64: the first group of its moment that takes a kind, from 0; behind all where none.

    First of what does not stand beside the cart, then of what does.
    """
    turn = np.full((2, len(MOMENTS), len(KINDS)), len(KINDS), dtype=np.int64)
    for m, moment in enumerate(MOMENTS):
        for position, group in reversed(list(enumerate(MANNERS[moment]))):
            for kind in group.kinds:
                turn[int(group.beside_cart) :, m, KINDS.index(kind)] = position
    return turn


def most_of_turn() -> Int64:
    """(5 moments, 6 groups) int64: the most offers of each group; MAX_PLACES where a moment has no such group."""
    most = np.full((len(MOMENTS), len(KINDS) + 1), MAX_PLACES, dtype=np.int64)
    for m, moment in enumerate(MOMENTS):
        for position, group in enumerate(MANNERS[moment]):
            most[m, position] = MAX_PLACES if group.most is None else group.most
    return most
