"""The methods that every bundle is measured against: popularity, the customer's own most frequent, item-item counts.

They see every line before the test window, so more than the bundle does, which fits on what lies before its
calibration window. They rank the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import scipy.sparse as sp

from mersalg_training.cases import Cases, Ragged, ragged
from mersalg_training.tasks import Restriction
from mersalg_training.timeline import Float64, Int64, Timeline

CHUNK: Final = 128
"""Requests that are scored over the whole catalogue at once."""
BLOCK: Final = 128
"""Products whose highest score is looked at first."""
RECENT_DAYS: Final = 28.0


class Baseline(Protocol):
    """A method that ranks products for requests."""

    @property
    def name(self) -> str:
        """As it stands in tables."""

    def rank(self, cases: Cases, restriction: Restriction, k: int) -> list[Int64]:
        """For each case at most k permitted product codes, the best first."""


@dataclass(frozen=True)
class ScoredCatalogue:
    """A baseline that gives every product of the catalogue a score."""

    name: str
    score: Callable[[Cases], Float64]
    """(n, n_products) scores; called with at most CHUNK cases."""
    tie_place: Int64
    """(n_products,) of equal scores the lowest place comes first."""

    def rank(self, cases: Cases, restriction: Restriction, k: int) -> list[Int64]:
        """The k best of all permitted products; fewer where fewer are permitted."""
        ranked = []
        for start in range(0, len(cases), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(cases)))
            for case, scores in zip(rows.tolist(), self.score(cases.take(rows)), strict=True):
                permitted = np.flatnonzero(restriction.mask(case))
                ranked.append(best(permitted, scores[permitted], self.tie_place, k))
        return ranked


def best(products: Int64, scores: Float64, tie_place: Int64, k: int) -> Int64:
    """The k products of highest score, in order; of equal scores by place. products, scores: (n,)."""
    able = np.flatnonzero(scores >= floor_of_best(scores, k))
    products, scores = products[able], scores[able]
    if len(products) > k:
        least = -np.partition(-scores, k - 1)[k - 1]
        above, equal = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
        missing = k - len(above)
        if len(equal) > missing:
            equal = equal[np.argpartition(tie_place[products[equal]], missing - 1)[:missing]]
        chosen = np.concatenate([above, equal])
        products, scores = products[chosen], scores[chosen]
    return products[np.lexsort((tie_place[products], -scores))]


def floor_of_best(scores: Float64, k: int) -> float:
    """A score that the k best reach: the k-th highest of the blocks' maxima, which is quicker to find than theirs."""
    blocks = len(scores) // BLOCK
    if blocks < k:
        return -np.inf
    highest = scores[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
    return float(-np.partition(-highest, k - 1)[k - 1])


def fit_baselines(timeline: Timeline, before_day: float, random: np.random.Generator) -> list[Baseline]:
    """Every baseline, fitted on the lines before a day (days since 1970-01-01). Ties follow one random permutation."""
    n = len(timeline.product_ids)
    tie_place = random.permutation(n).astype(np.int64)
    all_orders = order_counts(timeline, -np.inf, before_day)
    recent_orders = order_counts(timeline, before_day - RECENT_DAYS, before_day)
    together = co_occurrence(timeline, before_day)
    confidence, cosine = (
        confidence_scores(timeline, together, all_orders),
        cosine_scores(timeline, together, all_orders),
    )
    return [
        ScoredCatalogue("popularity", lambda cases: np.broadcast_to(all_orders, (len(cases), n)), tie_place),
        ScoredCatalogue(
            "popularity of 28 days", lambda cases: np.broadcast_to(recent_orders, (len(cases), n)), tie_place
        ),
        ScoredCatalogue("own most frequent", own_scores(timeline, all_orders), tie_place),
        ScoredCatalogue("item-item confidence", confidence, tie_place),
        ScoredCatalogue("item-item cosine", cosine, tie_place),
    ]


def order_counts(timeline: Timeline, first_day: float, end_day: float) -> Float64:
    """(n_products,) orders of first_day <= day < end_day that hold the product."""
    inside = (timeline.line_day >= first_day) & (timeline.line_day < end_day)
    return np.bincount(timeline.line_product[inside], minlength=len(timeline.product_ids)).astype(np.float64)


def own_scores(timeline: Timeline, orders: Float64) -> Callable[[Cases], Float64]:
    """How often the customer bought a product, and below that how often all did ("GP-Top")."""
    share = orders / (orders.max(initial=0.0) + 1.0)

    def score(cases: Cases) -> Float64:
        scores = np.tile(share, (len(cases), 1))
        for row, (first, last) in enumerate(cases.history.tolist()):
            np.add.at(scores[row], timeline.line_product[first:last], 1.0)
        return scores

    return score


def co_occurrence(timeline: Timeline, before_day: float) -> sp.csr_array:
    """(n_products, n_products) float32: orders before a day that hold both products; zero for a product with itself."""
    before = timeline.line_day < before_day
    n, lines = len(timeline.product_ids), int(before.sum())
    bought = sp.csr_array(
        (np.ones(lines, dtype=np.float32), (timeline.line_order[before], timeline.line_product[before])),
        shape=(timeline.n_orders, n),
    )
    pairs = (bought.T @ bought).tocoo()
    other = pairs.row != pairs.col
    return sp.csr_array((pairs.data[other], (pairs.row[other], pairs.col[other])), shape=(n, n))


def confidence_scores(timeline: Timeline, together: sp.csr_array, orders: Float64) -> Callable[[Cases], Float64]:
    """The sum over the known products a of P(candidate | a)."""
    weight = 1.0 / np.maximum(orders, 1.0)

    def score(cases: Cases) -> Float64:
        return np.asarray((weighted(known_products(timeline, cases), weight) @ together).toarray(), dtype=np.float64)

    return score


def cosine_scores(timeline: Timeline, together: sp.csr_array, orders: Float64) -> Callable[[Cases], Float64]:
    """The sum over the known products a of pairs / sqrt(orders of a x orders of the candidate)."""
    weight = 1.0 / np.sqrt(np.maximum(orders, 1.0))

    def score(cases: Cases) -> Float64:
        found = (weighted(known_products(timeline, cases), weight) @ together).toarray()
        return np.asarray(found * weight, dtype=np.float64)

    return score


def known_products(timeline: Timeline, cases: Cases) -> Ragged:
    """The distinct products of each cart, or of the history where the cart is empty."""
    return ragged(
        [
            np.unique(cart if len(cart := cases.cart[row]) else timeline.line_product[first:last]).astype(np.int64)
            for row, (first, last) in enumerate(cases.history.tolist())
        ]
    )


def weighted(products: Ragged, weight: Float64) -> sp.csr_array:
    """(n, n_products) the weight of each product in the rows that hold it; 32-bit indices, as `together` has."""
    values = weight[products.values].astype(np.float32)
    indices, starts = products.values.astype(np.int32), products.start.astype(np.int32)
    return sp.csr_array((values, indices, starts), shape=(len(products), len(weight)))
