"""Who bought what before a day, and what a request tells, as sparse matrices of products."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.ranking.cases import Cases, Ragged, ragged

By = Literal["order", "customer"]
"""What a row of a matrix of purchases is."""


def order_counts(timeline: Timeline, first_day: float, end_day: float) -> Float64:
    """(n_products,) orders of first_day <= day < end_day that hold the product."""
    inside = (timeline.line_day >= first_day) & (timeline.line_day < end_day)
    return np.bincount(timeline.line_product[inside], minlength=len(timeline.product_ids)).astype(np.float64)


def purchases(timeline: Timeline, before_day: float, by: By) -> sp.csr_array:
    """(n_rows, n_products) float32: how many lines before a day each order or known customer has of a product.

    A row stands for an order or customer with such lines, in the timeline's order; the others have none.
    """
    lines = np.flatnonzero(timeline.line_day < before_day)
    owner = timeline.line_order[lines]
    if by == "customer":
        owner = timeline.order_customer[owner]
        lines, owner = lines[owner != UNKNOWN], owner[owner != UNKNOWN]
    _, row = np.unique(owner, return_inverse=True)
    shape = (int(row.max(initial=-1)) + 1, len(timeline.product_ids))
    result = sp.csr_array((np.ones(len(lines), np.float32), (row, timeline.line_product[lines])), shape=shape)
    result.sum_duplicates()
    return result


def customers_before(timeline: Timeline, before_day: float) -> Int64:
    """The codes of the known customers with an order before a day, ascending: the rows of `purchases` by customer."""
    customer = timeline.order_customer[timeline.order_day < before_day]
    return np.unique(customer[customer != UNKNOWN]).astype(np.int64)


def binary(bought: sp.csr_array) -> sp.csr_array:
    """The same matrix with ones."""
    return sp.csr_array((np.ones_like(bought.data), bought.indices, bought.indptr), shape=bought.shape)


def known_products(timeline: Timeline, cases: Cases) -> Ragged:
    """The distinct products of each cart, or of the history where the cart is empty."""
    return ragged(
        [
            np.unique(cart if len(cart := cases.cart[row]) else timeline.line_product[first:last]).astype(np.int64)
            for row, (first, last) in enumerate(cases.history.tolist())
        ]
    )


def cart_and_history(timeline: Timeline, cases: Cases) -> Ragged:
    """The distinct products of each cart and history together."""
    return ragged(
        [
            np.union1d(cases.cart[row], timeline.line_product[first:last]).astype(np.int64)
            for row, (first, last) in enumerate(cases.history.tolist())
        ]
    )


def weighted(products: Ragged, weight: Float64) -> sp.csr_array:
    """(n, n_products) float32: the weight of each product in the rows that hold it; 32-bit indices."""
    values = weight[products.values].astype(np.float32)
    indices, starts = products.values.astype(np.int32), products.start.astype(np.int32)
    return sp.csr_array((values, indices, starts), shape=(len(products), len(weight)))
