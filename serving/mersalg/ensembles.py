"""A TreeEnsemble node whose trees are trees: in bounds, without cycles, not too deep.

`TreeEnsemble` of ai.onnx.ml 5 lays all trees into flat lists: a split has two references, each to another split or,
where its leaf flag is set, to a leaf. A runtime follows them by recursion and by loops, so a reference out of bounds
reads foreign memory, a cycle never ends, and a long chain overflows the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.errors import BundleError

MOST_TREES: Final = 10_000
MOST_SPLITS: Final = 8_000_000
DEEPEST: Final = 1024
LISTS: Final = (
    "tree_roots", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs",
    "leaf_targetids",
)  # fmt: skip
"""The attributes that hold references; all are lists of whole numbers."""
EXPECTED_TREES: Final = "expected a TreeEnsemble"

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def check_trees(lists: Mapping[str, list[int]], sizes: Mapping[str, int], where: str) -> None:
    """Refuse references that do not draw trees.

    `lists` are the whole numbers in the attributes of one TreeEnsemble, by name, `sizes` the elements of its tensors.
    """
    missing = [name for name in LISTS if not lists.get(name)]
    if missing:
        raise BundleError(f"{where}: {EXPECTED_TREES} with {', '.join(LISTS)}, got one without {missing[0]}")
    roots, features, left, right, left_leaf, right_leaf, targets = (
        np.array(lists[name], dtype=np.int64) for name in LISTS
    )
    n_splits, n_leaves = len(features), len(targets)
    if len(roots) > MOST_TREES or n_splits > MOST_SPLITS:
        raise BundleError(
            f"{where}: {EXPECTED_TREES} of at most {MOST_TREES} trees and {MOST_SPLITS} splits, "
            f"got {len(roots)} and {n_splits}"
        )
    beside: list[int | None] = [len(column) for column in (left, right, left_leaf, right_leaf)]
    beside += [sizes.get("nodes_splits"), sizes.get("nodes_modes")]
    beside += [len(lists.get("nodes_missing_value_tracks_true") or features)]
    if any(length != n_splits for length in beside) or sizes.get("leaf_weights") != n_leaves:
        raise BundleError(f"{where}: {EXPECTED_TREES} whose lists have one entry a split, got lists of other lengths")
    if targets.max() >= max(lists.get("n_targets", [0])):
        raise BundleError(f"{where}: {EXPECTED_TREES} whose leaves add to its targets, got another target")
    references, is_leaf = np.concatenate([left, right]), np.concatenate([left_leaf, right_leaf])
    bounds = np.where(is_leaf == 1, n_leaves, n_splits)
    if is_leaf.max() > 1 or roots.max() >= n_splits or np.any(references >= bounds):
        raise BundleError(f"{where}: {EXPECTED_TREES} whose references lie inside its lists, got one outside")
    parents = np.bincount(np.concatenate([roots, references[is_leaf == 0]]), minlength=n_splits)
    if not np.all(parents == 1):
        raise BundleError(f"{where}: {EXPECTED_TREES} whose splits have one parent each or are a root, got another")
    check_depth(roots, (left, right), (left_leaf == 0, right_leaf == 0), where)


def check_depth(roots: Int64, children: tuple[Int64, Int64], inner: tuple[Bool, Bool], where: str) -> None:
    """Refuse splits that no root reaches within DEEPEST steps, which are also all those of a cycle."""
    level, reached = roots, 0
    for _ in range(DEEPEST):
        reached += len(level)
        level = np.concatenate([child[level][flag[level]] for child, flag in zip(children, inner, strict=True)])
        if not len(level):
            break
    if reached != len(children[0]):
        raise BundleError(f"{where}: {EXPECTED_TREES} without cycles and at most {DEEPEST} deep, got another")
