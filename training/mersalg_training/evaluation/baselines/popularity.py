"""Popularity: what most orders hold, of all time or of late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.data.timeline import Float64, Timeline
from mersalg_training.evaluation.baselines.bought import order_counts
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases

RECENT_DAYS = 28.0


@dataclass(frozen=True)
class Popularity:
    """The same score for every request."""

    orders: Float64
    """(n_products,) orders that hold the product."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float64 orders."""
        return np.broadcast_to(self.orders, (len(cases), len(self.orders)))


def fit_popularity(timeline: Timeline, before_day: float, days: float = np.inf) -> Popularity:
    """Orders of the last days before a day."""
    return Popularity(order_counts(timeline, before_day - days, before_day))
