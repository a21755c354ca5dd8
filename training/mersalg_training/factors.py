"""Product factors by alternating least squares on orders x products, with the library implicit."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import threadpoolctl
from implicit.als import AlternatingLeastSquares

from mersalg_training.config import FactorsConfig
from mersalg_training.timeline import Float32, Int64


def product_factors(order: Int64, item: Int64, n_items: int, config: FactorsConfig, seed: int) -> Float32:
    """(n_items, factors) float32 of unit length; a row of zeros where a product stands in no factorised order.

    order, item: (n_lines,) int64; orders may be any ids, of which the largest `max_orders` are taken as the latest.
    Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, 2008.
    """
    orders, row = np.unique(order, return_inverse=True)
    recent = row >= len(orders) - config.max_orders
    row, item = row[recent], item[recent]
    if len(item) == 0:
        return np.zeros((n_items, config.factors), dtype=np.float32)
    bought = sp.csr_matrix(
        (np.ones(len(item), dtype=np.float32), (row - row.min(), item)), shape=(int(row.max() - row.min()) + 1, n_items)
    )
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
    length = np.linalg.norm(factors, axis=1, keepdims=True)
    return np.divide(factors, length, out=np.zeros_like(factors), where=length > 0)
