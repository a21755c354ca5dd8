"""A TreeEnsemble node whose trees are trees: in bounds, without cycles, not too deep.

`TreeEnsemble` of ai.onnx.ml 5 lays all trees into flat lists: a split has two references, each to another split or,
where its leaf flag is set, to a leaf. A runtime follows them by recursion and by loops, so a reference out of bounds
reads foreign memory, a cycle never ends, and a long chain overflows the stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from mersalg.errors import BundleError

MAX_TREES: Final = 10_000
MAX_SPLITS: Final = 8_000_000
MAX_TREE_DEPTH: Final = 1024
MAX_FEATURES: Final = 4096
"""A split looks into a column below this: how many columns there are, the graph alone knows."""
LISTS: Final = (
    "tree_roots", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs",
    "leaf_targetids",
)  # fmt: skip
"""The attributes that hold references; all are lists of whole numbers."""
EXPECTED: Final = "expected a TreeEnsemble"


def check_trees(lists: Mapping[str, list[int]], sizes: Mapping[str, int], where: str) -> None:
    """Refuse references that do not draw trees.

    `lists` are the whole numbers in the attributes of one TreeEnsemble, by name, all from 0; `sizes` the elements of
    its tensors.
    """
    missing = [name for name in LISTS if not lists.get(name)]
    if missing:
        raise BundleError(f"{where}: {EXPECTED} with {', '.join(LISTS)}, got one without {missing[0]}")
    roots, features, left, right, left_is_leaf, right_is_leaf, targets = (lists[name] for name in LISTS)
    n_splits, n_leaves = len(features), len(targets)
    if len(roots) > MAX_TREES or n_splits > MAX_SPLITS:
        raise BundleError(
            f"{where}: {EXPECTED} of at most {MAX_TREES} trees and {MAX_SPLITS} splits, got {len(roots)} and {n_splits}"
        )
    beside: list[int | None] = [len(column) for column in (left, right, left_is_leaf, right_is_leaf)]
    beside += [sizes.get("nodes_splits"), sizes.get("nodes_modes")]
    beside += [len(lists.get("nodes_missing_value_tracks_true") or features)]
    if any(length != n_splits for length in beside) or sizes.get("leaf_weights") != n_leaves:
        raise BundleError(f"{where}: {EXPECTED} whose lists have one entry a split or a leaf, got other lengths")
    if lists.get("n_targets") != [1] or max(targets) > 0:
        raise BundleError(f"{where}: {EXPECTED} whose leaves add to its one target, got another target")
    if max(features) >= MAX_FEATURES:
        raise BundleError(f"{where}: {EXPECTED} of at most {MAX_FEATURES} features, got a split on {max(features)}")
    sides = (left, left_is_leaf), (right, right_is_leaf)
    if max(roots) >= n_splits or not all(
        reference < (n_leaves if is_leaf == 1 else n_splits) and is_leaf <= 1
        for references, leaves in sides
        for reference, is_leaf in zip(references, leaves, strict=True)
    ):
        raise BundleError(f"{where}: {EXPECTED} whose references lie inside its lists, got one outside")
    check_shape(roots, sides, n_splits, where)


def check_shape(roots: list[int], sides: Iterable[tuple[list[int], list[int]]], n_splits: int, where: str) -> None:
    """Refuse splits that have two parents, that no root reaches, or that lie deeper than MAX_TREE_DEPTH."""
    reached = bytearray(n_splits)
    level = roots
    for _ in range(MAX_TREE_DEPTH):
        for split in level:
            if reached[split]:
                raise BundleError(f"{where}: {EXPECTED} whose splits have one parent or are a root, got one of two")
            reached[split] = 1
        level = [references[split] for split in level for references, leaves in sides if not leaves[split]]
        if not level:
            break
    if level or not all(reached):
        raise BundleError(f"{where}: {EXPECTED} of at most {MAX_TREE_DEPTH} levels that roots reach, got another")
