"""The customer's own most frequent products: P-Top, GP-Top, and with what is long ago counting less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.data.timeline import UNKNOWN, Float64, Timeline
from mersalg_training.evaluation.baselines.bought import order_counts
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases

RHYTHMS: Final = 32.0
"""A purchase counts half after so many pauses between two orders."""
DEFAULT_HALF_LIFE_DAYS: Final = 90.0
"""Where no customer has ordered twice."""


@dataclass(frozen=True)
class OwnFrequency:
    """Own products by their lines, in front of all others."""

    timeline: Timeline
    back_off: Float64
    """(n_products,) below 1: the score of a product that the customer never bought."""
    half_life_days: float
    """After so many days a line counts half; inf = lines are counted."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float64: 1 + the weight of the own lines of a product, else the back-off."""
        scores = np.tile(self.back_off, (len(cases), 1))
        for row, (first, last) in enumerate(cases.history.tolist()):
            age_days = np.maximum(cases.at[row] - self.timeline.line_day[first:last], 0.0)
            product = self.timeline.line_product[first:last]
            scores[row, product] = 1.0
            np.add.at(scores[row], product, np.exp2(-age_days / self.half_life_days))
        return scores


def fit_own(timeline: Timeline, before_day: float, *, back_off: bool = True, decay: bool = False) -> OwnFrequency:
    """How often the customer bought a product ("P-Top"), and below that how often all did ("GP-Top").

    P-Top and GP-Top: Li, Jullien, Ariannezhad, de Rijke, A next basket recommendation reality check, 2023. Without the
    back-off all products that are not own tie. With decay a line loses half its weight after RHYTHMS of the customers'
    median pauses between orders.
    """
    orders = order_counts(timeline, -np.inf, before_day)
    share = orders / (orders.max(initial=0.0) + 1.0)
    half_life = RHYTHMS * median_pause_days(timeline, before_day) if decay else np.inf
    return OwnFrequency(timeline, share if back_off else np.zeros_like(share), half_life)


def median_pause_days(timeline: Timeline, before_day: float) -> float:
    """The median days between one order of a customer and the next; a default where nobody ordered twice."""
    orders = np.flatnonzero((timeline.order_day < before_day) & (timeline.order_customer != UNKNOWN))
    same = np.diff(timeline.order_customer[orders]) == 0
    pause = np.diff(timeline.order_day[orders])[same]
    pause = pause[pause > 0]
    return float(np.median(pause)) if len(pause) else DEFAULT_HALF_LIFE_DAYS / RHYTHMS
