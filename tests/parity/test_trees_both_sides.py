"""Claims: the library, the table and onnxruntime agree on both sides of every split of a fitted ranker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mersalg_training.config import RankerConfig
from mersalg_training.graph.trees import Float32, Float64, TreeTable, predict_raw, round_down
from mersalg_training.ranking import histogram_trees, lightgbm_trees
from parity.trees_in_onnxruntime import neighbours, raw_scores, with_telling_leaves


@dataclass(frozen=True)
class Case:
    table: TreeTable
    native_raw: Callable[[Float32], Float64]
    probes: Float32
    """Four rows a split that reach it: its threshold in float32, one float above, one below, missing."""
    places: list[tuple[int, int]]
    """(tree, split) of each group of four probes."""


def tight_rows(rng: np.random.Generator) -> tuple[Float32, Float32, Float32]:
    """Columns of adjacent floats, whose split thresholds lie half-way between; then plain ones and missing values."""
    n = 4000
    step = rng.integers(0, 60, (n, 2))
    near_four = np.float32(4) + step[:, 0].astype(np.float32) * np.spacing(np.float32(4))
    near_minus_nine = np.float32(-9) - step[:, 1].astype(np.float32) * np.spacing(np.float32(9))
    X = np.column_stack([near_four, near_minus_nine, rng.normal(size=n), rng.poisson(1, n)]).astype(np.float32)
    X[rng.random(n) < 0.1, 1] = np.nan
    log_odds = np.sin(step[:, 0] / 3) + (step[:, 1] % 7 < 3) + X[:, 2] + (X[:, 3] > 1) - 1 + np.isnan(X[:, 1])
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * log_odds))).astype(np.float32)
    return X, y, rng.uniform(0.5, 3, n).astype(np.float32)


def path(table: TreeTable, tree: int, x: Float32) -> Iterator[int]:
    """Yield the splits that one row goes through."""
    reference = int(table.roots[tree])
    while reference >= 0:
        yield reference
        value = float(x[table.feature[reference]])
        goes_left = table.default_left[reference] if np.isnan(value) else value <= table.threshold[reference]
        reference = int(table.left[reference] if goes_left else table.right[reference])


def probe_rows(table: TreeTable, X: Float32) -> tuple[Float32, list[tuple[int, int]]]:
    """Rows of X that reach each split, moved onto its two sides."""
    probes, places = [], []
    for tree in range(table.n_trees):
        end = table.roots[tree + 1] if tree + 1 < table.n_trees else len(table.feature)
        reached: dict[int, Float32] = {}
        rows = iter(X)
        while len(reached) < end - table.roots[tree]:
            x = next(rows)
            for split in path(table, tree, x):
                reached.setdefault(split, x)
        for split, x in reached.items():
            on = round_down(table.threshold[split : split + 1])[0]
            below, above = neighbours(on)
            four = np.tile(x, (4, 1))
            four[:, table.feature[split]] = [on, above, below, np.nan]
            probes.append(four)
            places.append((tree, split))
    return np.concatenate(probes), places


@pytest.fixture(scope="module", params=["lightgbm", "histogram"])
def case(request: pytest.FixtureRequest) -> Case:
    rows = tight_rows(np.random.default_rng(5))
    config = RankerConfig(
        kind=request.param, trees=40, leaves=31, min_leaf_rows=20, feature_share=1.0, leaf_penalty=0.0
    )
    if config.kind == "lightgbm":
        booster, _ = lightgbm_trees.boost(config, rows, None, None, seed=1)
        table = lightgbm_trees.read_model(booster.model_to_string())
        native: Callable[[Float32], Float64] = lambda features: booster.predict(features, raw_score=True)  # noqa: E731
    else:
        classifier = histogram_trees.boost(config, rows, None, seed=1)
        table = histogram_trees.read_trees(classifier, config.trees)
        native = classifier.decision_function
    return Case(table, native, *probe_rows(table, rows[0]))


def test_the_probes_take_both_sides_of_every_split(case: Case) -> None:
    table = case.table
    assert len(case.places) == len(table.feature) > 1000
    for group, (tree, split) in enumerate(case.places):
        on, above, _, missing = (list(path(table, tree, x)) for x in case.probes[4 * group : 4 * group + 4])
        assert split in on
        assert split in above or split in missing
        x = case.probes[4 * group : 4 * group + 2, table.feature[split]]
        assert x[0] <= table.threshold[split]
        assert x[1] > table.threshold[split] or table.threshold[split] == np.inf


def test_the_table_scores_as_the_library_does(case: Case) -> None:
    np.testing.assert_allclose(predict_raw(case.table, case.probes), case.native_raw(case.probes), rtol=0, atol=1e-12)


def test_onnxruntime_takes_the_leaves_of_the_table(case: Case) -> None:
    telling = with_telling_leaves(case.table, np.random.default_rng(2))
    assert np.array_equal(raw_scores(telling, case.probes), predict_raw(telling, case.probes))


def test_onnxruntime_scores_as_the_library_does_but_for_float32_sums(case: Case) -> None:
    np.testing.assert_allclose(raw_scores(case.table, case.probes), case.native_raw(case.probes), rtol=0, atol=1e-5)


def test_thresholds_rounded_to_nearest_would_take_other_leaves(case: Case) -> None:
    to_nearest = replace(case.table, threshold=case.table.threshold.astype(np.float32).astype(np.float64))
    difference = np.abs(raw_scores(to_nearest, case.probes) - case.native_raw(case.probes))
    assert (difference > 1e-5).mean() > 0.01
    assert difference.max() > 0.01


def test_missing_sent_the_other_way_would_take_other_leaves(case: Case) -> None:
    telling = with_telling_leaves(case.table, np.random.default_rng(2))
    turned = replace(telling, default_left=~telling.default_left)
    missing = case.probes[3::4]
    assert (raw_scores(turned, missing) != predict_raw(telling, missing)).mean() > 0.5
