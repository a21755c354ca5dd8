"""A bootstrap by customer in bounded memory, for figures that are functions of sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.evaluation.metrics import LEVEL, RESAMPLES, Estimate

BLOCK: Final = 20_000_000
"""Most drawn counts that are held at once."""

Sums = Mapping[str, Float64]
"""Name -> a sum, or (n_resamples,) sums."""
Figure = Callable[[Sums], Float64]


@dataclass(frozen=True)
class Resampled:
    """Sums over everything, and over each draw of customers with replacement (Field and Welsh 2007)."""

    whole: Sums
    drawn: Sums
    n: int
    """Requests."""
    units: int
    """Customers, or orders and requests where there is none."""

    def estimate(self, figure: Figure) -> Estimate:
        """A figure of the sums with its 95 % percentile interval; draws in which it is no number are left out."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value, drawn = float(figure(self.whole)), np.asarray(figure(self.drawn))
        finite = drawn[np.isfinite(drawn)]
        if not np.isfinite(value) or not len(finite):
            return Estimate(np.nan, np.nan, np.nan, self.n)
        low, high = np.percentile(finite, LEVEL)
        return Estimate(value, float(low), float(high), self.n)


def resample(
    unit: Int64, columns: Mapping[str, Float64], random: np.random.Generator, resamples: int = RESAMPLES
) -> Resampled:
    """Draw units with replacement; columns: name -> (n_requests,) what each request adds to a sum."""
    _, cluster = np.unique(unit, return_inverse=True)
    n_units = int(cluster.max(initial=-1)) + 1
    table = np.stack([np.bincount(cluster, weights=values, minlength=n_units) for values in columns.values()], axis=1)
    drawn = np.zeros((resamples, len(columns)))
    step = max(1, BLOCK // max(1, n_units))
    for first in range(0, resamples if n_units else 0, step):
        size = min(step, resamples - first)
        times = random.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=size)
        drawn[first : first + size] = times @ table
    whole = {name: table[:, place].sum() for place, name in enumerate(columns)}
    return Resampled(whole, {name: drawn[:, place] for place, name in enumerate(columns)}, len(unit), n_units)
