"""What every ranker takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from mersalg.errors import DataError
from mersalg_training.graph.trees import Float32, Float64, TreeTable

Rows = tuple[Float32, Float32, Float32]
"""X (n_rows, n_features), y (n_rows,) of 0 and 1, weight (n_rows,) not negative; all float32."""
Progress = Callable[[int, int], None]
"""Told (rounds done, rounds in all)."""

STOP_AFTER_ROUNDS: Final = 20
"""With validation rows, boosting ends after so many rounds without a lower loss on them."""
THREADS: Final = 2
"""Fixed, so that a sum has the same order on every machine."""


@dataclass(frozen=True, eq=False)
class FittedTrees:
    """A fitted ranker: its trees, which give log-odds, and what a person looks at first."""

    table: TreeTable
    gain: Float64
    """(n_features,) what the splits on each feature took off the loss, as the library counts it; 0 = unused."""
    loss: Float64
    """(n_rounds,) weighted mean log loss on the rows that fit, after each round."""
    validation_loss: Float64 | None
    """(n_rounds,) the same on the validation rows. The table ends with the round of the lowest."""


class Ranker(Protocol):
    """Fits boosted trees for the probability of the label: log loss, numeric features, NaN = missing."""

    def fit(
        self,
        X: Float32,
        y: Float32,
        weight: Float32,
        *,
        start: Float32 | None = None,
        validation: Rows | None = None,
        rising: Sequence[int] = (),
        seed: int,
        progress: Progress | None = None,
    ) -> FittedTrees:
        """Fit on X (n_rows, n_features); the same rows, seed and settings give the same trees.

        start: (n_rows,) float32 log-odds to which the trees add; None = none. The table holds the trees alone, and
        says whether they do add to it.
        rising: features in which the score never falls, all others being equal.
        A row of weight 2 counts in the loss as two rows. Without `validation`, whose rows know no start, every round of
        the config is kept. DataError where the rows do not hold.
        """
        ...


def check_fit_rows(
    X: Float32, y: Float32, weight: Float32, validation: Rows | None, start: Float32 | None = None
) -> None:
    """Raise DataError unless all rows hold, the validation rows have the same features, and both labels occur."""
    check_rows("training rows", X, y, weight)
    if start is not None:
        check_start(start, X, validation)
    for label in (0, 1):
        if not np.any(weight[y == label] > 0):
            raise DataError(
                f"training rows: y: expected both labels with a weight above 0, got none of {label}; "
                "widen the window that fits the ranker (split.rank_days) or the horizon (label.horizon_days)"
            )
    if validation is not None:
        check_rows("validation rows", *validation)
        if validation[0].shape[1] != X.shape[1]:
            raise DataError(f"validation rows: expected {X.shape[1]} features, got {validation[0].shape[1]}")


def check_start(start: Float32, X: Float32, validation: Rows | None) -> None:
    """Raise DataError unless every row has finite log-odds to start with, and no validation row would need some."""
    if start.shape != X.shape[:1]:
        raise DataError(f"training rows: start: expected shape {X.shape[:1]} as X has rows, got {start.shape}")
    if not np.isfinite(start).all():
        raise DataError(f"training rows: start: expected finite log-odds, got {start[~np.isfinite(start)][0]}")
    if validation is not None:
        raise DataError("validation rows: expected none beside a start, which they do not have; leave out one of both")


def check_rows(where: str, X: Float32, y: Float32, weight: Float32) -> None:
    """Raise DataError unless X is a float32 matrix and y and weight fit it."""
    if X.dtype != np.float32 or X.ndim != 2 or 0 in X.shape:
        raise DataError(f"{where}: X: expected a float32 matrix that is not empty, got {X.dtype} of shape {X.shape}")
    for name, values in (("y", y), ("weight", weight)):
        if values.shape != X.shape[:1]:
            raise DataError(f"{where}: {name}: expected shape {X.shape[:1]} as X has rows, got {values.shape}")
    if not np.all((y == 0) | (y == 1)):
        raise DataError(f"{where}: y: expected 0 and 1, got {y[(y != 0) & (y != 1)][0]}")
    if not np.all(np.isfinite(weight) & (weight >= 0)):
        bad = weight[~(np.isfinite(weight) & (weight >= 0))][0]
        raise DataError(f"{where}: weight: expected finite numbers not below 0, got {bad}")
