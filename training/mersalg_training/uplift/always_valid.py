"""Intervals and a test that hold at every look, so that an experiment may be stopped when one likes.

Normal-mixture confidence sequence: Howard, Ramdas, McAuliffe, Sekhon 2021 (arXiv 1810.08240); for means by their own
standard errors: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024 (arXiv 2103.06476). Sample ratio: Lindon and Malek
2022 (arXiv 2011.03567).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

PLANNED_UNITS: Final = 10_000
"""The intervals are at their tightest near so many units. Any number is valid if it is chosen before the first look."""
MIN_LOOK: Final = 100
"""Units of the smaller arm from which on the normal approximation is trusted."""
CONCENTRATION: Final = 1_000.0
"""Of the Dirichlet mixture around the wanted shares: how closely a wrong ratio may lie to the right one."""


def always_valid_half(standard_error: float, units: int, planned_units: int, confidence: float) -> float:
    """Half the width of the interval around an estimate that holds at all looks together with this confidence.

    The estimate's information is taken to grow with the units, of which there are so many in both arms together.
    """
    miss = -2.0 * math.log(1.0 - confidence)
    grown = units * (miss + math.log(miss) + 1.0) / planned_units
    return standard_error * math.sqrt((1.0 + 1.0 / grown) * (math.log1p(grown) + miss))


def always_valid_ratio(arms: npt.NDArray[np.str_], shares: Mapping[str, float]) -> float:
    """The p-value, at every look together, of the arms' sizes being as the shares say.

    arms: (n,) in the order in which units came; the smallest p-value up to now counts. 1 for no unit.
    """
    if not len(arms):
        return 1.0
    against, log_bayes = 0.0, np.zeros(len(arms))
    for arm, share in shares.items():
        if share == 0.0:
            continue
        count, prior = np.cumsum(arms == arm), CONCENTRATION * share
        log_bayes += gammaln(prior + count) - gammaln(prior) - count * math.log(share)
        against += prior
    total = np.arange(1, len(arms) + 1)
    log_bayes += gammaln(against) - gammaln(against + total)
    return float(min(1.0, math.exp(-max(0.0, float(log_bayes.max())))))
