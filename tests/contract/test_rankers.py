"""Claims: every ranker keeps the contract, and reads its library's trees as they are."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from contract.ranker_contract import SEED, RankerContract, log_loss, probability, rows_with_a_start
from mersalg.errors import BundleError
from mersalg_training.config import RankerConfig
from mersalg_training.graph.trees import Float32, Float64, predict_raw
from mersalg_training.ranking import Rows, histogram_trees, lightgbm_trees, make_ranker


class TestLightgbm(RankerContract):
    config = RankerConfig(kind="lightgbm", trees=50, leaves=15, min_leaf_rows=20, feature_share=1.0, leaf_penalty=0.0)

    def native_raw(self, rows: Rows, X: Float32) -> Float64:
        return lightgbm_trees.boost(self.config, rows, None, None, SEED)[0].predict(X, raw_score=True)

    def test_the_trees_add_to_the_start_only_what_it_does_not_know(self) -> None:
        rows, start = rows_with_a_start()
        X, y, weight = rows
        table = make_ranker(self.config).fit(X, y, weight, start=start, seed=SEED).table
        assert table.adds_to_start
        assert not self.fit(rows).table.adds_to_start
        added = predict_raw(table, X)
        with_start = log_loss(start + added, y, weight)
        assert with_start < 0.95 * log_loss(start.astype(np.float64), y, weight)
        assert with_start < 0.8 * log_loss(predict_raw(self.fit(rows).table, X), y, weight)
        low, high = X[:, 0] < 4, X[:, 0] >= 4
        assert added[high].mean() - added[low].mean() == pytest.approx(2.0, abs=0.3), "what the feature brings"
        assert abs(np.corrcoef(added, start)[0, 1]) < 0.1

    def test_a_start_far_from_what_was_bought_leaves_something_to_learn(self) -> None:
        rows, start = rows_with_a_start()
        X, y, weight = rows
        strict, far = self.config.model_copy(update={"leaf_penalty": 300.0}), start + np.float32(4.0)
        fitted = lightgbm_trees.boost(strict, rows, far, None, SEED)[0]
        assert not len(lightgbm_trees.read_model(fitted.model_to_string()).feature), "no split gains anything"
        table = make_ranker(strict).fit(X, y, weight, start=far, seed=SEED).table
        assert log_loss(far + predict_raw(table, X), y, weight) < 0.75 * log_loss(start.astype(np.float64), y, weight)
        level = np.average(probability(far.astype(np.float64) + table.base_score), weights=weight)
        assert level == pytest.approx(np.average(y, weights=weight), abs=1e-3)
        assert make_ranker(strict).fit(X, y, weight, start=start, seed=SEED).table.base_score == 0.0


class TestHistogram(RankerContract):
    config = RankerConfig(kind="histogram", trees=50, leaves=15, min_leaf_rows=20, feature_share=1.0, leaf_penalty=0.0)

    def native_raw(self, rows: Rows, X: Float32) -> Float64:
        return histogram_trees.boost(self.config, rows, None, SEED).decision_function(X)

    def test_the_trees_stand_alone_and_are_the_same_without_a_start(self) -> None:
        rows, start = rows_with_a_start()
        with_start = make_ranker(self.config).fit(*rows, start=start, seed=SEED).table
        assert not with_start.adds_to_start
        assert np.array_equal(predict_raw(with_start, rows[0]), predict_raw(self.fit(rows).table, rows[0]))


LIGHTGBM_MODEL = """tree
max_feature_idx=1

Tree=0
num_leaves=3
split_feature=0 1
threshold=-0.25 0.30000000000000004
decision_type={} {}
left_child=-1 -2
right_child=1 -3
leaf_value=1 2 3

end of trees
"""
LIGHTGBM_STUMP = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=binary sigmoid:1
feature_names=Column_0
feature_infos=[-1:1]

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold={}
decision_type=2
left_child=-1
right_child=-2
leaf_value=1 2
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1

end of trees
"""
ZERO = float(np.float32(1e-35))


def test_lightgbm_reads_missing_as_zero_where_training_had_none() -> None:
    table = lightgbm_trees.read_model(LIGHTGBM_MODEL.format(2, 0))
    assert table.default_left.tolist() == [False, True]


def test_lightgbm_sends_missing_where_the_split_says_where_training_had_some() -> None:
    table = lightgbm_trees.read_model(LIGHTGBM_MODEL.format(10, 8))
    assert table.default_left.tolist() == [True, False]


def test_lightgbm_thresholds_keep_every_digit() -> None:
    table = lightgbm_trees.read_model(LIGHTGBM_MODEL.format(2, 2))
    assert table.threshold.tolist() == [-0.25, 0.1 + 0.2]
    assert table.leaf_value.tolist() == [1, 2, 3]
    assert (table.left.tolist(), table.right.tolist()) == ([~0, ~1], [1, ~2])


@pytest.mark.parametrize(("threshold", "leaf"), [(-ZERO, 2), (0.0, 1), (ZERO, 1)])
def test_lightgbm_values_next_to_zero_score_as_zero(threshold: float, leaf: float) -> None:
    model = LIGHTGBM_STUMP.format(repr(threshold))
    native = lightgbm.Booster(model_str=model)
    X = np.array([-ZERO, -1e-40, 0, 1e-40, ZERO], dtype=np.float32)[:, None]
    table = lightgbm_trees.read_model(model)
    assert predict_raw(table, X).tolist() == native.predict(X, raw_score=True).tolist() == [leaf] * 5
    further = np.array([-1e-34, 1e-34], dtype=np.float32)[:, None]
    assert predict_raw(table, further).tolist() == native.predict(further, raw_score=True).tolist() == [1, 2]


@pytest.mark.parametrize("decision", [1, 4], ids=["categorical", "zero as missing"])
def test_lightgbm_splits_that_no_table_expresses_are_refused(decision: int) -> None:
    with pytest.raises(BundleError, match="expected numeric splits"):
        lightgbm_trees.read_model(LIGHTGBM_MODEL.format(decision, 2))


def test_scikit_learn_splits_the_missing_from_all_others() -> None:
    X = np.tile(np.array([[1, 0], [np.nan, 0]], dtype=np.float32), (200, 1))
    y = np.tile(np.array([0, 1], dtype=np.float32), 200)
    classifier = histogram_trees.boost(
        RankerConfig(trees=1, leaves=2, feature_share=1.0, leaf_penalty=0.0, min_leaf_rows=50),
        (X, y, np.ones_like(y)),
        None,
        SEED,
    )
    table = histogram_trees.read_trees(classifier, 1)
    assert table.threshold.tolist() == [np.inf]
    assert table.default_left.tolist() == [False]
