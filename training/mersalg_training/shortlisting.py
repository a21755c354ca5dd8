"""The weights of the first score, by logistic regression on what retrieval knows of each candidate."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from mersalg_training.timeline import Float32, Float64

RIDGE = 1e-4
STEPS = 200


def fit_first_weights(signals: Float32, bought: Float32) -> Float32:
    """(S + 1,) float32 weights and intercept of a logistic regression with a small ridge.

    signals: (n, S) float32; bought: (n,) of 0 and 1. A signal that never varies has weight 0, and so has everything but
    the intercept where there are no rows.
    """
    if len(signals) == 0:
        return np.append(np.zeros(signals.shape[1]), -10.0).astype(np.float32)
    spread = signals.std(axis=0).astype(np.float64)
    scale = np.where(spread > 1e-9, spread, np.inf)
    X = np.concatenate([signals / scale, np.ones((len(signals), 1))], axis=1).astype(np.float64)
    y = bought.astype(np.float64)
    start = np.zeros(X.shape[1])
    start[-1] = np.log((y.sum() + 1.0) / (len(y) - y.sum() + 1.0))

    def loss(weight: Float64) -> tuple[float, Float64]:
        margin = X @ weight
        p = 1.0 / (1.0 + np.exp(-np.clip(margin, -30.0, 30.0)))
        value = np.mean(np.logaddexp(0.0, margin) - y * margin) + RIDGE * np.sum(weight[:-1] ** 2)
        return float(value), X.T @ (p - y) / len(y) + np.append(2.0 * RIDGE * weight[:-1], 0.0)

    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.append(fitted.x[:-1] / scale, fitted.x[-1]).astype(np.float32)
