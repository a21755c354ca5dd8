"""Do the estimators of `mersalg uplift` find the simulator's own truth? Trials drawn from its potential outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from response import Year
from scipy.stats import binomtest

from mersalg_training.uplift.estimates import compare
from mersalg_training.uplift.measures import Measure

Float64 = npt.NDArray[np.float64]
MEASURES = (
    Measure("revenue per customer", "money", "revenue", before="pre revenue"),
    Measure("revenue per order", "money", "revenue", "orders", "pre revenue", "pre orders"),
)
PLANNED = 2_000


@dataclass(frozen=True)
class Recovered:
    measure: str
    truth: float
    trials: int
    covered: int
    always_covered: int
    """At every one of eight looks."""
    variance_saved: float

    def rate(self, always: bool) -> str:
        """The share of trials whose interval covers the truth, with its own exact 95 % interval."""
        found = binomtest(self.always_covered if always else self.covered, self.trials)
        low, high = found.proportion_ci()
        return f"{found.statistic:.1%} ({low:.1%} to {high:.1%})"


def recover(
    nothing: Year, policy: Year, spent_before: Float64, orders_before: Float64, window: int, units: int, trials: int,
    random: np.random.Generator,
) -> list[Recovered]:  # fmt: skip
    """Trials of so many customers, half of them held out, each customer a shopper with the luck of one replicate."""
    size = nothing.revenue[window].shape
    found = []
    for measure in MEASURES:
        truth = mean_of(measure, policy, window) - mean_of(measure, nothing, window)
        covered, always, saved = 0, 0, []
        for _ in range(trials):
            s, r = random.integers(size[0], size=units), random.integers(size[1], size=units)
            treated = random.random(units) < 0.5
            columns = {
                "revenue": np.where(treated, policy.revenue[window][s, r], nothing.revenue[window][s, r]),
                "orders": np.where(treated, policy.orders[window][s, r], nothing.orders[window][s, r]),
                "pre revenue": spent_before[s],
                "pre orders": orders_before[s],
            }
            looks = [
                compare(measure, {k: c[:n] for k, c in columns.items()}, treated[:n], 0.95, PLANNED)
                for n in np.linspace(3 * units // 8, units, 8).astype(int).tolist()
            ]
            last = looks[-1]
            if last is None:
                raise ValueError("a trial without variance; draw more shoppers")
            covered += last.low <= truth <= last.high
            always += all(
                e is not None and e.always_low is not None and e.always_high is not None
                and e.always_low <= truth <= e.always_high for e in looks
            )  # fmt: skip
            saved.append(last.variance_saved or 0.0)
        found.append(Recovered(measure.name, truth, trials, covered, always, float(np.mean(saved))))
    return found


def mean_of(measure: Measure, year: Year, window: int) -> float:
    """The measure over all shoppers and replicates."""
    revenue = float(year.revenue[window].mean())
    return revenue if measure.under is None else revenue / float(year.orders[window].mean())
