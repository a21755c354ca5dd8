"""The first-stage ranker: weights of a linear score, by a choice model on what retrieval knows of each candidate."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from mersalg_training.data.timeline import Float32, Float64, Int64

RIDGE = 1e-3
STEPS = 100
FLOOR = -10.0
"""The log-odds where nothing was bought."""


def fit_first_weights(signals: Float32, bought: Float32, request: Int64) -> Float32:
    """(S + 1,) float32 weights and intercept: which of a request's candidates are bought, then how often.

    signals: (n, S) float32; bought: (n,) of 0 and 1; request: (n,). The weights are those of a conditional logit
    (McFadden, Conditional logit analysis of qualitative choice behavior, 1974), in which each request counts by the
    square root of its purchases: what all candidates of a request share has no influence. They are then scaled and
    shifted to log-odds. A signal that never varies has weight 0, and so has everything but the intercept where nothing
    was bought.
    """
    n_signals = signals.shape[1]
    if not bought.any():
        return np.append(np.zeros(n_signals), FLOOR).astype(np.float32)
    weight = choice_weights(signals, bought, request)
    scale, shift = log_odds(signals @ weight.astype(np.float32), bought)
    return np.append(scale * weight, shift).astype(np.float32)


def choice_weights(signals: Float32, bought: Float32, request: Int64) -> Float64:
    """(S,) weights of the conditional logit with a small ridge."""
    order = np.argsort(request, kind="stable")
    order = order[np.isin(request[order], request[bought > 0])]
    _, row = np.unique(request[order], return_inverse=True)
    start = np.searchsorted(row, np.arange(row[-1] + 1))
    spread = signals.std(axis=0).astype(np.float64)
    scale = np.where(spread > 1e-9, spread, np.inf)
    X = (signals[order] / scale).astype(np.float32)
    y = bought[order].astype(np.float64)
    purchases = np.add.reduceat(y, start)
    counts = 1.0 / np.sqrt(purchases)

    def loss(weight: Float64) -> tuple[float, Float64]:
        score = (X @ weight.astype(np.float32)).astype(np.float64)
        top = np.maximum.reduceat(score, start)[row]
        share = np.exp(score - top)
        total = np.add.reduceat(share, start)[row]
        value = -np.sum(counts[row] * y * (score - top - np.log(total))) / counts.sum() + RIDGE * np.sum(weight**2)
        residual = counts[row] * (purchases[row] * share / total - y) / counts.sum()
        return float(value), (X.T @ residual.astype(np.float32)).astype(np.float64) + 2.0 * RIDGE * weight

    fitted = minimize(loss, np.zeros(X.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.asarray(fitted.x / scale)


def log_odds(score: Float32, bought: Float32) -> tuple[float, float]:
    """Scale and shift that turn a score into the log-odds of being bought."""
    x, y = score.astype(np.float64), bought.astype(np.float64)

    def loss(line: Float64) -> tuple[float, Float64]:
        margin = line[0] * x + line[1]
        residual = 1.0 / (1.0 + np.exp(-np.clip(margin, -30.0, 30.0))) - y
        value = np.mean(np.logaddexp(0.0, margin) - y * margin) + RIDGE * (line[0] - 1.0) ** 2
        return float(value), np.array([np.mean(residual * x) + 2.0 * RIDGE * (line[0] - 1.0), np.mean(residual)])

    start = np.array([1.0, np.log((y.sum() + 1.0) / (len(y) - y.sum() + 1.0)) - float(x.mean())])
    scale, shift = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return float(scale), float(shift)
