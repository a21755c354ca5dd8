"""Ranked lists judged beyond best-sellers: hits by how rare their product is, and how lists spread over the catalogue.

A best-seller is bought whatever is offered, so a hit on it says little. Jain, Prabhu and Varma (Extreme multi-label
loss functions, KDD 2016) weigh a hit by 1 / propensity, which rises with the orders that hold the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.evaluation.metrics import K, padded
from mersalg_training.evaluation.tasks.task import Bools
from mersalg_training.ranking.cases import Ragged

A: Final = 0.55
B: Final = 1.5
"""The paper's constants where a data set has none of its own."""
BEST_SELLERS: Final = 20
"""So many products, held by most orders before the window, are the best-sellers."""
PS_NDCG, PS_RECALL, GINI, BEST_SELLER_SHARE = (f"{name}@{K}" for name in ("PSNDCG", "PSrecall", "Gini", "best-sellers"))
NO_MERIT: Final = frozenset({GINI, BEST_SELLER_SHARE})
"""Metrics of which more is not better."""


def orders_holding(timeline: Timeline, before_day: float) -> Int64:
    """(n_products,) the orders before a day (days since 1970-01-01) that hold each product."""
    before = timeline.line_day < before_day
    return np.bincount(timeline.line_product[before], minlength=len(timeline.product_ids)).astype(np.int64)


def hit_weights(holding: Int64, orders: int) -> Float64:
    """(n_products,) 1 / propensity = 1 + (ln N - 1) (B + 1)^A / (n + B)^A: n of N orders hold the product."""
    scale = max(np.log(max(orders, 1)) - 1.0, 0.0) * (B + 1.0) ** A
    return np.asarray(1.0 + scale * (holding + B) ** -A, dtype=np.float64)


def best_sellers(holding: Int64) -> Bools:
    """(n_products,) whether a product is one of the BEST_SELLERS; what no order holds is none."""
    first = np.argsort(-holding, kind="stable")[:BEST_SELLERS]
    result = np.zeros(len(holding), dtype=np.bool_)
    result[first] = holding[first] > 0
    return result


def propensity_scored(ranked: Sequence[Int64], target: Ragged, weight: Float64) -> dict[str, Float64]:
    """Metric -> (n,) recall and NDCG of each request as `request_metrics` has them, a hit counting by its weight.

    weight: (n_products,). PSrecall = the weight of the hits over that of all targets. PSNDCG = sum over the hits of
    weight / log2(rank + 1), over the same sum of a list that begins with the targets, the heaviest first.
    """
    row, n, of_target = target.row, len(target), weight[target.values]
    match = padded(ranked)[row] == target.values[:, None]
    gain = np.append(1.0 / np.log2(np.arange(K) + 2.0), 0.0)  # the last place is a target's that is not among K
    place = np.where(match.any(axis=1), match.argmax(axis=1), K)
    heaviest_first = np.lexsort((-of_target, row))
    ideal_place = np.minimum(np.arange(len(row)) - target.start[row], K)

    def summed(values: Float64) -> Float64:
        return np.asarray(np.bincount(row, weights=values, minlength=n), dtype=np.float64)

    return {
        PS_RECALL: summed(of_target * (place < K)) / summed(of_target),
        PS_NDCG: summed(of_target * gain[place]) / summed(of_target[heaviest_first] * gain[ideal_place]),
    }


def best_sellers_in(ranked: Sequence[Int64], is_best_seller: Bools) -> tuple[Float64, Float64]:
    """(n,) the best-sellers among the first K of each list, and how many products stand there."""
    first = padded(ranked)
    there = first != UNKNOWN
    return (is_best_seller[first] & there).sum(axis=1).astype(np.float64), there.sum(axis=1).astype(np.float64)


def gini(ranked: Sequence[Int64], catalogue: Bools) -> float:
    """How unevenly the first K of the lists fall on the catalogue, (n_products,) bool: 0 = alike, 1 = on one product.

    NaN where the lists are empty.
    """
    first = padded(ranked)
    exposure = np.sort(np.bincount(first[first != UNKNOWN], minlength=len(catalogue))[catalogue])
    n, total = len(exposure), exposure.sum()
    if total == 0:
        return float("nan")
    return float((2.0 * np.arange(1, n + 1) - n - 1.0) @ exposure / (n * total))
