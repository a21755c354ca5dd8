"""Allowed operators put to hostile uses: what a shape, an index, a count or a tree could make a runtime do.

The walk passes some of these graphs: whether they end a process or hand out its memory is then the runtime's to say.
`python -m attacks.operator_attacks SKIP` opens and asks them one after the other, after the first SKIP, and prints what
became of each; `test_operators.py` reads that.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from mersalg import BundleError
from mersalg.bundle.onnx.graph import check_graph
from mersalg.requests import encode, read_mapping
from mersalg.session import Session
from toy_bundle import build_scorer

MAX_BYTES = 3 * 2**30
"""Of the process: what asks for more is refused, by whoever notices first."""
LEAST, MOST = -(2**63), 2**63 - 1
FLAT: npt.NDArray[Any] = np.arange(1, 5, dtype=np.float32)
SQUARE: npt.NDArray[Any] = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
TEXTS: npt.NDArray[Any] = np.array(["a", "b", "c", "d"], dtype=object)


@dataclass(frozen=True)
class HostileUse:
    """A node on constants; `outside` says that it points beyond them, so that no answer is right."""

    name: str
    operator: str
    inputs: tuple[Any, ...]
    outside: bool = False
    outputs: int = 1
    domain: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


def whole(*numbers: int) -> npt.NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)


def indices() -> Iterator[HostileUse]:
    """Indices that lie outside: near and far, on either side."""
    for index in (4, -5, 2**31, 2**32, -(2**31), 2**40, -(2**40), MOST, LEAST):
        yield HostileUse(f"a number gathered at {index}", "Gather", (FLAT, whole(index)), True)
        yield HostileUse(f"a row gathered at {index}", "Gather", (SQUARE, whole(index)), True)
        yield HostileUse(f"a text gathered at {index}", "Gather", (TEXTS, whole(index)), True)
        yield HostileUse(f"an element at {index}", "GatherElements", (FLAT, whole(index)), True)
        yield HostileUse(f"a text element at {index}", "GatherElements", (TEXTS, whole(index)), True)
        scattered = (FLAT, whole(index), np.ones(1, np.float32))
        yield HostileUse(f"scattered to {index}", "ScatterElements", scattered, True)
        added = {"reduction": "add", "axis": 0}
        yield HostileUse(f"added to {index}", "ScatterElements", scattered, True, attributes=added)
    for axis in (2, -3, 2**31, MOST, LEAST):
        for operator in ("Gather", "GatherElements"):
            use = (SQUARE, np.zeros((4, 4), np.int64))
            yield HostileUse(f"{operator} along axis {axis}", operator, use, True, attributes={"axis": axis})
        kept = (SQUARE, np.ones(4, dtype=bool))
        yield HostileUse(f"kept along axis {axis}", "Compress", kept, True, attributes={"axis": axis})
        yield HostileUse(f"concatenated along axis {axis}", "Concat", (SQUARE, SQUARE), True, attributes={"axis": axis})
        yield HostileUse(f"summed along axis {axis}", "ReduceSum", (SQUARE, whole(axis)), True)
        yield HostileUse(f"largest along axis {axis}", "ReduceMax", (SQUARE, whole(axis)), True)
        yield HostileUse(f"running sum along axis {axis}", "CumSum", (SQUARE, np.array(axis)), True)
        yield HostileUse(f"best along axis {axis}", "TopK", (SQUARE, whole(1)), True, 2, attributes={"axis": axis})
        split = (SQUARE, whole(2, 2))
        yield HostileUse(f"split along axis {axis}", "Split", split, True, 2, attributes={"axis": axis})
        yield HostileUse(f"turned by axis {axis}", "Transpose", (SQUARE,), True, attributes={"perm": [axis, 0]})
        yield HostileUse(f"sliced along axis {axis}", "Slice", (SQUARE, whole(0), whole(2), whole(axis)), True)
    yield HostileUse("one more axis far away", "Unsqueeze", (FLAT, whole(2**40)), True)
    yield HostileUse("one axis twice", "Unsqueeze", (FLAT, whole(0, 0)), True)
    yield HostileUse("five thousand axes", "Unsqueeze", (FLAT, whole(*range(5000))))
    yield HostileUse("an axis turned twice", "Transpose", (SQUARE,), True, attributes={"perm": [0, 0]})


def sizes() -> Iterator[HostileUse]:
    """Counts and shapes that overflow, are below zero, or do not fit what is there."""
    for size in (-1, -5, 2**31, 2**40, 2**62, MOST, LEAST):
        yield HostileUse(f"a tensor of {size}", "ConstantOfShape", (whole(size),))
        yield HostileUse(f"widened to {size}", "Expand", (np.ones(1, np.float32), whole(size)))
        yield HostileUse(f"reshaped to {size}", "Reshape", (FLAT, whole(size)))
        yield HostileUse(f"the best {size}", "TopK", (FLAT, whole(size)), outputs=2)
        yield HostileUse(
            f"split at {size}", "Split", (FLAT, whole(size, 4 - size if abs(size) < 2**62 else 0)), False, 2
        )
        yield HostileUse(f"sliced to {size}", "Slice", (FLAT, whole(0), whole(size), whole(0)))
        yield HostileUse(f"sliced in steps of {size}", "Slice", (FLAT, whole(0), whole(4), whole(0), whole(size)))
        yield HostileUse(f"sliced from {size}", "Slice", (FLAT, whole(size), whole(4), whole(0), whole(-1)))
    for shape in ((2**32, 2**32), (2**62, 2**62), (2**33, 2**31, 4), (-1, -1), (0, 2**62), (2**62, 4, -1)):
        yield HostileUse(f"a tensor of {shape}", "ConstantOfShape", (whole(*shape),))
        yield HostileUse(f"widened to {shape}", "Expand", (np.ones(1, np.float32), whole(*shape)))
        yield HostileUse(f"texts widened to {shape}", "Expand", (TEXTS[:1], whole(*shape)))
        yield HostileUse(f"reshaped to {shape}", "Reshape", (FLAT, whole(*shape)))
        free = {"allowzero": 1}
        yield HostileUse(f"nothing reshaped to {shape}", "Reshape", (FLAT[:0], whole(*shape)), attributes=free)
    yield HostileUse("sliced in steps of zero", "Slice", (FLAT, whole(0), whole(4), whole(0), whole(0)))
    yield HostileUse("sliced twice along one axis", "Slice", (SQUARE, whole(0, 1), whole(4, 3), whole(0, 0)))
    yield HostileUse("fewer axes than ends", "Slice", (SQUARE, whole(0, 0), whole(4, 4), whole(0)))
    yield HostileUse("split in parts that overflow", "Split", (FLAT, whole(2**62, 2**62, 4 + LEAST)), outputs=3)
    yield HostileUse("kept by a longer condition", "Compress", (FLAT, np.ones(100, dtype=bool)))
    yield HostileUse("rows kept by a longer condition", "Compress", (SQUARE, np.ones(99, dtype=bool)), False, 1, "",
                     {"axis": 1})  # fmt: skip
    yield HostileUse("texts kept by a longer condition", "Compress", (TEXTS, np.ones(100, dtype=bool)))
    short = (SQUARE, np.zeros((4, 4), np.int64), np.ones((1, 1), np.float32))
    yield HostileUse("fewer updates than places", "ScatterElements", short, True)
    wide = (SQUARE, np.zeros((9, 9), np.int64), np.ones((9, 9), np.float32))
    yield HostileUse("more places than there are", "ScatterElements", wide)
    yield HostileUse("matrices that do not fit", "MatMul", (SQUARE, np.ones((5, 2), np.float32)), True)
    yield HostileUse(
        "matrices of nothing", "MatMul", (np.ones((2**20, 0), np.float32), np.ones((0, 2**20), np.float32))
    )
    yield HostileUse("a product that does not fit", "Gemm", (SQUARE, np.ones((5, 2), np.float32)), True)
    yield HostileUse("a sum that does not fit", "Gemm", (SQUARE, SQUARE, np.ones((7, 7), np.float32)), True)
    yield HostileUse("the largest of nothing", "ReduceMax", (FLAT[:0],))
    yield HostileUse("the largest of no whole number", "ReduceMax", (whole(),))
    yield HostileUse("an axis summed twice", "ReduceSum", (SQUARE, whole(0, 0)))


def numbers() -> Iterator[HostileUse]:
    """Numbers that another type cannot hold, and bounds that cross."""
    odd = np.array([np.nan, np.inf, -np.inf, 1e30], dtype=np.float32)
    for kind in (TensorProto.INT64, TensorProto.INT32, TensorProto.UINT8, TensorProto.BOOL, TensorProto.FLOAT16):
        yield HostileUse(f"odd numbers as type {kind}", "Cast", (odd,), attributes={"to": kind})
        texts = np.array(["9" * 4000, "nan", "x", "1e999"], dtype=object)
        yield HostileUse(f"odd texts as type {kind}", "Cast", (texts,), attributes={"to": kind})
    for kind in (0, 16, 99, LEAST):
        yield HostileUse(f"an element type {kind}", "Cast", (FLAT,), attributes={"to": kind})
    yield HostileUse("bounds that cross", "Clip", (FLAT, np.float32(5), np.float32(1)))
    yield HostileUse("bounds with dimensions", "Clip", (FLAT, FLAT, FLAT))
    yield HostileUse("best of what has no order", "TopK", (np.full(1000, np.nan, np.float32), whole(500)), outputs=2)
    yield HostileUse("one by nothing", "Reciprocal", (np.zeros(4, np.float32),))
    yield HostileUse("a whole number's reciprocal", "Reciprocal", (whole(0),), True)
    yield HostileUse("the logarithm of nothing", "Log", (np.zeros(4, np.float32),))
    yield HostileUse("whole numbers that overflow", "Mul", (whole(MOST, LEAST), whole(MOST, -1)))
    yield HostileUse("a running sum that overflows", "CumSum", (whole(MOST, MOST), np.array(0)))
    yield HostileUse("a reduction that there is not", "ScatterElements", (FLAT, whole(0), FLAT[:1]), False, 1, "",
                     {"reduction": "median"})  # fmt: skip


def vocabularies() -> Iterator[HostileUse]:
    """Encoders whose lists are not of one length, or that have none."""
    ml = "ai.onnx.ml"
    tensor = numpy_helper.from_array
    for name, attributes in {
        "more keys than values": {"keys_strings": ["a", "b", "c"], "values_int64s": [1]},
        "more values than keys": {"keys_strings": ["a"], "values_int64s": [1, 2, 3]},
        "no keys": {"values_int64s": [1]},
        "no values": {"keys_strings": ["a"]},
        "two lists of values": {"keys_strings": ["a"], "values_int64s": [1], "values_floats": [1.0]},
        "values of a longer tensor": {
            "keys_tensor": tensor(TEXTS, "k"), "values_tensor": tensor(whole(1), "v"),
            "default_tensor": tensor(whole(0), "d"),
        },
        "no default in its tensor": {
            "keys_tensor": tensor(TEXTS, "k"), "values_tensor": tensor(whole(1, 2, 3, 4), "v"),
            "default_tensor": tensor(whole(), "d"),
        },
        "a default of another type": {
            "keys_strings": ["a"], "values_int64s": [1], "default_tensor": tensor(FLAT, "d"),
        },
    }.items():  # fmt: skip
        yield HostileUse(f"an encoder with {name}", "LabelEncoder", (TEXTS,), False, 1, ml, attributes)


def ensembles() -> Iterator[HostileUse]:
    """Trees over features that are not there."""
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    base = {
        "n_targets": 1, "aggregate_function": 1, "post_transform": 0, "tree_roots": [0], "nodes_featureids": [0],
        "nodes_modes": numpy_helper.from_array(np.zeros(1, np.uint8)),
        "nodes_splits": numpy_helper.from_array(np.array([0.5], np.float32)),
        "nodes_truenodeids": [0], "nodes_falsenodeids": [1], "nodes_trueleafs": [1], "nodes_falseleafs": [1],
        "leaf_targetids": [0, 0], "leaf_weights": numpy_helper.from_array(np.array([1, 2], np.float32)),
    }  # fmt: skip
    for feature in (4, 5, 64, 4095, 4096, 10**6, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1, 2**32, 2**62, MOST):
        yield tree(f"a split on feature {feature} of 4", rows, base, outside=True, nodes_featureids=[feature])
    for targets in (2, 2**31, 2**40, 2**62):
        yield tree(f"{targets} targets", rows, base, n_targets=targets)
    yield tree("a leaf of a target that wraps", rows, base, outside=True, n_targets=2**33, leaf_targetids=[2**32, 0])
    for name in ("aggregate_function", "post_transform"):
        for value in (-1, 4, 9, 2**31):
            yield tree(f"{name} {value}", rows, base, **{name: value})
    for shape in ((), (12,), (3, 2, 2), (0, 4), (3, 0)):
        features = np.ones(shape, np.float32)
        yield tree(f"features of shape {shape}", features, base, outside=0 in shape[1:])
    doubles = numpy_helper.from_array(np.array([0.5], np.float64))
    yield tree("splits of another type", rows, base, nodes_splits=doubles)
    yield tree("features of another type", rows.astype(np.float64), base)
    yield tree("a list of targets", rows, base, n_targets=[1, 5, 9])


def tree(name: str, rows: Any, base: dict[str, Any], *, outside: bool = False, **changes: Any) -> HostileUse:
    attributes = {**base, **changes}
    return HostileUse(name, "TreeEnsemble", (rows,), outside, 1, "ai.onnx.ml", attributes)


def hostile_uses() -> list[HostileUse]:
    return [*indices(), *sizes(), *numbers(), *vocabularies(), *ensembles()]


def hostile_scorer(use: HostileUse, *, late: bool) -> bytes:
    """The toy scorer with the sum of what that node gives added to `retrieved`.

    `late` adds a zero to the node's inputs that depends on the request, so that a runtime knows nothing before the run.
    """
    model = build_scorer()
    graph = model.graph

    def add(operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        graph.node.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    (last,) = (node for node in graph.node if node.output[0] == "retrieved")
    last.output[0] = "retrieved_before"
    if late:
        graph.initializer.append(numpy_helper.from_array(whole(), "no_axes"))
        moment = add("Reshape", ["moment", "no_axes"], "moment_alone")
        add("Sub", [moment, moment], "moment_zero")
    names = []
    for number, value in enumerate(use.inputs):
        array = np.asarray(value)
        graph.initializer.append(numpy_helper.from_array(array, f"hostile_{number}"))
        name = f"hostile_{number}"
        if late and array.dtype not in (np.dtype(object), np.dtype(bool)):
            zero = add("Cast", ["moment_zero"], f"zero_{number}", to=helper.np_dtype_to_tensor_dtype(array.dtype))
            name = add("Add", [name, zero], f"late_{number}")
        names.append(name)
    outputs = [f"answer_{number}" for number in range(use.outputs)]
    graph.node.append(helper.make_node(use.operator, names, outputs, domain=use.domain, **use.attributes))
    gives_text = use.operator not in ("LabelEncoder", "Cast") and np.asarray(use.inputs[0]).dtype == object
    codes = {"keys_strings": ["a"], "values_int64s": [1], "default_int64": 0, "domain": "ai.onnx.ml"}
    number = add("LabelEncoder", outputs[:1], "answer_code", **codes) if gives_text else outputs[0]
    real = add("Cast", [number], "answer_real", to=TensorProto.FLOAT)
    graph.initializer.append(numpy_helper.from_array(whole(-1), "one_axis"))
    row = add("Reshape", [real, "one_axis"], "answer_row")
    total = add("Cast", [add("ReduceSum", [row], "answer_sum")], "answer_total", to=TensorProto.INT64)
    add("Add", ["retrieved_before", total], "retrieved")
    return bytes(model.SerializeToString())


def outcome(content: bytes) -> str:
    """Where a scorer is refused, or that it answers."""
    try:
        check_graph(content, "scorer.onnx")
    except BundleError:
        return "walk"
    try:
        session = Session(content, "scorer.onnx")
    except BundleError:
        return "opening"
    try:
        session.run(encode(read_mapping({"cart": ["milk"]})))
    except BundleError:
        return "run"
    return "answered"


def main() -> None:
    """Print the outcome of each graph as it is known: the one that ends the process is the first without a line."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    cases = [(use, late) for use in hostile_uses() for late in (False, True)]
    for use, late in cases[int(sys.argv[1]) :]:
        print(json.dumps(outcome(hostile_scorer(use, late=late))), flush=True)


if __name__ == "__main__":
    main()
