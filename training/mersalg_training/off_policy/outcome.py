"""A model of acceptance for doubly robust estimates: logistic regression, each part answered by a fit on the others."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from mersalg_training.data.timeline import Float64, Int64

FOLDS: Final = 5
MIN_ACCEPTED: Final = 10
"""With fewer acceptances to learn from, everything is as likely as their mean."""


def cross_fitted(
    features: Float64,
    accepted: Float64,
    unit: Int64,
    logged: Float64,
    policy: Float64,
    policy_unit: Int64,
    random: np.random.Generator,
) -> tuple[Float64, Float64]:
    """Modelled acceptance of the logged rows (n, d) and of the policy's offers (m, d), by fits that saw neither.

    features: (n, d) what is learned from; `logged` may put the same offers elsewhere. accepted: (n,) 1 or 0. Units,
    (n,) and (m,), are drawn into FOLDS; the rows of one are answered by a fit on all others (Chernozhukov et al. 2018).
    Where nothing is left to learn from, the mean of everything stands in.
    """
    units = np.unique(np.concatenate([unit, policy_unit]))
    fold_of_unit = random.permutation(np.arange(len(units)) % FOLDS)
    fold, policy_fold = (fold_of_unit[np.searchsorted(units, some)] for some in (unit, policy_unit))
    of_log, of_policy = np.zeros(len(features)), np.zeros(len(policy))
    for part in range(FOLDS):
        learn = fold != part if (fold != part).any() else np.ones(len(fold), dtype=np.bool_)
        for answers, rows, which in ((of_log, logged, fold == part), (of_policy, policy, policy_fold == part)):
            if which.any():
                answers[which] = predicted(features[learn], accepted[learn], rows[which])
    return of_log, of_policy


def predicted(features: Float64, accepted: Float64, wanted: Float64) -> Float64:
    """(m,) acceptance of rows (m, d), learned from rows (n, d); the mean where there is too little to learn from."""
    taken = float(accepted.sum())
    if min(taken, len(accepted) - taken) < MIN_ACCEPTED:
        return np.full(len(wanted), taken / max(1, len(accepted)))
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(C=1.0, max_iter=500)
    model.fit((features - centre) / spread, accepted > 0)
    return np.asarray(model.predict_proba((wanted - centre) / spread)[:, 1], dtype=np.float64)
