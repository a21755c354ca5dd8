"""Product factors by alternating least squares, of orders and of customers, with the library implicit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import threadpoolctl  # type: ignore[import-untyped]
from implicit.als import AlternatingLeastSquares

from mersalg_training.config import FactorsConfig
from mersalg_training.data.timeline import Float32, Float64, Int64


@dataclass(frozen=True)
class Taste:
    """Factors of customers x products, from which the graph folds a history in: solve @ sum(weight * factors)."""

    factors: Float32
    """(n_items, factors), in half precision; zeros where a product was not factorised."""
    solve: Float32
    """(factors, factors): the inverse of Y'Y + taste_regularization * I."""


def basket_factors(order: Int64, item: Int64, n_items: int, config: FactorsConfig, seed: int) -> Float32:
    """(n_items, factors) float32 of unit length from orders x products; zeros for a product without lines.

    order, item: (n_lines,) int64; orders may be any ids.
    """
    factors = fitted_factors(order, item, np.ones(len(order)), n_items, config, seed)
    length = np.linalg.norm(factors, axis=1, keepdims=True)
    return np.asarray(np.divide(factors, length, out=np.zeros_like(factors), where=length > 0))


def customer_taste(customer: Int64, item: Int64, n_items: int, config: FactorsConfig, seed: int) -> Taste:
    """Factors from customers x products, in which a product counts once however often it was bought.

    customer, item: (n_lines,) int64 of lines with a known customer; without any the factors are zero.
    """
    pair = np.unique(customer * n_items + item)
    of_customers = config.model_copy(
        update={"alpha": config.taste_alpha, "regularization": config.taste_regularization}
    )
    factors = halved(fitted_factors(pair // n_items, pair % n_items, np.ones(len(pair)), n_items, of_customers, seed))
    gram = factors.T.astype(np.float64) @ factors.astype(np.float64)
    solve = np.linalg.inv(gram + (config.taste_regularization + 1e-3) * np.eye(factors.shape[1]))
    return Taste(factors, solve.astype(np.float32))


def halved(factors: Float32) -> Float32:
    """Rounded to half precision: so they are kept in a bundle, and so everything is learned from them."""
    return factors.astype(np.float16).astype(np.float32)


def fitted_factors(
    row: Int64,
    item: Int64,
    weight: Float64,
    n_items: int,
    config: FactorsConfig,
    seed: int,
) -> Float32:
    """(n_items, factors) float32; Hu, Koren, Volinsky, Collaborative filtering for implicit feedback datasets, 2008."""
    if len(item) == 0:
        return np.zeros((n_items, config.factors), dtype=np.float32)
    _, row = np.unique(row, return_inverse=True)
    bought = sp.csr_matrix((weight.astype(np.float32), (row, item)), shape=(int(row.max()) + 1, n_items))
    with threadpoolctl.threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            alpha=config.alpha,
            iterations=config.iterations,
            random_state=seed,
            num_threads=2,
            calculate_training_loss=False,
        )
        model.fit(bought, show_progress=False)
    factors = np.asarray(model.item_factors, dtype=np.float32)
    factors[np.bincount(item, minlength=n_items) == 0] = 0.0
    return factors
