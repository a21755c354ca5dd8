"""The ranker by LightGBM, and its trees as a TreeTable. The only module that imports lightgbm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import lightgbm
import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from mersalg.errors import BundleError
from mersalg_training.config import RankerConfig
from mersalg_training.graph.trees import Bool, Float32, Float64, Int64, TreeTable, join_trees
from mersalg_training.ranking.ranker import STOP_AFTER_ROUNDS, THREADS, FittedTrees, Progress, Rows, check_fit_rows

CATEGORICAL = 1
DEFAULT_LEFT = 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
"""The bits of `decision_type`: 1 categorical, 2 default left, and the missing type from the third bit on."""
MAX_LEVEL: Final = 100.0
"""Log-odds that a start and what was bought are apart at most."""
ZERO: Final = float(np.float32(1e-35))
"""LightGBM reads a value not further than this from 0 as 0."""


@dataclass(frozen=True)
class LightgbmRanker:
    """Leaf-wise boosting (Ke et al. 2017). A leaf's rows are counted by their share of the hessian."""

    config: RankerConfig

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
        """See Ranker.fit.

        Where a start lies so far from what was bought that no split gains anything, it is brought to that level first.
        """
        check_fit_rows(X, y, weight, validation, start)
        rows, level = (X, y, weight), 0.0
        booster, losses = boost(self.config, rows, start, validation, seed, progress, rising)
        table = read_model(booster.model_to_string())
        if start is not None and not len(table.feature):
            level = level_between(start, y, weight)
            booster, losses = boost(self.config, rows, start + np.float32(level), validation, seed, progress, rising)
            table = read_model(booster.model_to_string())
        return FittedTrees(
            table=replace(table, adds_to_start=start is not None, base_score=float(np.float32(level))),
            gain=np.asarray(booster.feature_importance("gain"), dtype=np.float64),
            loss=losses["fit"],
            validation_loss=losses.get("validation"),
        )


def level_between(start: Float32, y: Float32, weight: Float32) -> float:
    """What is added to log-odds (n_rows,), so that their weighted mean probability is that of the label."""
    bought = float(np.average(y, weights=weight))

    def excess(level: float) -> float:
        return float(np.average(expit(start + level), weights=weight)) - bought

    return float(brentq(excess, -MAX_LEVEL, MAX_LEVEL))


def fit_scorer(
    config: RankerConfig, X: Float32, y: Float32, weight: Float32, seed: int
) -> Callable[[Float32], Float64]:
    """Boosted trees as a function: (n_rows, n_features) float32 -> (n_rows,) log-odds. Rows as of Ranker.fit."""
    check_fit_rows(X, y, weight, None)
    booster, _ = boost(config, (X, y, weight), None, None, seed)

    def score(rows: Float32) -> Float64:
        return np.asarray(booster.predict(rows, raw_score=True, num_threads=THREADS), dtype=np.float64)

    return score


def boost(
    config: RankerConfig,
    rows: Rows,
    start: Float32 | None,
    validation: Rows | None,
    seed: int,
    progress: Progress | None = None,
    rising: Sequence[int] = (),
) -> tuple[Any, dict[str, Float64]]:
    """lightgbm.Booster, and the log loss by round of `fit` and `validation`."""
    parameters = {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.min_leaf_rows,
        "lambda_l2": config.leaf_penalty,
        "feature_fraction": config.feature_share,
        "seed": seed,
        "num_threads": THREADS,
        "deterministic": True,
        "force_row_wise": True,
        "use_missing": True,
        "zero_as_missing": False,
        "verbosity": -1,
    }
    X, y, weight = rows
    if rising:
        parameters["monotone_constraints"] = [int(feature in rising) for feature in range(X.shape[1])]
    fit_set = lightgbm.Dataset(X, y, weight=weight, init_score=start, params=parameters)
    sets, names = [fit_set], ["fit"]
    result: dict[str, dict[str, list[float]]] = {}
    callbacks: list[Callable[[Any], None]] = [lightgbm.record_evaluation(result)]
    if validation is not None:
        sets.append(lightgbm.Dataset(validation[0], validation[1], weight=validation[2], reference=fit_set))
        names.append("validation")
        callbacks.append(lightgbm.early_stopping(STOP_AFTER_ROUNDS, verbose=False))
    if progress is not None:
        callbacks.append(lambda environment: progress(environment.iteration + 1, config.trees))
    booster = lightgbm.train(parameters, fit_set, config.trees, valid_sets=sets, valid_names=names, callbacks=callbacks)
    return booster, {name: np.array(values["binary_logloss"]) for name, values in result.items()}


def read_model(text: str) -> TreeTable:
    """Trees of LightGBM's text format, whose thresholds and leaves have all 17 digits.

    The average of the label is part of the first tree's leaves, so the base score is 0. BundleError for
    categorical splits and for zeros read as missing, which no split of a TreeTable expresses.
    """
    header, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    n_features = int(fields_of(header)["max_feature_idx"]) + 1
    return join_trees([read_tree(fields_of(tree), n_features) for tree in trees], n_features)


def fields_of(block: str) -> dict[str, str]:
    """Values of the `name=value` lines of a block."""
    return {name: value for name, _, value in (line.partition("=") for line in block.splitlines())}


def read_tree(fields: dict[str, str], n_features: int) -> TreeTable:
    """One tree; LightGBM's child -1 - leaf is a TreeTable's reference to that leaf."""

    def numbers(name: str, dtype: type[np.generic]) -> Any:
        return np.array(fields.get(name, "").split(), dtype=np.float64).astype(dtype)

    threshold: Float64 = numbers("threshold", np.float64)
    return TreeTable(
        n_features=n_features,
        roots=np.array([0 if len(threshold) else -1], dtype=np.int64),
        feature=numbers("split_feature", np.int64),
        threshold=around_zero(threshold),
        default_left=missing_goes_left(numbers("decision_type", np.int64), threshold),
        left=numbers("left_child", np.int64),
        right=numbers("right_child", np.int64),
        leaf_value=numbers("leaf_value", np.float64),
    )


def missing_goes_left(decision_type: Int64, threshold: Float64) -> Bool:
    """Where NaN goes at each split; a feature that was never missing in training reads NaN as 0."""
    missing = (decision_type >> 2) & 3
    if np.any(decision_type & CATEGORICAL) or np.any(missing == MISSING_ZERO):
        raise BundleError(
            "LightGBM model: expected numeric splits and NaN alone as missing, got a categorical split or "
            "zero_as_missing; fit with the parameters of this module"
        )
    by_default = (decision_type & DEFAULT_LEFT) != 0
    return np.where(missing == MISSING_NAN, by_default, threshold >= 0)


def around_zero(threshold: Float64) -> Float64:
    """Thresholds that split plain values as LightGBM splits them after reading those near 0 as 0."""
    just_below = np.nextafter(-ZERO, -np.inf)
    return np.where(np.abs(threshold) > ZERO, threshold, np.where(threshold >= 0, ZERO, just_below))
