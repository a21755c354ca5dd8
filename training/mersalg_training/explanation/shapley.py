"""Shapley values of a cooperative game: each player's share of what all of them reach together.

Exact up to `EXACT_PLAYERS` players by enumeration of the coalitions (Shapley 1953); beyond by drawn orders of the
players, each with its reverse (Castro, Gomez and Tejada 2009, doi:10.1016/j.cor.2008.04.004; antithetic pairs: Mitchell
et al. 2022, arXiv 2104.12199). Both are efficient: the shares add up to the value of all players over that of none, in
every drawn order too. Equal players get equal shares where it is exact, a player who changes nothing gets 0 always.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

EXACT_PLAYERS: Final = 10
"""1,024 coalitions."""
DRAWN_VALUES: Final = 2048
"""Of more players so many values are asked for, about."""
MIN_PAIRS: Final = 8
"""Of drawn orders with their reverses, however many players there are."""
SEED: Final = 7

Float64 = npt.NDArray[np.float64]
Coalition = frozenset[int]
Value = Callable[[Coalition], float]
Method = Literal["exact enumeration", "permutation sampling"]


@dataclass(frozen=True)
class Shares:
    """The Shapley values of a game."""

    base: float
    """The value of no players."""
    values: Float64
    """(n,) by player; base + their sum is the value of all."""
    errors: Float64
    """(n,) standard errors; 0 where it is exact."""
    method: Method


def shapley_values(n: int, value: Value, exact_players: int = EXACT_PLAYERS) -> Shares:
    """The values of n players; `value` of a coalition, of players from 0, is asked once for each that is needed."""
    known: dict[Coalition, float] = {}

    def remembered(coalition: Coalition) -> float:
        if coalition not in known:
            known[coalition] = float(value(coalition))
        return known[coalition]

    return enumerated(n, remembered) if n <= exact_players else sampled(n, remembered)


def enumerated(n: int, value: Value) -> Shares:
    """By all 2**n coalitions."""
    values = np.zeros(n)
    for code in range(2**n):
        members = frozenset(player for player in range(n) if code >> player & 1)
        size = len(members)
        here = value(members)
        # A coalition stands before each player outside in size! (n - size - 1)! of the n! orders.
        for player in range(n):
            if player in members:
                values[player] += here / (n * math.comb(n - 1, size - 1))
            else:
                values[player] -= here / (n * math.comb(n - 1, size))
    return Shares(value(frozenset()), values, np.zeros(n), "exact enumeration")


def sampled(n: int, value: Value) -> Shares:
    """By drawn orders and their reverses; the error is that of the mean over the pairs."""
    random = np.random.default_rng(SEED)
    pairs = max(MIN_PAIRS, DRAWN_VALUES // (2 * n))
    gains = np.empty((pairs, n))
    for pair in range(pairs):
        order = random.permutation(n)
        gains[pair] = (gains_in(order, value) + gains_in(order[::-1], value)) / 2
    errors = gains.std(axis=0, ddof=1) / math.sqrt(pairs)
    return Shares(value(frozenset()), gains.mean(axis=0), errors, "permutation sampling")


def gains_in(order: npt.NDArray[np.int64], value: Value) -> Float64:
    """(n,) what each player adds where the players come in this order."""
    gains = np.empty(len(order))
    members: set[int] = set()
    before = value(frozenset())
    for player in order.tolist():
        members.add(player)
        after = value(frozenset(members))
        gains[player] = after - before
        before = after
    return gains
