"""Calibration: from a ranker's score to the probability that an offer is bought, by kind.

First a logistic curve for each kind (Platt 1999), all of them fitted together: a kind differs from what it shares with
the others in offset and slope, each drawn back to what is shared, the more the fewer rows the kind has (partial
pooling; Gelman and Hill 2007, chapter 12). A kind with few rows keeps to it. One with many gets an isotonic regression
(pool adjacent violators, Ayer et al. 1955) over bins, joined by straight lines, so that the curve has no cliffs on
which a threshold could flip between runtimes; each block leans on the kind's logistic curve, the more the fewer rows it
has. All is fitted on what would be shown: the best few candidates of a request, not all pairs (Sato, RecSys 2024, arXiv
2408.11596).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mersalg.names import KINDS
from mersalg_training.data.timeline import Float32, Float64, Int64
from mersalg_training.graph.calibration import KNOTS, Calibration

MIN_ROWS: Final = 500
"""A kind with fewer rows keeps to its logistic curve."""
MIN_BIN: Final = 50
MIN_GAP: Final = 0.02
"""Knots at least so far apart in log-odds."""
PRIOR: Final = 100.0
"""The logistic curve weighs as much as so many rows of a block."""
OFFSET_SPREAD: Final = 0.3
"""Standard deviation, in log-odds, of the kinds' offsets before a row is seen."""
SLOPE_SPREAD: Final = 0.1
"""The same of their slopes in the score."""
SHARED_SPREAD: Final = 30.0
"""The same of the offset that they share: wide, and finite where all, or none, is bought."""

Block = tuple[int, float, float, float]
"""Rows, and the sums of their scores, of what was bought and of what the logistic curve expects."""


@dataclass(frozen=True)
class LogisticCurves:
    """(5,) each, by kind: the log-odds are offset + slope * score."""

    offset: Float64
    slope: Float64

    def at(self, score: Float64, kind: int) -> Float64:
        """(n,) probability of scores (n,) of a kind."""
        return np.asarray(expit(self.offset[kind] + self.slope[kind] * score), dtype=np.float64)


def fit_calibration(score: Float32, kind: Int64, bought: Float32) -> Calibration:
    """Fit every kind on its rows, and on what it shares with those of the others, of n in all; 0 without any row."""
    tables = Calibration(
        np.full((len(KINDS), KNOTS), np.inf, dtype=np.float32),
        np.zeros((len(KINDS), KNOTS), dtype=np.float32),
        np.zeros((len(KINDS), KNOTS), dtype=np.float32),
    )
    scores, labels = score.astype(np.float64), bought.astype(np.float64)
    curves = fit_logistic_curves(scores, kind, labels)
    for k in range(len(KINDS)):
        rows = kind == k
        if rows.sum() >= MIN_ROWS:
            knots, relevance = monotone(scores[rows], labels[rows], curves.at(scores[rows], k))
        else:
            knots = evenly_spaced(scores)
            relevance = curves.at(knots, k) if len(score) else np.zeros(1)
        n = len(knots)
        tables.score[k, :n] = knots
        tables.relevance[k, :n] = relevance
        tables.slope[k, : n - 1] = np.diff(relevance) / np.diff(knots)
    return tables


def fit_logistic_curves(score: Float64, kind: Int64, bought: Float64) -> LogisticCurves:
    """The most likely curves of the kinds from rows (n,), offsets and slopes drawn back to what the kinds share.

    The slope that they share is drawn a little towards 1: a score is a log-odds already. No curve falls.
    """
    n = len(KINDS)
    centre = float(score.mean()) if len(score) else 0.0
    centred = score - centre
    spread = np.concatenate([[SHARED_SPREAD, 1.0], np.full(n, OFFSET_SPREAD), np.full(n, SLOPE_SPREAD)])
    usual = np.zeros(len(spread))
    usual[1] = 1.0

    def loss(weights: Float64) -> tuple[float, Float64]:
        offset, slope = weights[0] + weights[2 : 2 + n], weights[1] + weights[2 + n :]
        log_odds = offset[kind] + slope[kind] * centred
        error = expit(log_odds) - bought
        of_offset, of_slope = np.bincount(kind, error, n), np.bincount(kind, error * centred, n)
        pull = (weights - usual) / spread
        return (
            float(np.logaddexp(0.0, log_odds).sum() - bought @ log_odds + 0.5 * pull @ pull),
            np.concatenate([[of_offset.sum(), of_slope.sum()], of_offset, of_slope]) + pull / spread,
        )

    weights = minimize(loss, usual, jac=True, method="BFGS").x
    slope = np.maximum(weights[1] + weights[2 + n :], 0.0)
    return LogisticCurves(weights[0] + weights[2 : 2 + n] - slope * centre, slope)


def evenly_spaced(score: Float64) -> Float64:
    """At most KNOTS knots, ascending, from the least score (n,) to the largest; 0 alone without any."""
    if not len(score):
        return np.zeros(1)
    least, largest = float(score.min()), float(score.max())
    return np.linspace(least, largest, int(np.clip((largest - least) / MIN_GAP, 1, KNOTS)))


def monotone(score: Float64, bought: Float64, expected: Float64) -> tuple[Float64, Float64]:
    """At most KNOTS knots (score, probability), ascending, from rows (n,), n >= 1. expected: by the logistic curve."""
    order = np.argsort(score, kind="stable")
    n_bins = int(np.clip(len(score) // MIN_BIN, 1, 4 * KNOTS))
    # Bins are finer at the top, where thresholds lie: edges at even steps of the square root from above.
    edges = np.unique((len(score) * (1.0 - (1.0 - np.linspace(0.0, 1.0, n_bins + 1)) ** 2)).astype(np.int64))
    bins = [order[a:b] for a, b in pairwise(edges) if b > a]
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
