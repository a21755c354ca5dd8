"""What a rival takes from a bundle so that it scores with the same trees: its tables of numbers and its ensembles."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mersalg.errors import BundleError
from mersalg_training.graph.trees import TreeTable, tree_node

Arrays = dict[str, np.ndarray]
ADVICE = "the graph is built otherwise than benchmarks/serving knows: bring it up to the graph"


def read_model(bundle: Path) -> onnx.ModelProto:
    """The graph of a bundle."""
    return onnx.load(bundle / "scorer.onnx")


def constants(model: onnx.ModelProto, names: Iterable[str]) -> Arrays:
    """Constants of the graph by name; BundleError where one is missing, for then the graph is built otherwise."""
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    if missing := [name for name in names if name not in known]:
        raise BundleError(
            f"scorer.onnx: expected the constants {', '.join(names)}, got none named {', '.join(missing)}; {ADVICE}"
        )
    return {name: numpy_helper.to_array(known[name]) for name in names}


def tree_tables(model: onnx.ModelProto, n_features: int, *, adds_to_start: bool) -> tuple[TreeTable, TreeTable]:
    """The trees of own and of new products, from the graph's one node; BundleError where there is another.

    Each tree of the node begins with a split that sends new products to the left and own ones to the right.
    """
    nodes = [node for node in model.graph.node if node.op_type == "TreeEnsemble"]
    if [node.name for node in nodes] != ["raw_score"]:
        found = ", ".join(node.name for node in nodes) or "none"
        raise BundleError(f"scorer.onnx: expected one tree node, raw_score, got {found}; {ADVICE}")
    both = table_of(nodes[0], n_features, adds_to_start)
    tops = both.roots
    if np.any(tops < 0) or len({*zip(both.feature[tops].tolist(), both.threshold[tops].tolist(), strict=True)}) != 1:
        raise BundleError(
            f"scorer.onnx: raw_score: expected trees that all begin with one and the same split; {ADVICE}"
        )
    return below(both, both.right[tops]), below(both, both.left[tops])


def below(table: TreeTable, roots: np.ndarray) -> TreeTable:
    """The trees that begin at these references of a table, without the rest of it."""
    reached, waiting = [], roots
    while len(waiting):
        reached.append(waiting)
        splits = waiting[waiting >= 0]
        waiting = np.concatenate([table.left[splits], table.right[splits]])
    references = np.unique(np.concatenate(reached))
    leaves, splits = ~references[references < 0][::-1], references[references >= 0]

    def moved(found: np.ndarray) -> np.ndarray:
        return np.where(found >= 0, np.searchsorted(splits, found), ~np.searchsorted(leaves, ~found))

    return TreeTable(
        n_features=table.n_features,
        roots=moved(roots),
        feature=table.feature[splits],
        threshold=table.threshold[splits],
        default_left=table.default_left[splits],
        left=moved(table.left[splits]),
        right=moved(table.right[splits]),
        leaf_value=table.leaf_value[leaves],
        adds_to_start=table.adds_to_start,
    )


def table_of(node: onnx.NodeProto, n_features: int, adds_to_start: bool) -> TreeTable:
    """The flat arrays of a node; a split whose two branches are one leaf is a bare leaf, as the exporter writes it."""
    of: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    true, false = (np.array(of[f"nodes_{side}nodeids"], dtype=np.int64) for side in ("true", "false"))
    is_leaf = {side: np.array(of[f"nodes_{side}leafs"], dtype=bool) for side in ("true", "false")}
    left = np.where(is_leaf["true"], ~true, true)
    right = np.where(is_leaf["false"], ~false, false)
    bare = left == right
    place = np.cumsum(~bare) - 1  # of each split without the bare ones, which stand behind all others

    def moved(reference: np.ndarray) -> np.ndarray:
        return np.where(reference >= 0, place[np.maximum(reference, 0)], reference)

    roots = np.array(of["tree_roots"], dtype=np.int64)
    keep = ~bare
    return TreeTable(
        n_features=n_features,
        roots=np.where(bare[roots], left[roots], place[roots]),
        feature=np.array(of["nodes_featureids"], dtype=np.int64)[keep],
        threshold=numpy_helper.to_array(of["nodes_splits"]).astype(np.float64)[keep],
        default_left=np.array(of["nodes_missing_value_tracks_true"], dtype=bool)[keep],
        left=moved(left[keep]),
        right=moved(right[keep]),
        leaf_value=numpy_helper.to_array(of["leaf_weights"]).astype(np.float64),
        adds_to_start=adds_to_start,
    )


def as_lightgbm(table: TreeTable, names: list[str]) -> str:
    """The ensemble as LightGBM's own text, so that `lightgbm.Booster` predicts with the same trees."""
    head = [
        "tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
        f"max_feature_idx={table.n_features - 1}", "objective=binary sigmoid:1",
        f"feature_names={' '.join(names)}", f"feature_infos={' '.join(['[-1e308:1e308]'] * len(names))}", "",
    ]  # fmt: skip
    trees = [tree_text(table, int(root), number) for number, root in enumerate(table.roots)]
    return "\n".join([*head, *trees, "end of trees", ""])


def tree_text(table: TreeTable, root: int, number: int) -> str:
    """One tree. LightGBM numbers splits and leaves anew in each, the top first; a leaf is written as ~number."""
    if root < 0:
        lines = {"num_leaves": 1, "num_cat": 0, "leaf_value": table.leaf_value[~root], "is_linear": 0, "shrinkage": 1}
        return "\n".join([f"Tree={number}", *(f"{name}={value}" for name, value in lines.items()), "", ""])
    splits: list[int] = []
    leaves: list[int] = []
    waiting = [root]
    while waiting:
        split = waiting.pop()
        splits.append(split)
        for child in (int(table.right[split]), int(table.left[split])):
            (waiting if child >= 0 else leaves).append(child)
    place = {split: n for n, split in enumerate(splits)} | {leaf: ~n for n, leaf in enumerate(leaves)}
    columns: dict[str, Iterable[Any]] = {
        "split_feature": table.feature[splits],
        "split_gain": [0] * len(splits),
        "threshold": [repr(float(t)) for t in table.threshold[splits]],
        "decision_type": [10 if left else 8 for left in table.default_left[splits]],  # NaN is missing; goes left or not
        "left_child": [place[int(child)] for child in table.left[splits]],
        "right_child": [place[int(child)] for child in table.right[splits]],
        "leaf_value": [repr(float(table.leaf_value[~leaf])) for leaf in leaves],
        "leaf_weight": [1] * len(leaves),
        "leaf_count": [1] * len(leaves),
        "internal_value": [0] * len(splits),
        "internal_weight": [1] * len(splits),
        "internal_count": [1] * len(splits),
    }
    lines = [f"{name}={' '.join(map(str, values))}" for name, values in columns.items()]
    return "\n".join(
        [f"Tree={number}", f"num_leaves={len(leaves)}", "num_cat=0", *lines, "is_linear=0", "shrinkage=1", "", ""]
    )


def trees_alone(table: TreeTable) -> bytes:
    """A model of the ensemble alone: "features" (n, n_features) float32 -> "score" (n, 1) float32."""
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", table.n_features])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])
    graph = helper.make_graph([tree_node(table, "features", "score")], "trees", [features], [score])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
