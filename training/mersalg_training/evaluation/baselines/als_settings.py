"""How much ALS trusts a purchase, and how strongly it is regularised: the data decide.

What is right for five thousand products and orders of ten is wrong by half for a hundred products and orders of two
(there NDCG@10 was 0.13 instead of 0.52). Some rows have one product held out, and the settings that rank it best are
taken. The regularization grows with the numbers of rows and columns, so that some of the rows tell it for all.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mersalg_training.data.timeline import Float32, Float64, Int64
from mersalg_training.evaluation.baselines.bought import By
from mersalg_training.evaluation.baselines.by_implicit import als_product_factors, frequency_regularization
from mersalg_training.evaluation.metrics import K

Settings = tuple[float, float]
"""The confidence of a purchase (alpha) and the regularization."""

SETTINGS: Final[dict[By, tuple[Settings, ...]]] = {
    "order": ((40.0, 0.001), (40.0, 0.01), (40.0, 0.1), (5.0, 0.01), (5.0, 0.1), (1.0, 0.03)),
    "customer": ((2.0, 0.001), (2.0, 0.03), (10.0, 0.01), (10.0, 0.03), (10.0, 0.1)),
}
"""Those that were tried; the first are taken where too few rows tell."""
MIN_ASKED, MAX_ASKED, MAX_ROWS, ITERATIONS = 50, 1000, 20_000, 5
"""Rows with a product held out, rows fitted, and passes over them."""


def choose_settings(bought: sp.csr_array, by: By, factors: int, seed: int) -> Settings:
    """The settings whose factors rank held-out products best, by NDCG@K among all that their row does not hold.

    bought: (n_rows, n_products) of ones. The same seed gives the same settings; of equal ones the first are taken.
    """
    random = np.random.default_rng(seed)
    several = random.permutation(np.flatnonzero(np.diff(bought.indptr) >= 2))[:MAX_ROWS]
    if len(several) < MIN_ASKED:
        return SETTINGS[by][0]
    known = sp.csr_array(bought[several])
    asked = known.indptr[: min(MAX_ASKED, len(several))]
    place = asked + (random.random(len(asked)) * np.diff(known.indptr)[: len(asked)]).astype(np.int64)
    held_out = known.indices[place].astype(np.int64)
    known.data[place] = 0.0
    known.eliminate_zeros()
    reached = [ndcg_of_held_out(known, held_out, factors, settings, seed) for settings in SETTINGS[by]]
    return SETTINGS[by][int(np.argmax(reached))]


def ndcg_of_held_out(known: sp.csr_array, held_out: Int64, factors: int, settings: Settings, seed: int) -> float:
    """NDCG@K of the product held out of each of the first rows, (n_asked,), by factors of all rows.

    Of equal scores it stands in the middle, so that factors of zeros rank nothing well.
    """
    alpha, regularization = settings
    Y = als_product_factors(known, factors, alpha, regularization, ITERATIONS, seed)
    gram, gained = Y.T.astype(np.float64) @ Y.astype(np.float64), 0.0
    with threadpool_limits(1, "blas"):
        for row, product in enumerate(held_out.tolist()):
            told = known.indices[known.indptr[row] : known.indptr[row + 1]].astype(np.int64)
            scores = Y @ fold_in(told, Y, gram, alpha, regularization).astype(np.float32)
            scores[told] = -np.inf
            equal = np.count_nonzero(scores == scores[product]) - 1
            rank = np.count_nonzero(scores > scores[product]) + equal / 2.0
            gained += 1.0 / np.log2(rank + 2.0) if rank < K else 0.0
    return gained / len(held_out)


def fold_in(products: Int64, factors: Float32, gram: Float64, alpha: float, regularization: float) -> Float64:
    """(factors,) of somebody who bought these distinct products. factors: (n_products, factors); gram: Y'Y of them."""
    Y = factors[products].astype(np.float64)
    ridge = frequency_regularization(len(products), len(factors), alpha, regularization)
    left = gram + alpha * Y.T @ Y + ridge * np.eye(len(gram))
    return np.asarray(np.linalg.solve(left, (1.0 + alpha) * Y.sum(axis=0)))
