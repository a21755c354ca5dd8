"""EASE: a linear model from all products to each product, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.data.timeline import Float32, Float64, Int64, Timeline
from mersalg_training.evaluation.baselines.bought import (
    By,
    binary,
    cart_and_history,
    known_products,
    purchases,
    weighted,
)
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases
from mersalg_training.tables.ease import ease_weights

MAX_PRODUCTS: Final = 5000
"""The most bought products are modelled; the inverse is dense."""
RIDGE: Final[dict[By, float]] = {"order": 200.0, "customer": 500.0}
"""Added to the diagonal, in orders or customers that hold a product."""


@dataclass(frozen=True)
class Ease:
    """The weights of what a request knows, for each modelled product."""

    timeline: Timeline
    by: By
    product: Int64
    """(n_modelled,) product codes, the most bought first."""
    weights: Float32
    """(n_modelled, n_modelled) from row to column, C-contiguous; zero on the diagonal."""
    share: Float64
    """(n_products,) 0 .. 1: orders or customers that hold the product, by which those that are not modelled rank."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32; a product that is not modelled ranks below those that are."""
        by_order = self.by == "order"
        told = (known_products if by_order else cart_and_history)(self.timeline, cases)
        known = weighted(told, np.ones(len(self.share)))[:, self.product]
        modelled = np.asarray(known @ self.weights)
        scores = np.tile(self.share.astype(np.float32), (len(cases), 1))
        scores += modelled.min(axis=1, keepdims=True, initial=0.0) - 2.0
        scores[:, self.product] = modelled
        return scores


def fit_ease(timeline: Timeline, before_day: float, by: By, ridge: float | None = None) -> Ease:
    """Weights by ridge regression of each product on all others, over orders or over customers.

    By order a request brings its cart, or its history where the cart is empty; by customer it brings both.
    """
    bought = binary(purchases(timeline, before_day, by))
    holders = np.asarray(bought.sum(axis=0), dtype=np.float64)
    product = np.argsort(-holders, kind="stable")[: min(MAX_PRODUCTS, np.count_nonzero(holders))]
    modelled = bought[:, product]
    weights = ease_weights(modelled, RIDGE[by] if ridge is None else ridge)
    share = holders / (holders.max(initial=0.0) + 1.0)
    return Ease(timeline, by, product.astype(np.int64), weights, share)
