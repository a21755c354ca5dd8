"""The ranker by scikit-learn's histogram gradient boosting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from mersalg_training.config import RankerConfig
from mersalg_training.graph.trees import Float32, Float64, TreeTable, join_trees
from mersalg_training.ranking.ranker import STOP_AFTER_ROUNDS, FittedTrees, Progress, Rows, check_fit_rows


@dataclass(frozen=True)
class HistogramRanker:
    """Leaf-wise boosting on 255 bins. A leaf's rows are counted as rows, whatever their weight."""

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
        """See Ranker.fit. The library tells nothing before it is done, so progress jumps from none to all.

        It cannot add to log-odds that are given, so its trees stand alone and see the start among their features.
        """
        check_fit_rows(X, y, weight, validation, start)
        if progress is not None:
            progress(0, self.config.trees)
        classifier = boost(self.config, (X, y, weight), validation, seed, rising)
        if progress is not None:
            progress(self.config.trees, self.config.trees)
        validation_loss = None if validation is None else -classifier.validation_score_[1:]
        rounds = classifier.n_iter_ if validation_loss is None else int(np.argmin(validation_loss)) + 1
        return FittedTrees(
            table=read_trees(classifier, rounds),
            gain=gain_by_feature(classifier, rounds),
            loss=-classifier.train_score_[1:],
            validation_loss=validation_loss,
        )


def boost(config: RankerConfig, rows: Rows, validation: Rows | None, seed: int, rising: Sequence[int] = ()) -> Any:
    """Fitted HistGradientBoostingClassifier.

    It keeps the loss by round only while early stopping is on, so without validation rows it is on with a patience
    that no number of rounds reaches.
    """
    classifier = HistGradientBoostingClassifier(
        max_iter=config.trees,
        max_leaf_nodes=config.leaves,
        learning_rate=config.learning_rate,
        min_samples_leaf=config.min_leaf_rows,
        l2_regularization=config.leaf_penalty,
        max_features=config.feature_share,
        categorical_features=None,
        early_stopping=True,
        validation_fraction=None,
        n_iter_no_change=config.trees + 1 if validation is None else STOP_AFTER_ROUNDS,
        tol=0.0,
        monotonic_cst=[int(feature in rising) for feature in range(rows[0].shape[1])],
        random_state=seed,
    )
    X, y, weight = rows
    X = without_empty_columns(X)
    if validation is None:
        return classifier.fit(X, y, weight)
    return classifier.fit(X, y, weight, X_val=validation[0], y_val=validation[1], sample_weight_val=validation[2])


def without_empty_columns(X: Float32) -> Float32:
    """X with zeros for a feature that is missing in every row, which scikit-learn cannot bin and no tree splits on."""
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, np.float32(0.0), X) if empty.any() else X


def read_trees(classifier: Any, rounds: int) -> TreeTable:
    """Trees of the first rounds over the library's baseline, as the base score."""
    n_features = int(classifier.n_features_in_)
    trees = [read_tree(nodes, n_features) for nodes in nodes_by_round(classifier, rounds)]
    base_score = float(classifier._baseline_prediction.item())
    return join_trees(trees, n_features, base_score, adds_to_start=False)


def nodes_by_round(classifier: Any, rounds: int) -> list[Any]:
    """Node records of each round's only tree, parents before children."""
    return [predictors[0].nodes for predictors in classifier._predictors[:rounds]]


def read_tree(nodes: Any, n_features: int) -> TreeTable:
    """One tree; a split of the missing from all others has an infinite threshold."""
    is_leaf = nodes["is_leaf"].astype(bool)
    reference = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1).astype(np.int64)
    splits = nodes[~is_leaf]
    return TreeTable(
        n_features=n_features,
        roots=reference[:1],
        feature=splits["feature_idx"].astype(np.int64),
        threshold=splits["num_threshold"].astype(np.float64),
        default_left=splits["missing_go_to_left"].astype(bool),
        left=reference[splits["left"]],
        right=reference[splits["right"]],
        leaf_value=nodes["value"][is_leaf].astype(np.float64),
    )


def gain_by_feature(classifier: Any, rounds: int) -> Float64:
    """(n_features,) float64, the summed gain of the splits on each feature."""
    nodes = np.concatenate(nodes_by_round(classifier, rounds))
    splits = nodes[nodes["is_leaf"] == 0]
    gain: Float64 = np.zeros(int(classifier.n_features_in_))
    np.add.at(gain, splits["feature_idx"], splits["gain"])
    return gain
