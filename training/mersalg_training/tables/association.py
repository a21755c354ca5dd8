"""Association beyond basket size: how much oftener two products are bought together than their orders explain.

A large order holds everything, so what most people buy is the companion of all. The lift of a pair is therefore taken
over what the orders with the anchor would hold of the candidate if each drew its other products by popularity alone, a
null model with fixed margins (Saracco et al., New J. Phys. 19, 2017, arXiv 1607.02481).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.special

from mersalg_training.config import KindsConfig
from mersalg_training.data.timeline import Float64

CONFIDENCE_Z = 3.09
"""Of the lower bound of a lift: one-sided 99.9 %, for each anchor has many pairs of which the highest lifts count."""
MAX_LIFT = 1000.0
"""A lift is cut here: of pairs so rare that chance would hardly ever bring them together."""
TOGETHER = 0.5
"""The least strength of a pair that goes together."""
STRENGTH_DOUBLINGS = 10.0
"""Doublings of an assured lift that a half of the scale of strength holds."""
MAX_DOUBLINGS = 9.99


def lift_of(together: Float64, company: Float64, share: Float64) -> Float64:
    """(n,) orders with both over those expected.

    together: orders with anchor and candidate; company: the other products of the orders with the anchor, added up;
    share: the candidate's share of all products that are bought beside the anchor's own, which company draws from.
    """
    expected = np.maximum(company * share, 1e-9)
    return np.minimum(together / expected, MAX_LIFT)


def lower_bound(lift: Float64, customers: Float64) -> Float64:
    """(n,) what a lift surely is, one-sided 99.9 %, given the distinct customers who bought both.

    The lower limit of a Poisson mean (Wilson and Hilferty 1931), in which a customer counts once: the orders of one
    customer hang together.
    """
    least = np.maximum(0.0, 1.0 - 1.0 / (9.0 * customers) - CONFIDENCE_Z / (3.0 * np.sqrt(customers))) ** 3
    return np.asarray(lift * least)


def surely_above_chance(lift: Float64, customers: Float64, pairs: float, config: KindsConfig) -> npt.NDArray[np.bool_]:
    """(n,) which lifts above 1 are no chance: of those named, at most `config.false_discoveries` are, on average.

    pairs: how many there may be, counted or not. Each is tested by the Poisson probability of as many customers where
    chance expects customers / lift, and the tests are taken together as Benjamini and Hochberg do (J. R. Stat. Soc. B
    57, 1995): a small shop is not asked for the evidence that a large one needs, whose many pairs bring chance hits.
    """
    chance = chance_of(lift, customers)
    return np.asarray((lift > 1.0) & (chance <= largest_chance(chance, pairs, config.false_discoveries)))


def chance_of(lift: Float64, customers: Float64) -> Float64:
    """(n,) the Poisson probability of as many customers where chance expects customers / lift."""
    return np.asarray(scipy.special.gammainc(customers, customers / np.maximum(lift, 1e-9)))


def largest_chance(chance: Float64, pairs: float, false_discoveries: float) -> float:
    """The largest of the probabilities that is still no chance by Benjamini and Hochberg; -1 where all are.

    Those above `false_discoveries` never are, and may be left away.
    """
    ordered = np.sort(chance)
    allowed = np.arange(1, len(ordered) + 1) * (false_discoveries / max(1.0, pairs))
    passing = np.flatnonzero(ordered <= allowed)
    return float(ordered[passing[-1]]) if len(passing) else -1.0


def strength_of(assured: Float64, together: npt.NDArray[np.bool_]) -> Float64:
    """(n,) in [0, 1): doublings of what a lift surely is; those of pairs that go together fill the upper half.

    together: (n,) a lift of `kinds.least_lift` or more that is no chance. An assured lift up to 1 is no doubling.
    """
    doublings = np.minimum(np.log2(np.maximum(assured, 1.0)), MAX_DOUBLINGS)
    return np.asarray(np.where(together, TOGETHER, 0.0) + (1.0 - TOGETHER) * doublings / STRENGTH_DOUBLINGS)
