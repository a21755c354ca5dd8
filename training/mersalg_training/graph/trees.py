"""Boosted trees as flat arrays, their exact prediction, and their ONNX node.

Every library's ensemble becomes one `TreeTable`. The node of `ai.onnx.ml` 5 compares in float32, the libraries in
float64. Both take the same branch everywhere if the features are float32 and each threshold is rounded down:
for a float32 x and any t, x <= t holds if and only if x <= the largest float32 that is not above t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from mersalg.errors import BundleError, DataError

Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

BRANCH_LEQ = 0
"""The only node mode in use: true, which is left, where x <= threshold."""
SUM = 1


@dataclass(frozen=True, eq=False)
class TreeTable:
    """An ensemble of binary trees: the raw score is `base_score` plus one leaf value of each tree.

    A reference >= 0 is the position of a split, a reference < 0 is the leaf `~reference`. A split's children come
    after it, and every split and every leaf hangs in exactly one place; BundleError where that does not hold.
    """

    n_features: int
    roots: Int64
    """(n_trees,) reference of each tree's top: a leaf for a tree without a split."""
    feature: Int64
    """(n_splits,) column of the features."""
    threshold: Float64
    """(n_splits,) x <= threshold goes left; infinite is allowed, NaN is not."""
    default_left: Bool
    """(n_splits,) where NaN goes."""
    left: Int64
    """(n_splits,) reference."""
    right: Int64
    """(n_splits,) reference."""
    leaf_value: Float64
    """(n_leaves,) finite, in float32 too."""
    base_score: float = 0.0
    adds_to_start: bool = True
    """The raw score is what is added to the log-odds that a candidate starts with; else it stands alone."""

    def __post_init__(self) -> None:
        check_columns(self)
        check_shape_of_trees(self)

    @property
    def n_trees(self) -> int:
        """Trees, those without a split included."""
        return len(self.roots)


def check_columns(table: TreeTable) -> None:
    """Raise BundleError where the columns do not fit each other or hold a value that no node can carry."""
    n_splits = len(table.feature)
    for name in ("threshold", "default_left", "left", "right"):
        if (result := getattr(table, name).shape) != (n_splits,):
            raise BundleError(f"tree table: {name}: expected shape ({n_splits},) as `feature`, got {result}")
    if np.any((table.feature < 0) | (table.feature >= table.n_features)):
        raise BundleError(f"tree table: feature: expected 0 to {table.n_features - 1}, got one outside")
    if np.isnan(table.threshold).any():
        raise BundleError("tree table: threshold: expected a number, got NaN; fit on features that are not all missing")
    largest = float(np.finfo(np.float32).max)
    if not np.all(np.abs([*table.leaf_value, table.base_score]) <= largest):
        raise BundleError(
            "tree table: leaf_value and base_score: expected finite float32 values, got one that is not; "
            "lower the learning rate or the weights"
        )


def check_shape_of_trees(table: TreeTable) -> None:
    """Raise BundleError unless the references draw trees: one parent each, and no cycle."""
    n_splits, n_leaves = len(table.feature), len(table.leaf_value)
    references = np.sort(np.concatenate([table.roots, table.left, table.right]))
    if not np.array_equal(references, np.arange(-n_leaves, n_splits)):
        raise BundleError(
            f"tree table: expected each of {n_splits} splits and {n_leaves} leaves below exactly one parent or as a "
            "root, got one with none, with two, or outside"
        )
    children = np.concatenate([table.left, table.right])
    if np.any((children >= 0) & (children <= np.tile(np.arange(n_splits), 2))):
        raise BundleError("tree table: expected every split's children after it, got one before")


def join_trees(
    tables: Sequence[TreeTable], n_features: int, base_score: float = 0.0, *, adds_to_start: bool = True
) -> TreeTable:
    """One table of all trees in the given order; the base scores of the parts are added to `base_score`."""

    def joined(column: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
        return np.concatenate([np.empty(0, dtype), *(getattr(table, column) for table in tables)]).astype(dtype)

    def laid(column: str) -> Int64:
        splits_before = leaves_before = 0
        parts = [np.empty(0, np.int64)]
        for table in tables:
            parts.append(moved(getattr(table, column), splits_before, leaves_before))
            splits_before += len(table.feature)
            leaves_before += len(table.leaf_value)
        return np.concatenate(parts)

    return TreeTable(
        n_features=n_features,
        roots=laid("roots"),
        feature=joined("feature", np.int64),
        threshold=joined("threshold", np.float64),
        default_left=joined("default_left", np.bool_),
        left=laid("left"),
        right=laid("right"),
        leaf_value=joined("leaf_value", np.float64),
        base_score=base_score + sum(table.base_score for table in tables),
        adds_to_start=adds_to_start,
    )


def routed(low: TreeTable, high: TreeTable, feature: int, threshold: float) -> TreeTable:
    """One ensemble that scores a row as `low` does where its feature is at most the threshold, and else as `high`.

    Tree by tree, both below one more split; the longer ensemble's last trees stand beside a leaf of 0. The feature is
    never NaN. BundleError where one adds to the start and the other does not.
    """
    if low.adds_to_start != high.adds_to_start or low.n_features != high.n_features:
        raise BundleError("tree tables: expected two of the same features that both add to the start, or none")
    n = max(low.n_trees, high.n_trees) + 1
    # Behind a side's own leaves: its base score, and the zeros that stand for trees it lacks.
    more = [np.append(table.base_score, np.zeros(n - 1 - table.n_trees)) for table in (low, high)]
    at = [(n, 0), (n + len(low.feature), len(low.leaf_value) + len(more[0]))]
    parts = list(zip((low, high), more, at, strict=True))
    roots = [
        moved(np.append(table.roots, ~(len(table.leaf_value) + np.arange(len(extra)))), *start)
        for table, extra, start in parts
    ]

    def column(name: str, of_roots: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([of_roots, getattr(low, name), getattr(high, name)])

    def references(name: str, of_roots: Int64) -> Int64:
        return np.concatenate([of_roots, *(moved(getattr(table, name), *start) for table, _, start in parts)])

    return TreeTable(
        n_features=low.n_features,
        roots=np.arange(n),
        feature=column("feature", np.full(n, feature)),
        threshold=column("threshold", np.full(n, float(threshold))),
        default_left=column("default_left", np.ones(n, dtype=np.bool_)),
        left=references("left", roots[0]),
        right=references("right", roots[1]),
        leaf_value=np.concatenate([low.leaf_value, more[0], high.leaf_value, more[1]]),
        adds_to_start=low.adds_to_start,
    )


@dataclass(frozen=True)
class RankerTrees:
    """The rankers of a scorer, each of candidates of its own."""

    own: TreeTable
    new: TreeTable
    upsell: TreeTable | None = None
    """None where too few upsells were bought: theirs are the others' then."""

    def as_one(self, feature_names: Sequence[str]) -> TreeTable:
        """One ensemble, which sends each candidate to its ranker."""
        both = routed(self.new, self.own, feature_names.index("own_count"), BY_LINES)
        return both if self.upsell is None else routed(both, self.upsell, feature_names.index("is_upsell"), 0.5)


BY_LINES = 0.5
"""An own product has more lines in the history than this, and at least one."""


def moved(references: Int64, splits: int, leaves: int) -> Int64:
    """References of a table that stands behind so many splits and leaves of others."""
    return np.where(references >= 0, references + splits, references - leaves)


def leaves_of_tree(table: TreeTable, tree: int, X: Float32) -> Int64:
    """(n_rows,) the leaf that each row of X (n_rows, n_features) float32 reaches in one tree."""
    reference = np.full(len(X), table.roots[tree], dtype=np.int64)
    rows = np.flatnonzero(reference >= 0)
    while len(rows):
        split = reference[rows]
        x = X[rows, table.feature[split]].astype(np.float64)
        goes_left = np.where(np.isnan(x), table.default_left[split], x <= table.threshold[split])
        reference[rows] = np.where(goes_left, table.left[split], table.right[split])
        rows = rows[reference[rows] >= 0]
    return ~reference


def predict_raw(table: TreeTable, X: Float32) -> Float64:
    """(n_rows,) float64 raw score of X (n_rows, n_features) float32, summed in the order of the trees.

    The reference of every other prediction: float64 thresholds and leaves, as the library that fitted them has.
    DataError if X is not float32 or has another width.
    """
    if X.dtype != np.float32 or X.ndim != 2 or X.shape[1] != table.n_features:
        raise DataError(
            f"features: expected float32 of shape (n_rows, {table.n_features}), got {X.dtype} of shape {X.shape}"
        )
    score = np.full(len(X), table.base_score, dtype=np.float64)
    for tree in range(table.n_trees):
        score += table.leaf_value[leaves_of_tree(table, tree, X)]
    return score


def round_down(threshold: Float64) -> Float32:
    """Largest float32 not above each threshold; -inf for one below them all."""
    with np.errstate(over="ignore"):  # a huge threshold becomes infinite, and is stepped back from
        nearest = threshold.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > threshold, below, nearest).astype(np.float32)


def to_tree_ensemble(table: TreeTable) -> dict[str, Any]:
    """Attributes of `TreeEnsemble` (ai.onnx.ml 5, one target, sum) with float32 thresholds and leaves.

    The operator knows no base score and no bare leaf. So a tree without a split becomes a split whose two branches
    are the same leaf, as its specification says, and a base score that is not 0 becomes one more such tree.
    """
    bare = ~table.roots[table.roots < 0]
    leaf_value = table.leaf_value
    if table.base_score != 0.0 or table.n_trees == 0:
        bare = np.append(bare, len(leaf_value))
        leaf_value = np.append(leaf_value, table.base_score)
    n_splits, n_bare = len(table.feature), len(bare)
    left = np.concatenate([table.left, ~bare])
    right = np.concatenate([table.right, ~bare])
    padding = np.zeros(n_bare, dtype=np.int64)
    threshold = np.concatenate([round_down(table.threshold), padding.astype(np.float32)])
    return {
        "n_targets": 1,
        "aggregate_function": SUM,
        "post_transform": 0,
        "tree_roots": [*table.roots[table.roots >= 0].tolist(), *range(n_splits, n_splits + n_bare)],
        "nodes_featureids": np.concatenate([table.feature, padding]).tolist(),
        "nodes_splits": numpy_helper.from_array(threshold, "nodes_splits"),
        "nodes_modes": numpy_helper.from_array(np.full(n_splits + n_bare, BRANCH_LEQ, dtype=np.uint8), "nodes_modes"),
        "nodes_missing_value_tracks_true": np.concatenate([table.default_left, padding]).astype(np.int64).tolist(),
        "nodes_truenodeids": np.where(left >= 0, left, ~left).tolist(),
        "nodes_trueleafs": (left < 0).astype(np.int64).tolist(),
        "nodes_falsenodeids": np.where(right >= 0, right, ~right).tolist(),
        "nodes_falseleafs": (right < 0).astype(np.int64).tolist(),
        "leaf_targetids": np.zeros(len(leaf_value), dtype=np.int64).tolist(),
        "leaf_weights": numpy_helper.from_array(leaf_value.astype(np.float32), "leaf_weights"),
    }


def tree_node(table: TreeTable, input_name: str, output_name: str) -> onnx.NodeProto:
    """One node: float32 features (n_rows, n_features) -> float32 raw score (n_rows, 1), base score included."""
    return helper.make_node(
        "TreeEnsemble", [input_name], [output_name], name=output_name, domain="ai.onnx.ml", **to_tree_ensemble(table)
    )
