"""EASE: a linear model from all products of an order to each other product, in closed form."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from mersalg_training.data.history import CodedLines
from mersalg_training.data.timeline import Float32
from mersalg_training.tables.vocabulary import Vocabulary

MAX_PRODUCTS: Final = 4000
"""The most bought products are modelled; the inverse is dense."""
RIDGE: Final = 100.0
"""Added to the diagonal, in orders that hold a product."""


def ease_weights(bought: sp.csr_array | sp.csr_matrix, ridge: float) -> Float32:
    """(m, m) float32 from row to column, C-contiguous, zero on the diagonal.

    bought: (orders or customers, m) of 0 and 1. Steck, Embarrassingly shallow autoencoders for sparse data, 2019:
    B = I - P / diag(P), P = (X'X + ridge I)^-1.
    """
    gram = (bought.T @ bought).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = scipy.linalg.inv(gram, overwrite_a=True, check_finite=False, assume_a="pos")
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, dtype=np.float32)  # else every product with a sparse matrix copies them


def weights_of_orders(latest: CodedLines, vocabulary: Vocabulary) -> Float32:
    """(m, m) float32 by item index: the weights of the m most bought products. latest: of the latest orders."""
    m = min(MAX_PRODUCTS, vocabulary.supported)
    item = vocabulary.item_of_code[latest.product]
    kept = item < m
    orders, row = np.unique(latest.order[kept], return_inverse=True)
    ones = np.ones(len(row), dtype=np.float32)
    return ease_weights(sp.csr_array((ones, (row, item[kept])), shape=(len(orders), m)), RIDGE)
