"""A TreeTable as onnxruntime scores it, and as its leaves can be told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from mersalg_training.graph.trees import Float32, TreeTable, tree_node


def raw_scores(table: TreeTable, X: Float32) -> Float32:
    """(n_rows,) what onnxruntime gives for the exported node alone."""
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", table.n_features])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])
    graph = helper.make_graph([tree_node(table, "features", "score")], "trees", [features], [score])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["score"], {"features": X})[0][:, 0]


def neighbours(x: Float32) -> tuple[Float32, Float32]:
    """Next float32 below and next one above."""
    with np.errstate(over="ignore", under="ignore"):
        return np.nextafter(x, np.float32(-np.inf)), np.nextafter(x, np.float32(np.inf))


def with_telling_leaves(table: TreeTable, rng: np.random.Generator) -> TreeTable:
    """Copy the table with whole numbers as leaves, whose sums are exact in float32 in any order.

    Two rows, or two runtimes, that take other leaves in any tree then differ by a whole number.
    """
    most = 2**24 // max(table.n_trees, 1)
    return replace(table, leaf_value=rng.integers(1, most, len(table.leaf_value)).astype(np.float64), base_score=0.0)
