"""Factorised purchases: ALS by order and by customer, and BPR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mersalg_training.data.timeline import Float32, Float64, Int64, Timeline
from mersalg_training.evaluation.baselines.als_settings import Settings, choose_settings, fold_in
from mersalg_training.evaluation.baselines.bought import (
    By,
    binary,
    cart_and_history,
    customers_before,
    known_products,
    purchases,
    weighted,
)
from mersalg_training.evaluation.baselines.by_implicit import als_product_factors, bpr_factors
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases

MAX_FACTORS: Final = 64
PRODUCTS_A_FACTOR: Final = 4
"""A small catalogue has fewer factors, or they would hold its orders by heart."""
ALS_ITERATIONS: Final = 10
MIN_EPOCHS, MAX_EPOCHS, BPR_UPDATES = 30, 1000, 10_000_000
"""BPR passes over the purchases until it has made so many updates, within limits."""
BPR_LEARNING_RATE, BPR_REGULARIZATION = 0.01, 0.01


@dataclass(frozen=True)
class Als:
    """Product factors, into which a request is folded by one least-squares step."""

    timeline: Timeline
    by: By
    factors: Float32
    """(n_products, factors); zeros for a product without purchases."""
    gram: Float64
    """(factors, factors) Y'Y."""
    alpha: float
    regularization: float

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32; zero without a known product."""
        told = (known_products if self.by == "order" else cart_and_history)(self.timeline, cases)
        with threadpool_limits(1, "blas"):  # many small systems, for which threads cost more than they bring
            folded = np.stack([self.fold_in(told[row]) for row in range(len(cases))])
        # Rounded last: sums of single precision differ with the number of requests, and break ties by it.
        return np.asarray(folded @ self.factors.astype(np.float64).T, dtype=np.float32)

    def fold_in(self, products: Int64) -> Float64:
        """(factors,) of somebody who bought these distinct products."""
        return fold_in(products, self.factors, self.gram, self.alpha, self.regularization)


def fit_als(
    timeline: Timeline,
    before_day: float,
    by: By,
    seed: int,
    settings: Settings | None = None,
) -> Als:
    """Factors of orders or customers x products; the papers stand at `als_product_factors`.

    By order a request brings its cart, or its history where the cart is empty; by customer it brings both. settings:
    None = those that rank held-out products best.
    """
    bought = binary(purchases(timeline, before_day, by))
    width = factors_of(bought)
    alpha, regularization = choose_settings(bought, by, width, seed) if settings is None else settings
    factors = als_product_factors(bought, width, alpha, regularization, ALS_ITERATIONS, seed)
    factors[np.asarray(bought.sum(axis=0)) == 0] = 0.0
    gram = factors.T.astype(np.float64) @ factors.astype(np.float64)
    return Als(timeline, by, factors, gram, alpha, regularization)


@dataclass(frozen=True)
class Bpr:
    """Factors of customers and products, ranked by their products.

    A request has the factors of its customer, where its history is told and the customer was known when the method was
    fitted; otherwise the mean of the factors of the products that it brings.
    """

    timeline: Timeline
    customers: Int64
    """(n_rows,) customer code of each row, ascending."""
    customer_factors: Float32
    product_factors: Float32

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32."""
        told = cart_and_history(self.timeline, cases)
        share = np.repeat(1.0 / np.maximum(told.lengths, 1), told.lengths).astype(np.float32)
        known = weighted(told, np.ones(len(self.product_factors)))
        mean = sp.csr_array((share, known.indices, known.indptr), shape=known.shape) @ self.product_factors
        mean[:, -1] = 1.0
        row = np.searchsorted(self.customers, cases.customer).clip(max=len(self.customers) - 1)
        fitted = (self.customers[row] == cases.customer) & (cases.history[:, 1] > cases.history[:, 0])
        taste = np.where(fitted[:, None], self.customer_factors[row], mean)
        return np.asarray(taste @ self.product_factors.T)


def fit_bpr(timeline: Timeline, before_day: float, seed: int) -> Bpr:
    """Factors of known customers x products; the paper stands at `bpr_factors`."""
    bought = binary(purchases(timeline, before_day, "customer"))
    epochs = int(np.clip(BPR_UPDATES // max(1, bought.nnz), MIN_EPOCHS, MAX_EPOCHS))
    customers, products = bpr_factors(bought, factors_of(bought), epochs, BPR_LEARNING_RATE, BPR_REGULARIZATION, seed)
    return Bpr(timeline, customers_before(timeline, before_day), customers, products)


def factors_of(bought: sp.csr_array) -> int:
    """How many factors products bought are worth: at least 2."""
    sold = len(np.unique(bought.indices))
    return min(MAX_FACTORS, max(2, sold // PRODUCTS_A_FACTOR))
