"""What the library implicit computes for the baselines: nearest products by BM25, factors by ALS and by BPR."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp
import threadpoolctl  # type: ignore[import-untyped]
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import ItemItemRecommender, bm25_weight

from mersalg_training.data.timeline import Float32, Int64

THREADS: Final = 2
MAX_NEIGHBOURS: Final = 200
"""Of a product, by BM25."""
BM25_K1, BM25_B = 1.2, 0.75


def bm25_neighbours(bought: sp.csr_array) -> sp.csr_array:
    """(n_products, n_products) float32: of each product the nearest by BM25, itself among them.

    bought: (n_rows, n_products) orders that hold products.
    """
    model = ItemItemRecommender(K=MAX_NEIGHBOURS, num_threads=THREADS)
    model.fit(sp.csr_matrix(bm25_weight(bought.T, K1=BM25_K1, B=BM25_B).T), show_progress=False)
    return sp.csr_array(model.similarity).astype(np.float32)


def als_product_factors(
    bought: sp.csr_array, factors: int, alpha: float, regularization: float, iterations: int, seed: int
) -> Float32:
    """(n_products, factors) float32 by alternating least squares with a regularization that grows with frequency.

    Hu, Koren, Volinsky, Collaborative filtering for implicit feedback datasets, 2008, with the regularization of
    Rendle et al., Revisiting the performance of iALS on item recommendation benchmarks, 2021 (arXiv 2110.14037): a row
    of n lines over N columns has regularization x (alpha n + N), in implicit's scale where what was not bought weighs
    1. implicit knows one regularization for all rows, so rows of about equal frequency are solved together.
    bought: (n_rows, n_products) weights; an observed pair has the confidence 1 + alpha x weight.
    """
    random = np.random.default_rng(seed)
    rows, row_order = by_frequency(sp.csr_matrix(bought))
    columns, column_order = by_frequency(sp.csr_matrix(bought.T))
    row_side, column_side = rows[:, column_order].tocsr(), columns[:, row_order].tocsr()
    for side in (row_side, column_side):
        side.data = (1.0 + alpha * side.data).astype(np.float32)
    X: Float32 = small_normal(random, bought.shape[0], factors)
    Y: Float32 = small_normal(random, bought.shape[1], factors)
    with threadpoolctl.threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=factors, num_threads=THREADS)
        for _ in range(iterations):
            half_step(model, row_side, X, Y, alpha, regularization)
            half_step(model, column_side, Y, X, alpha, regularization)
    result: Float32 = np.zeros(Y.shape, dtype=np.float32)
    result[column_order] = Y
    return result


def small_normal(random: np.random.Generator, rows: int, factors: int) -> Float32:
    """(rows, factors) float32 to start from; rows have about the length 0.1."""
    return np.asarray(0.1 / np.sqrt(factors) * random.standard_normal((rows, factors)), dtype=np.float32)


def by_frequency(bought: sp.csr_matrix) -> tuple[sp.csr_matrix, Int64]:
    """The rows by ascending number of entries, and which rows they were."""
    order = np.argsort(np.diff(bought.indptr), kind="stable")
    return bought[order], order.astype(np.int64)


def half_step(
    model: AlternatingLeastSquares, side: sp.csr_matrix, X: Float32, Y: Float32, alpha: float, regularization: float
) -> None:
    """Solve the factors X of the rows for the factors Y of the columns, in place; rows by ascending frequency."""
    length = np.diff(side.indptr)
    bands = np.unique(np.searchsorted(length, np.unique(np.round(2.0 ** np.arange(0.0, 40.0, 0.5)))))
    edges = np.unique(np.concatenate([[0], bands, [len(length)]]))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        scaled = frequency_regularization(length[first:last].mean(), side.shape[1], alpha, regularization)
        model.solver(side[first:last], X[first:last], Y, scaled, num_threads=THREADS)


def frequency_regularization(length: float, width: int, alpha: float, regularization: float) -> float:
    """The regularization of a row of so many entries among so many columns."""
    return float(regularization * (alpha * length + width))


def bpr_factors(
    bought: sp.csr_array, factors: int, iterations: int, learning_rate: float, regularization: float, seed: int
) -> tuple[Float32, Float32]:
    """((n_rows, factors + 1), (n_products, factors + 1)) float32; the last is the product's bias.

    Rendle, Freudenthaler, Gantner, Schmidt-Thieme, BPR: Bayesian personalized ranking from implicit feedback, 2009.
    One thread, as several update the same factors in an order that differs from run to run.
    """
    model = BayesianPersonalizedRanking(
        factors=factors,
        learning_rate=learning_rate,
        regularization=regularization,
        iterations=iterations,
        num_threads=1,
        random_state=seed,
    )
    model.fit(sp.csr_matrix(bought), show_progress=False)
    return np.asarray(model.user_factors, np.float32), np.asarray(model.item_factors, np.float32)
