"""Small real pieces from which a fuzzer starts."""

from __future__ import annotations

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from toy_bundle import GOLDEN, Graph, make_manifest, wrap


def small_scorer() -> bytes:
    """All inputs and outputs, constants of each form, a label encoder and two trees."""
    parts = Graph()
    floats = numpy_helper.from_array(np.array([0.5, 1.5, 2.5], dtype=np.float32))
    one = numpy_helper.from_array(np.ones(1, dtype=np.float32))
    modes = numpy_helper.from_array(np.array([0, 0, 0], dtype=np.uint8))
    weights = numpy_helper.from_array(np.array([1, 2, 3, 4, 5], dtype=np.float32))
    parts.nodes = [
        helper.make_node("LabelEncoder", ["cart"], ["codes"], domain="ai.onnx.ml", keys_strings=["milk", "jam"],
                         values_int64s=[0, 1], default_int64=-1),
        helper.make_node("ConstantOfShape", ["typed"], ["one"], value=one),
        helper.make_node("TreeEnsemble", ["history_age_days"], ["leaf"], domain="ai.onnx.ml", n_targets=1,
                         aggregate_function=1, post_transform=0, tree_roots=[0, 2], nodes_featureids=[0, 0, 0],
                         nodes_modes=modes, nodes_splits=floats, nodes_truenodeids=[1, 1, 3],
                         nodes_falsenodeids=[0, 2, 4], nodes_trueleafs=[0, 1, 1], nodes_falseleafs=[1, 1, 1],
                         leaf_targetids=[0, 0, 0, 0, 0], leaf_weights=weights),
    ]  # fmt: skip
    parts.constants = [
        numpy_helper.from_array(np.array(["milk", "jam"], dtype=object), "names"),
        helper.make_tensor("typed", TensorProto.INT64, [2], [3, 300]),
        numpy_helper.from_array(np.ones((2, 3), dtype=np.float32), "raw"),
    ]
    return wrap(parts).SerializeToString()


def manifests() -> list[bytes]:
    files = dict.fromkeys(("scorer.onnx", "products.json", "golden.json", "CARD.md", "more.bin"), b"")
    return [json.dumps(make_manifest(files)).encode()]


def requests() -> list[bytes]:
    line = {"product_id": "milk", "ordered_at": "2017-01-01T00:00:00+02:00", "quantity": 2.5}
    more = {"request_id": "r", "cart": ["a", "b"], "history": [line, {**line, "quantity": None}], "kinds": ["add-on"],
            "at": "2017-06-01T12:00:00Z", "moment": "checkout", "limit": 3, "exclude": ["x"], "only": [],
            "order": "value"}  # fmt: skip
    several = {"requests": [*GOLDEN["requests"], more], "threshold": False}
    rows = {"id": "x", "inputs": [
        {"name": "cart", "datatype": "BYTES", "shape": [2, 2], "data": ["milk", "", "bread", "wine"]},
        {"name": "history", "datatype": "BYTES", "shape": [2, 1], "data": [["milk"], [""]]},
        {"name": "history_age_days", "datatype": "FP32", "shape": [2, 1], "data": [1.5, 0]},
        {"name": "limit", "datatype": "INT64", "shape": [2], "data": [3, 4]},
    ], "outputs": [{"name": "product_id"}]}  # fmt: skip
    return [json.dumps(request).encode() for request in (*GOLDEN["requests"], more, several, rows)]
