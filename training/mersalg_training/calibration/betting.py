"""A finite-sample test that a mean lies above zero, by betting, for few and uneven customers.

One starts with a wealth of 1 and stakes a part of it on each customer's sum in turn. Were the mean of the sums 0 or
below, no way of betting would bring the wealth to 1 / (1 - confidence) more often than with probability 1 - confidence
(Ville 1939): whatever the distribution, however few the customers. The bets decide only how soon a mean that is above 0
is found out. They aim at the goal that is left with the customers that are left (STaR-Bets, Voracek and Orabona, arXiv
2505.22422; testing by betting, Waudby-Smith and Ramdas, arXiv 2010.09686).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.data.timeline import Float64

Booleans = npt.NDArray[np.bool_]

MAX_LOSS: Final = 0.9
"""The most of the wealth that one customer can cost."""
PRIOR_CUSTOMERS: Final = 20
"""The guess of the sums' size weighs as much as so many customers."""
STEPS_OF_A_SHARE: Final = 1000
"""A certified precision is a multiple of one in so many."""


def above_zero(sums: Float64, least: Float64, size: Float64, confidence: float) -> Booleans:
    """(k,) whether each column's mean is above 0, wrongly at most with probability 1 - confidence each.

    sums: (n, k), a row for each customer in an order that does not depend on what they bought. least: (k,) what no sum
    can lie below, below 0. size: (k,) a guess of the mean square of a sum; a wrong one costs power, not truth. Without
    a row nothing is proved.
    """
    goal = -np.log1p(-confidence)  # in logarithms of the wealth, which starts at 0
    wealth, reached = np.zeros(sums.shape[1]), np.zeros(sums.shape[1], dtype=np.bool_)
    squares = size * PRIOR_CUSTOMERS
    for turn, outcome in enumerate(sums):
        spread = np.maximum(squares / (PRIOR_CUSTOMERS + turn), 1e-12) * (len(sums) - turn)
        bet = np.minimum(np.sqrt(2.0 * np.maximum(goal - wealth, 0.0) / spread), MAX_LOSS / -least)
        wealth = np.where(reached, wealth, wealth + np.log1p(bet * outcome))
        reached |= wealth >= goal
        squares = squares + outcome * outcome
    return reached


def certified_share(
    hits: Float64, offers: Float64, most: float, guess: tuple[Float64, Float64], confidence: float
) -> float:
    """The largest share of the offers that is proved to be relevant: a lower confidence bound, 0.0 where none is.

    hits, offers: (n,) relevant offers and offers of each customer, in an order that does not depend on them; most: what
    no customer has more offers than. guess: hits and offers of other customers, from which the bets take their size.
    The share is that of the offers, not the mean of the customers' shares. The bound is the last of the shares, tried
    upwards, that is proved: the first that is not ends the search, so that they cost no more than one test. It never
    lies above the share that was seen.
    """
    wanted = np.arange(1, STEPS_OF_A_SHARE) / STEPS_OF_A_SHARE
    proved = above_zero(surplus(hits, offers, wanted), -most * wanted, mean_square(surplus(*guess, wanted)), confidence)
    first_open = int(np.argmin(np.append(proved, False)))
    return min(float(wanted[first_open - 1]), float(hits.sum() / offers.sum())) if first_open else 0.0


def surplus(hits: Float64, offers: Float64, wanted: Float64) -> Float64:
    """(n, k) how many relevant offers each customer has more than the wanted share of the offers."""
    return np.asarray(hits[:, None] - offers[:, None] * wanted, dtype=np.float64)


def mean_square(sums: Float64) -> Float64:
    """(k,) of each column; without a row 1, which is as good as any."""
    return np.asarray((sums**2).mean(axis=0) if len(sums) else np.ones(sums.shape[1]), dtype=np.float64)
