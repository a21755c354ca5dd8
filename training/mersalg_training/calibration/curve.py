"""Calibration: from a ranker's score to the probability that an offer is bought, by kind.

Isotonic regression (pool adjacent violators, Ayer et al. 1955) over bins, joined by straight lines, so that the curve
has no cliffs on which a threshold could flip between runtimes. Each block leans on a logistic curve through all of them
(Platt 1999), the more the fewer rows it has. It is fitted on what would be shown: the best few candidates of a request,
not all pairs (Sato, RecSys 2024, arXiv 2408.11596).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mersalg.names import KINDS
from mersalg_training.data.timeline import Float32, Float64, Int64
from mersalg_training.graph.calibration import KNOTS, Calibration

MIN_BIN = 50
MIN_GAP = 0.02
"""Knots at least so far apart in log-odds."""
PRIOR = 100.0
"""The logistic curve weighs as much as so many rows of a block."""

Block = tuple[int, float, float, float]
"""Rows, and the sums of their scores, of what was bought and of what the logistic curve expects."""


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
    blocks: list[Block] = []
    for rows in bins:
        blocks.append((len(rows), float(score[rows].sum()), float(bought[rows].sum()), float(expected[rows].sum())))
        while len(blocks) > 1 and blocks[-2][2] / blocks[-2][0] >= blocks[-1][2] / blocks[-1][0]:
            blocks[-2:] = [joined(*blocks[-2:])]
    blocks = merged_knots(blocks)
    knots = np.array([total / n for n, total, _, _ in blocks])
    relevance = np.array([(hits + PRIOR * by_curve / n) / (n + PRIOR) for n, _, hits, by_curve in blocks])
    # The curve pulls a small block across its neighbour: the lower value holds, so that nothing is promised too much.
    return knots, np.minimum.accumulate(relevance[::-1])[::-1]


def joined(some: Block, others: Block) -> Block:
    """Two neighbouring blocks as one."""
    return some[0] + others[0], some[1] + others[1], some[2] + others[2], some[3] + others[3]


def logistic(score: Float64, bought: Float64) -> Float64:
    """(n,) the probability by a logistic curve in the score, drawn a little towards the score itself as log-odds.

    The pull keeps the curve finite where all, or none, is bought.
    """
    origin = np.array([0.0, 1.0])

    def loss(weights: Float64) -> tuple[float, Float64]:
        log_odds = weights[0] + weights[1] * score
        error = expit(log_odds) - bought
        pull = weights - origin
        return (
            float(np.logaddexp(0.0, log_odds).sum() - bought @ log_odds + 0.5 * pull @ pull),
            np.array([error.sum(), error @ score]) + pull,
        )

    intercept, slope = minimize(loss, origin, jac=True, method="BFGS").x
    return np.asarray(expit(intercept + slope * score), dtype=np.float64)


def merged_knots(blocks: list[Block]) -> list[Block]:
    """Join neighbours that are too close in score, then the smallest gaps, until KNOTS are left."""
    blocks = list(blocks)
    while len(blocks) > 1:
        gaps = [b[1] / b[0] - a[1] / a[0] for a, b in pairwise(blocks)]
        closest = int(np.argmin(gaps))
        if gaps[closest] >= MIN_GAP and len(blocks) <= KNOTS:
            break
        blocks[closest : closest + 2] = [joined(*blocks[closest : closest + 2])]
    return blocks
