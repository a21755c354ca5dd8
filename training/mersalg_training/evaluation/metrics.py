"""What a ranked list is worth, request by request, and how sure the mean is.

Intervals are percentiles of a cluster bootstrap: customers are drawn with replacement and bring all their requests
(Field and Welsh, Bootstrapping clustered data, 2007). Two methods are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.ranking.cases import Cases, Ragged

Floats = npt.NDArray[np.floating]

K: Final = 10
"""Places of a list that count."""
RESAMPLES: Final = 1000
LEVEL: Final = (2.5, 97.5)
"""Percentiles of the interval."""
RECALL, NDCG, HIT_RATE, PRECISION, REVENUE, MARGIN, COVERAGE = (
    f"{name}@{K}" for name in ("recall", "NDCG", "hit rate", "precision", "revenue", "margin", "coverage")
)
DEPTHS: Final = (50, 100, 200)
"""Numbers of candidates of which recall is told."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Requests."""


@dataclass(frozen=True)
class Resamples:
    """The bootstrap's draws of customers."""

    cluster: Int64
    """(n,) the cluster of each request."""
    times: Float64
    """(n_resamples, n_clusters) how often each cluster is drawn; a row sums to n_clusters."""


def resample_customers(
    customer: Int64, order: Int64, random: np.random.Generator, resamples: int = RESAMPLES
) -> Resamples:
    """Draw customers with replacement; an order without a customer (UNKNOWN) is a cluster of its own."""
    key = np.stack([customer, np.where(customer == UNKNOWN, order, UNKNOWN)])
    _, cluster = np.unique(key, axis=1, return_inverse=True)
    n = int(cluster.max()) + 1 if len(cluster) else 0
    times = random.multinomial(n, np.full(n, 1.0 / n), size=resamples) if n else np.zeros((resamples, 0))
    return Resamples(cluster.reshape(-1).astype(np.int64), times.astype(np.float64))


def ratio(above: Float64, below: Float64, draws: Resamples) -> Estimate:
    """The sum of one figure over the sum of another, each (n,); NaN where the latter is zero.

    With ones below it is the mean. Draws whose sum below is zero say nothing and are left out of the interval.
    """
    n_clusters = draws.times.shape[1]
    drawn_above, drawn_below = (
        draws.times @ np.bincount(draws.cluster, weights=values, minlength=n_clusters) for values in (above, below)
    )
    total = float(below.sum())
    if total == 0.0:
        return Estimate(np.nan, np.nan, np.nan, len(above))
    usable = drawn_below > 0
    low, high = np.percentile(drawn_above[usable] / drawn_below[usable], LEVEL)
    return Estimate(float(above.sum()) / total, float(low), float(high), len(above))


def mean(values: Float64, draws: Resamples) -> Estimate:
    """The mean over requests, (n,)."""
    return ratio(values, np.ones(len(values)), draws)


def difference(ours: Float64, theirs: Float64, draws: Resamples) -> Estimate:
    """The mean of ours minus theirs, request by request: both (n,) on the same requests in the same order."""
    return mean(ours - theirs, draws)


def request_metrics(ranked: Sequence[Int64], target: Ragged, worth: dict[str, Float64]) -> dict[str, Float64]:
    """Metric -> (n,) its value for each request.

    ranked: a request's product codes, the best first, distinct, of any length; the first K count.
    target: what was bought, never empty; worth: metric -> (n_targets,) what a bought product brings.

    recall = hits / targets. NDCG = sum over the hits of 1 / log2(rank + 1), over the same sum of a list with hits on
    the ranks 1 to min(K, targets) (Järvelin and Kekäläinen 2002, binary gains). hit rate = 1 where there is a hit.
    precision = hits / K, however short the list.
    """
    row, n = target.row, len(target)
    match = padded(ranked)[row] == target.values[:, None]
    result = match.any(axis=1).astype(np.float64)
    gain = 1.0 / np.log2(np.arange(K) + 2.0)
    ideal = np.cumsum(gain)[np.minimum(target.lengths, K) - 1]

    def summed(values: Float64) -> Float64:
        return np.asarray(np.bincount(row, weights=values, minlength=n), dtype=np.float64)

    hits = summed(result)
    return {
        RECALL: hits / target.lengths,
        NDCG: summed(result * gain[match.argmax(axis=1)]) / ideal,
        HIT_RATE: (hits > 0).astype(np.float64),
        PRECISION: hits / K,
        **{name: summed(result * values) for name, values in worth.items()},
    }


def padded(ranked: Sequence[Int64], width: int = K) -> Int64:
    """(n, width) the first of each list; UNKNOWN where it is shorter."""
    table = np.full((len(ranked), width), UNKNOWN, dtype=np.int64)
    for row, products in enumerate(ranked):
        first = products[:width]
        table[row, : len(first)] = first
    return table


def candidate_recall(ranked: Sequence[Int64], target: Ragged) -> dict[str, Float64]:
    """Metric -> (n,) the share of each request's targets among the first 50, 100, 200 of its list."""
    result = {}
    for depth in DEPTHS:
        among_first = (padded(ranked, depth)[target.row] == target.values[:, None]).any(axis=1)
        hits = np.bincount(target.row, weights=among_first, minlength=len(target))
        result[f"candidate recall@{depth}"] = hits / target.lengths
    return result


def perfect_order(ranked: Sequence[Int64], target: Ragged) -> list[Int64]:
    """The targets that stand in each list: what the best order of these very candidates would begin with."""
    return [np.intersect1d(products, target[row]) for row, products in enumerate(ranked)]


def coverage(ranked: Sequence[Int64], catalogue: npt.NDArray[np.bool_]) -> float:
    """The share of the catalogue, (n_products,) bool, that stands in the first K of any list."""
    shown = np.unique(padded(ranked))
    return int((shown != UNKNOWN).sum()) / max(1, int(catalogue.sum()))


def target_worth(timeline: Timeline, attributes: Attributes, cases: Cases) -> dict[str, Float64]:
    """Metric -> (n_targets,) what each target brought when it was bought: quantity x price paid, and less the cost.

    That is in the case's order, or (within a horizon) in the customer's first one from then on that holds it. An
    unknown price is the list price; a target without either, or without a cost, brings nothing. A metric for which
    nothing is known is absent.
    """
    line = line_of(timeline, cases.order[cases.target.row], cases.target.values)
    price = timeline.line_price[line].astype(np.float64)
    price = np.where(np.isnan(price), attributes.price[cases.target.values], price)
    revenue = timeline.line_quantity[line] * price
    margin = revenue - timeline.line_quantity[line] * attributes.cost[cases.target.values].astype(np.float64)
    worth = {REVENUE: revenue, MARGIN: margin}
    return {name: np.nan_to_num(values, nan=0.0) for name, values in worth.items() if not np.isnan(values).all()}


def line_of(timeline: Timeline, order: Int64, product: Int64) -> Int64:
    """(n,) the first line of a product from an order on; that order, or a later one of its customer, holds it."""
    asked = np.zeros(len(timeline.product_ids), dtype=np.bool_)
    asked[product] = True
    lines = np.flatnonzero(asked[timeline.line_product])
    keys = np.sort(timeline.line_product[lines] * np.int64(timeline.n_lines) + lines)
    first = np.searchsorted(keys, product * np.int64(timeline.n_lines) + timeline.order_start[order])
    return np.asarray(keys[first] % timeline.n_lines)


def wilson(share: Floats, n: npt.NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Give the 95 % interval of a share of n (Wilson 1927): two arrays of the shape of `share`."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return np.minimum(middle - half, share), np.maximum(middle + half, share)


OURS: Final = "mersalg"
"""The method's name of the bundle itself among the results."""
