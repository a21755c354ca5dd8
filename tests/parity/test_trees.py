"""Claims: onnxruntime takes the leaf of the table, for any table and any float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg.errors import BundleError, DataError
from mersalg_training.graph.trees import TreeTable, join_trees, leaves_of_tree, predict_raw, round_down, routed
from parity.trees_in_onnxruntime import neighbours, raw_scores, with_telling_leaves

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
AWKWARD = [sign * x for x in (0.0, SMALLEST, 1e-50, 1e-35, LARGEST, 1e300, np.inf) for sign in (1, -1)]


def stump(threshold: float = 0.5, *, default_left: bool = False, leaves: tuple[float, float] = (1.0, 2.0)) -> TreeTable:
    """X <= threshold gives the first leaf."""
    return TreeTable(
        n_features=1,
        roots=np.array([0]),
        feature=np.array([0]),
        threshold=np.array([threshold]),
        default_left=np.array([default_left]),
        left=np.array([~0]),
        right=np.array([~1]),
        leaf_value=np.array(leaves),
    )


def leaf_only(value: float) -> TreeTable:
    none = np.empty(0, dtype=np.int64)
    return TreeTable(
        n_features=1,
        roots=np.array([~0]),
        feature=none,
        threshold=none.astype(np.float64),
        default_left=none.astype(bool),
        left=none,
        right=none,
        leaf_value=np.array([value]),
    )


def grown(thresholds: list[float], n_features: int, rng: np.random.Generator) -> TreeTable:
    """Tree of random shape with these thresholds, each split put in the place of a random leaf."""
    n_splits = len(thresholds)
    children = np.empty((n_splits, 2), dtype=np.int64)
    places: list[tuple[int, int]] = []
    for split in range(n_splits):
        if split:
            parent, side = places.pop(int(rng.integers(len(places))))
            children[parent, side] = split
        places += [(split, 0), (split, 1)]
    for leaf, (parent, side) in enumerate(places):
        children[parent, side] = ~leaf
    return TreeTable(
        n_features=n_features,
        roots=np.array([0]),
        feature=rng.integers(0, n_features, n_splits),
        threshold=np.array(thresholds),
        default_left=rng.random(n_splits) < 0.5,
        left=children[:, 0],
        right=children[:, 1],
        leaf_value=np.arange(n_splits + 1, dtype=np.float64),
    )


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


def test_a_value_on_the_threshold_goes_left_and_one_above_goes_right() -> None:
    X = column(0.4, 0.5, np.nextafter(np.float32(0.5), np.float32(1)))
    assert raw_scores(stump(), X).tolist() == predict_raw(stump(), X).tolist() == [1, 1, 2]


@pytest.mark.parametrize(("default_left", "expected"), [(True, 1), (False, 2)])
def test_missing_goes_where_the_split_says(default_left: bool, expected: float) -> None:
    table = stump(default_left=default_left)
    assert raw_scores(table, column(np.nan)).tolist() == predict_raw(table, column(np.nan)).tolist() == [expected]


def test_a_tree_without_a_split_gives_its_leaf_to_every_row() -> None:
    X = column(0, np.nan, np.inf)
    assert raw_scores(leaf_only(0.25), X).tolist() == predict_raw(leaf_only(0.25), X).tolist() == [0.25] * 3


def test_no_tree_gives_the_base_score() -> None:
    table = join_trees([], n_features=1, base_score=-1.5)
    assert raw_scores(table, column(0, 1)).tolist() == predict_raw(table, column(0, 1)).tolist() == [-1.5, -1.5]


def test_base_score_bare_trees_and_trees_with_splits_are_summed() -> None:
    table = join_trees([stump(), leaf_only(10), stump(2.5, leaves=(100, 200)), leaf_only(1000)], 1, base_score=0.5)
    X = column(0, 1, 3)
    assert raw_scores(table, X).tolist() == predict_raw(table, X).tolist() == [1111.5, 1112.5, 1212.5]


def test_a_chain_of_a_thousand_splits_ends_at_the_right_leaf() -> None:
    n = 1000
    chain = TreeTable(
        n_features=1,
        roots=np.array([0]),
        feature=np.zeros(n, dtype=np.int64),
        threshold=np.arange(n, dtype=np.float64),
        default_left=np.zeros(n, dtype=bool),
        left=~np.arange(n),
        right=np.append(np.arange(1, n), ~n),
        leaf_value=np.arange(n + 1, dtype=np.float64),
    )
    X = np.arange(-1, n + 1, dtype=np.float32)[:, None]
    expected = np.clip(np.arange(-1, n + 1), 0, n)
    assert raw_scores(chain, X).tolist() == leaves_of_tree(chain, 0, X).tolist() == expected.tolist()


def test_a_thousand_trees_sum_within_float32() -> None:
    rng = np.random.default_rng(1)
    trees = [grown(rng.normal(size=30).tolist(), 5, rng) for _ in range(1000)]
    table = join_trees(trees, 5, base_score=-3.0)
    table = replace(table, leaf_value=rng.normal(scale=0.05, size=len(table.leaf_value)))
    X = rng.normal(size=(200, 5)).astype(np.float32)
    np.testing.assert_allclose(raw_scores(table, X), predict_raw(table, X), rtol=0, atol=5e-5)


@given(st.floats(allow_nan=False) | st.sampled_from(AWKWARD))
def test_a_threshold_is_rounded_down_to_the_nearest_float32(threshold: float) -> None:
    below = round_down(np.array([threshold]))[0]
    above = neighbours(below)[1]
    assert below.dtype == np.float32
    assert float(below) <= threshold
    assert float(above) > threshold or threshold == np.inf


@pytest.mark.parametrize("threshold", AWKWARD)
def test_awkward_thresholds_split_awkward_values_alike(threshold: float) -> None:
    with np.errstate(over="ignore"):
        X = np.array([*AWKWARD, np.nan], dtype=np.float32)[:, None]
    assert raw_scores(stump(threshold), X).tolist() == predict_raw(stump(threshold), X).tolist()


halfway = st.floats(width=32, min_value=-(2.0**100), max_value=2.0**100).map(
    lambda x: (x + float(neighbours(np.float32(x))[1])) / 2
)
a_threshold = halfway | st.floats(allow_nan=False) | st.sampled_from(AWKWARD)


@settings(max_examples=150)
@given(
    st.lists(st.lists(a_threshold, min_size=1, max_size=12), min_size=1, max_size=5),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_random_trees_end_at_the_same_leaves_around_every_threshold(
    thresholds: list[list[float]], n_features: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    table = with_telling_leaves(join_trees([grown(t, n_features, rng) for t in thresholds], n_features), rng)
    below = round_down(table.threshold)
    pool = np.concatenate([below, *neighbours(below), np.array([np.nan, 0, 1], dtype=np.float32)])
    X = rng.choice(pool, size=(200, n_features))
    assert np.array_equal(raw_scores(table, X), predict_raw(table, X))


def broken(**columns: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in columns.items()}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (broken(feature=[1]), "feature: expected 0 to 0"),
        (broken(threshold=[np.nan]), "threshold: expected a number, got NaN"),
        (broken(threshold=[1.0, 2.0]), "threshold: expected shape"),
        (broken(leaf_value=[1.0, np.inf]), "finite float32"),
        (broken(leaf_value=[1.0, 1e39]), "finite float32"),
        (broken(leaf_value=[1.0, np.nan]), "finite float32"),
        (broken(right=[~0]), "exactly one parent"),
        (broken(right=[~2]), "exactly one parent"),
        (broken(leaf_value=[1.0, 2.0, 3.0]), "exactly one parent"),
        (broken(roots=[~1], right=[0]), "children after it"),
    ],
)
def test_a_table_that_is_no_tree_is_refused(columns: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(BundleError, match=said):
        replace(stump(), **columns)


@pytest.mark.parametrize("X", [np.zeros((2, 1)), np.zeros((2, 2), np.float32), np.zeros(2, np.float32)])
def test_features_of_another_type_or_width_are_refused(X: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected float32 of shape"):
        predict_raw(stump(), X)


@pytest.mark.parametrize(("low_trees", "high_trees"), [(3, 3), (1, 4), (4, 1), (0, 2)])
def test_a_routed_ensemble_scores_each_row_as_the_ensemble_of_its_side(low_trees: int, high_trees: int) -> None:
    random = np.random.default_rng(low_trees * 10 + high_trees)
    low, high = (
        join_trees([grown(random.normal(size=4).tolist(), 3, random) for _ in range(n)], 3, base_score=base)
        for n, base in ((low_trees, 0.25), (high_trees, 0.0))
    )
    X = random.normal(size=(200, 3)).astype(np.float32)
    is_high = X[:, 1] > 0.5
    expected = np.where(is_high, predict_raw(high, X), predict_raw(low, X))
    both = routed(low, high, 1, 0.5)
    assert is_high.any()
    assert not is_high.all()
    assert predict_raw(both, X) == pytest.approx(expected, abs=1e-12)
    assert raw_scores(both, X) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_ensembles_of_different_starts_are_not_routed() -> None:
    low = stump()
    with pytest.raises(BundleError, match="add to the start"):
        routed(low, replace(low, adds_to_start=False), 0, 0.5)
