"""Calibration: from a ranker's score to the probability that an offer is bought, by kind.

Isotonic regression (pool adjacent violators, Ayer et al. 1955) over bins, joined by straight lines, so that the curve
has no cliffs on which a threshold could flip between runtimes. Each bin leans on a logistic curve through all of them
(Platt 1999), the more the fewer rows it has. It is fitted on what would be shown: the best few candidates of a request,
not all pairs (Sato, RecSys 2024, arXiv 2408.11596).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mersalg.names import KINDS
from mersalg_training.timeline import Float32, Float64, Int64

KNOTS = 24
MIN_BIN = 50
MIN_GAP = 0.02
"""Knots at least so far apart in log-odds."""
PRIOR = 200.0
"""The logistic curve weighs as much as so many rows of a bin."""
NEWTON_STEPS = 30


@dataclass(frozen=True)
class Calibration:
    """(5, KNOTS) float32 each, by kind: relevance + slope * (score - knot) from a knot to the next.

    Below the first knot the first relevance holds. Unused knots lie at +inf.
    """

    score: Float32
    relevance: Float32
    slope: Float32

    def apply(self, score: Float32, kind: Int64) -> Float32:
        """(n,) relevance of scores (n,) of kinds (n,), in the arithmetic of the graph."""
        piece = np.maximum((score[:, None] >= self.score[kind]).sum(axis=1) - 1, 0)
        start, base, slope = (table[kind, piece] for table in (self.score, self.relevance, self.slope))
        relevance = base + np.maximum(score - start, np.float32(0.0)) * slope
        return np.asarray(np.clip(relevance, 0.0, 1.0), dtype=np.float32)


def fit_calibration(score: Float32, kind: Int64, bought: Float32) -> Calibration:
    """Fit every kind on its own rows (n,); a kind with too few borrows the rows of all kinds."""
    tables = Calibration(
        np.full((len(KINDS), KNOTS), np.inf, dtype=np.float32),
        np.zeros((len(KINDS), KNOTS), dtype=np.float32),
        np.zeros((len(KINDS), KNOTS), dtype=np.float32),
    )
    for k in range(len(KINDS)):
        rows = kind == k
        if rows.sum() < 2 * MIN_BIN:
            rows = np.ones(len(kind), dtype=np.bool_)
        knots, relevance = monotone(score[rows].astype(np.float64), bought[rows].astype(np.float64))
        n = len(knots)
        tables.score[k, :n] = knots
        tables.relevance[k, :n] = relevance
        tables.slope[k, : n - 1] = np.diff(relevance) / np.diff(knots)
    return tables


def monotone(score: Float64, bought: Float64) -> tuple[Float64, Float64]:
    """At most KNOTS knots (score, probability), ascending; one knot where there is nothing to tell apart."""
    if len(score) == 0:
        return np.zeros(1), np.zeros(1)
    order = np.argsort(score, kind="stable")
    n_bins = int(np.clip(len(score) // MIN_BIN, 1, 4 * KNOTS))
    # Bins are finer at the top, where thresholds lie: edges at even steps of the square root from above.
    edges = np.unique((len(score) * (1.0 - (1.0 - np.linspace(0.0, 1.0, n_bins + 1)) ** 2)).astype(np.int64))
    bins = [order[a:b] for a, b in pairwise(edges) if b > a]
    expected = logistic(score, bought)
    blocks: list[tuple[float, float, float]] = []
    for rows in bins:
        n = float(len(rows))
        share = (bought[rows].sum() + PRIOR * expected[rows].mean()) / (n + PRIOR)
        blocks.append((n, float(score[rows].sum()), float(share * n)))
        while len(blocks) > 1 and blocks[-2][2] / blocks[-2][0] >= blocks[-1][2] / blocks[-1][0]:
            last = blocks.pop()
            blocks[-1] = tuple(a + b for a, b in zip(blocks[-1], last, strict=True))  # type: ignore[assignment]
    blocks = merged_knots(blocks)
    return np.array([total / n for n, total, _ in blocks]), np.array([hits / n for n, _, hits in blocks])


def logistic(score: Float64, bought: Float64) -> Float64:
    """(n,) the probability by a logistic curve in the score, drawn a little towards the score itself as log-odds.

    Newton's method; the pull keeps it finite where all, or none, is bought.
    """
    columns = np.stack([np.ones_like(score), score], axis=1)
    origin = np.array([0.0, 1.0])
    weights = origin.copy()
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(columns @ weights)
        slope = columns.T @ (bought - probability) - (weights - origin)
        curvature = (columns * (probability * (1.0 - probability))[:, None]).T @ columns + np.eye(2)
        weights = weights + np.linalg.solve(curvature, slope)
    return sigmoid(columns @ weights)


def sigmoid(log_odds: Float64) -> Float64:
    """(n,) the probability of log-odds, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)), dtype=np.float64)


def merged_knots(blocks: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Join neighbours that are too close in score, then the smallest gaps, until KNOTS are left."""
    blocks = list(blocks)
    while len(blocks) > 1:
        gaps = [b[1] / b[0] - a[1] / a[0] for a, b in pairwise(blocks)]
        closest = int(np.argmin(gaps))
        if gaps[closest] >= MIN_GAP and len(blocks) <= KNOTS:
            break
        joined = tuple(a + b for a, b in zip(blocks[closest], blocks[closest + 1], strict=True))
        blocks[closest : closest + 2] = [joined]  # type: ignore[list-item]
    return blocks
