"""SAR: what resembles the products that a customer has an affinity to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp

from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.baselines.bought import binary, purchases
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases

HALF_LIFE_DAYS: Final = 30.0
"""As Microsoft's recommenders has it."""
MIN_TOGETHER: Final = 2
"""Customers who must have both products."""
MAX_PRODUCTS: Final = 8000
"""The products with most customers resemble others; the rest only themselves."""


@dataclass(frozen=True)
class Sar:
    """Affinity x similarity."""

    timeline: Timeline
    similarity: sp.csr_array
    """(n_products, n_products) float32 Jaccard; 1 on the diagonal."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32; zero without a known product."""
        return np.asarray((self.affinity(cases) @ self.similarity).toarray())

    def affinity(self, cases: Cases) -> sp.csr_array:
        """(n, n_products) float32: 1 for each product of the cart, and its decayed weight for each past line."""
        row, product, weight = [cases.cart.row], [cases.cart.values], [np.ones(len(cases.cart.values))]
        for case, (first, last) in enumerate(cases.history.tolist()):
            age_days = np.maximum(cases.at[case] - self.timeline.line_day[first:last], 0.0)
            row.append(np.full(last - first, case))
            product.append(self.timeline.line_product[first:last].astype(np.int64))
            weight.append(np.exp2(-age_days / HALF_LIFE_DAYS))
        index = (np.concatenate(row).astype(np.int32), np.concatenate(product).astype(np.int32))
        shape = (len(cases), self.similarity.shape[0])
        return sp.csr_array((np.concatenate(weight).astype(np.float32), index), shape=shape)


def fit_sar(timeline: Timeline, before_day: float) -> Sar:
    """Time-decayed affinity of a request's cart and history, times Jaccard similarity by customers.

    The simple algorithm for recommendation of Microsoft's recommenders (Argyriou et al., Microsoft Recommenders: best
    practices for production-ready recommendation systems, 2020). Jaccard: customers with both / customers with either.
    """
    bought = binary(purchases(timeline, before_day, "customer"))
    customers = np.asarray(bought.sum(axis=0), dtype=np.float32)
    rare = np.argsort(-customers, kind="stable")[MAX_PRODUCTS:]
    chosen = np.ones(len(customers), dtype=np.float32)
    chosen[rare] = 0.0
    frequent = sp.csr_array(bought @ sp.diags_array(chosen))
    frequent.eliminate_zeros()
    jaccard = sp.csr_array(frequent.T @ frequent)
    both = jaccard.data
    either = np.repeat(customers, np.diff(jaccard.indptr)) + customers[jaccard.indices] - both
    jaccard.data = np.where(both >= MIN_TOGETHER, both / either, np.float32(0.0))
    jaccard.eliminate_zeros()
    itself = sp.diags_array(1.0 - jaccard.diagonal(), dtype=np.float32)
    return Sar(timeline, sp.csr_array(jaccard + itself))
