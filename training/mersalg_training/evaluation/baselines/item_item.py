"""Item-item counts: what orders hold together, weighed by how often each product is bought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy.sparse as sp

from mersalg_training.data.timeline import Float32, Float64, Int32, Timeline
from mersalg_training.evaluation.baselines.bought import known_products, order_counts, purchases, weighted
from mersalg_training.evaluation.baselines.by_implicit import bm25_neighbours
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases

MIN_PAIRS: Final = 5
"""Orders that must hold both products before their lift counts."""
CART_EXPONENT, CANDIDATE_EXPONENT = 0.7, 0.3
"""Of the softened cosine; 0.5 and 0.5 are the cosine."""

Combine = Literal["sum", "maximum"]


@dataclass(frozen=True)
class CoPurchases:
    """Counts before a day."""

    together: sp.csr_array
    """(n_products, n_products) float32 orders that hold both products; zero for a product with itself."""
    orders: Float64
    """(n_products,) orders that hold the product; at least 1."""


@dataclass(frozen=True)
class ItemItem:
    """For each candidate the sum, or the maximum, over the known products a of left[a] x pairs x right[candidate].

    Known are the products of the cart, or of the history where the cart is empty.
    """

    timeline: Timeline
    pairs: sp.csr_array
    """(n_products, n_products) float32; a row for each known product."""
    left: Float64
    right: Float64
    combine: Combine = "sum"

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32; zero without a known product."""
        known = weighted(known_products(self.timeline, cases), self.left)
        if self.combine == "sum":
            result = (known @ self.pairs).toarray()
        else:
            result = np.zeros((len(cases), len(self.right)), dtype=np.float32)
            for row in range(len(cases)):
                of_row = slice(known.indptr[row], known.indptr[row + 1])
                raise_to(result[row], self.pairs, known.indices[of_row], known.data[of_row])
        result *= self.right.astype(np.float32)
        return np.asarray(result)


def raise_to(scores: Scores, pairs: sp.csr_array, known: Int32, weight: Float32) -> None:
    """Raise each score to the highest weight x pairs of a known product, in place."""
    for product, factor in zip(known.tolist(), weight.tolist(), strict=True):
        of_product = slice(pairs.indptr[product], pairs.indptr[product + 1])
        partner = pairs.indices[of_product]
        scores[partner] = np.maximum(scores[partner], pairs.data[of_product] * np.float32(factor))


def count_pairs(timeline: Timeline, before_day: float) -> CoPurchases:
    """Orders before a day that hold two products, and one."""
    bought = purchases(timeline, before_day, "order")
    together = (bought.T @ bought).tocoo()
    other = together.row != together.col
    result = sp.csr_array((together.data[other], (together.row[other], together.col[other])), shape=together.shape)
    return CoPurchases(result, np.maximum(order_counts(timeline, -np.inf, before_day), 1.0))


def fit_confidence(timeline: Timeline, before_day: float, pairs: CoPurchases | None = None) -> ItemItem:
    """The sum over the known products a of P(candidate | a): "frequently bought together".

    Agrawal, Imielinski, Swami, Mining association rules between sets of items in large databases, 1993.
    """
    pairs = pairs or count_pairs(timeline, before_day)
    return ItemItem(timeline, pairs.together, 1.0 / pairs.orders, np.ones_like(pairs.orders))


def fit_cosine(timeline: Timeline, before_day: float, pairs: CoPurchases | None = None) -> ItemItem:
    """The sum over the known products a of pairs / sqrt(orders of a x orders of the candidate).

    Sarwar, Karypis, Konstan, Riedl, Item-based collaborative filtering recommendation algorithms, 2001.
    """
    pairs = pairs or count_pairs(timeline, before_day)
    weight = 1.0 / np.sqrt(pairs.orders)
    return ItemItem(timeline, pairs.together, weight, weight)


def fit_softened_cosine(
    timeline: Timeline, before_day: float, combine: Combine, pairs: CoPurchases | None = None
) -> ItemItem:
    """The sum or maximum over the known products a of pairs / (orders of a ^ 0.7 x orders of the candidate ^ 0.3).

    The asymmetric cosine of Aiolli, Efficient top-N recommendation for very large scale binary rated datasets, 2013.
    """
    pairs = pairs or count_pairs(timeline, before_day)
    return ItemItem(timeline, pairs.together, pairs.orders**-CART_EXPONENT, pairs.orders**-CANDIDATE_EXPONENT, combine)


def fit_lift(timeline: Timeline, before_day: float, pairs: CoPurchases | None = None) -> ItemItem:
    """The sum over the known products a of pairs / (orders of a x orders of the candidate); few pairs count as none.

    Brin, Motwani, Ullman, Tsur, Dynamic itemset counting and implication rules for market basket data, 1997.
    """
    pairs = pairs or count_pairs(timeline, before_day)
    often = pairs.together.tocoo()
    kept = often.data >= MIN_PAIRS
    together = sp.csr_array((often.data[kept], (often.row[kept], often.col[kept])), shape=often.shape)
    return ItemItem(timeline, together, 1.0 / pairs.orders, 1.0 / pairs.orders)


def fit_bm25(timeline: Timeline, before_day: float) -> ItemItem:
    """The sum over the known products of BM25 similarities, as implicit computes them, cut to the nearest products.

    Robertson and Zaragoza, The probabilistic relevance framework: BM25 and beyond, 2009. A product is its own nearest.
    """
    neighbours = bm25_neighbours(purchases(timeline, before_day, "order"))
    one = np.ones(len(timeline.product_ids))
    return ItemItem(timeline, neighbours, one, one)
