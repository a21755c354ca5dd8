"""How scores of the whole catalogue become a ranked list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from mersalg.names import Kind
from mersalg_training.data.timeline import Int64
from mersalg_training.evaluation.methods import ScoredList, Scores
from mersalg_training.evaluation.tasks.task import Restriction
from mersalg_training.ranking.cases import Cases

CHUNK: Final = 128
"""Requests that are scored over the whole catalogue at once."""
BLOCK: Final = 128
"""Products whose highest score is looked at first."""


class Scorer(Protocol):
    """A fitted method that gives every product of the catalogue a score."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32 or float64, finite, higher is better; for at most CHUNK cases at once."""


@dataclass(frozen=True)
class ScoredCatalogue:
    """A baseline that ranks by scores of the whole catalogue."""

    name: str
    score: Callable[[Cases], Scores]
    """(n, n_products) scores; called with at most CHUNK cases."""
    tie_place: Int64
    """(n_products,) of equal scores the lowest place comes first."""

    def rank(self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None) -> list[Int64]:
        """The k best of all permitted products, whatever the kinds; fewer where fewer are permitted."""
        return [products for products, _ in self.scored(cases, restriction, k, kinds)]

    def scored(
        self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None
    ) -> list[ScoredList]:
        """The same with their scores."""
        ranked = []
        for start in range(0, len(cases), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(cases)))
            for case, scores in zip(rows.tolist(), self.score(cases.take(rows)), strict=True):
                permitted = np.flatnonzero(restriction.mask(case))
                products = best(permitted, scores[permitted], self.tie_place, k)
                ranked.append((products, scores[products]))
        return ranked


def best(products: Int64, scores: Scores, tie_place: Int64, k: int) -> Int64:
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


def floor_of_best(scores: Scores, k: int) -> float:
    """A score that the k best reach: the k-th highest of the blocks' maxima, which is quicker to find than theirs."""
    blocks = len(scores) // BLOCK
    if blocks < k:
        return -np.inf
    highest = scores[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
    return float(-np.partition(-highest, k - 1)[k - 1])
