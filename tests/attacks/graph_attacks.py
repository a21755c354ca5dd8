"""The attacks on ONNX files that are publicly known, and those that a reader of protobuf invites, as bytes.

One list, for every reader of bundles: each attack with words of the refusal that it has to meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from mersalg.bundle.onnx.graph import MAX_NODES, MAX_TENSORS
from toy_bundle import build_scorer

FLOATS = numpy_helper.from_array(np.array([0.5, 1.5, 2.5], dtype=np.float32), "attack")
LOCATIONS = (
    "../secret", "../../../../etc/passwd", "/etc/passwd", "a/../../secret", "..\\secret", "C:\\secret",
    "\\\\host\\share",
    "file:///etc/passwd", "weights.bin", "", "*/_ORT_MEM_ADDR_/*",
)  # fmt: skip
Change = Callable[[Any], None]


def changed(change: Change) -> bytes:
    """The toy scorer after a change of its ModelProto."""
    model = build_scorer()
    change(model)
    return model.SerializeToString()


def outside(location: str) -> TensorProto:
    """A tensor whose data lie at a location: CVE-2022-25882, CVE-2024-27318, CVE-2024-5187 and their kin."""
    tensor = TensorProto(name="attack", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "140737488355328"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def holder(**attributes: Any) -> Change:
    """Add a node with these attributes."""
    return lambda model: model.graph.node.append(helper.make_node("Identity", ["moment"], ["attack"], **attributes))


def places(location: str) -> list[Change]:
    """Every place of a model that could hold a tensor with data at that location."""
    tensor = outside(location)
    no_location = TensorProto(name="attack", dims=[3], data_type=1, data_location=TensorProto.EXTERNAL)
    hidden = TensorProto()  # says that its data are inside, and names a place all the same
    hidden.CopyFrom(FLOATS)
    hidden.external_data.extend(tensor.external_data)
    return [
        lambda model: model.graph.initializer.append(tensor),
        lambda model: model.graph.initializer.append(no_location),
        lambda model: model.graph.initializer.append(hidden),
        holder(value=tensor),
        lambda model: model.graph.sparse_initializer.add().values.CopyFrom(tensor),
    ]


def shaped(*dims: int, data: bytes = b"\0" * 12, kind: int = TensorProto.FLOAT, **more: Any) -> Change:
    """Add a tensor of that shape with twelve bytes of data."""

    def add(model: Any) -> None:
        model.graph.initializer.append(TensorProto(name="attack", dims=dims, data_type=kind, raw_data=data, **more))

    return add


OVERSIZE = {
    "a shape of more elements than data": shaped(2**30),
    "a shape of fewer elements than data": shaped(2),
    "more elements than are allowed": shaped(2**31),
    "sizes whose product overflows": shaped(2**32, 2**32),
    "sizes whose product overflows to a small number": shaped(2**33, 2**31, 3),
    "a size below zero": shaped(-1, -3),
    "a size of nothing beside a vast one": shaped(0, 2**62, data=b""),
    "too many dimensions": shaped(*[1] * 9, data=b"\0" * 4),
    "a type that nobody knows": shaped(3, kind=99),
    "no type": shaped(3, kind=0),
    "texts as raw bytes": shaped(3, kind=TensorProto.STRING),
    "data twice": shaped(3, float_data=[1, 2, 3]),
    "texts beside raw data": shaped(3, string_data=[b"a"]),
    "no data at all": lambda model: model.graph.initializer.append(TensorProto(name="attack", dims=[5], data_type=1)),
    "fewer texts than its shape": lambda model: model.graph.initializer.append(
        TensorProto(name="attack", dims=[3], data_type=8, string_data=[b"a"])
    ),
}


def opset(domain: str, version: int) -> Change:
    return lambda model: model.opset_import.append(helper.make_opsetid(domain, version))


def again(name: str) -> Change:
    """Define a value a second time."""
    return lambda model: model.graph.node.append(helper.make_node("Identity", ["moment"], [name]))


def default_for_an_input(model: Any) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, dtype=np.int64), "limit"))


def extra_input_with_a_default(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("attack", TensorProto.FLOAT, [3]))
    model.graph.initializer.append(FLOATS)


def self_declared(model: Any) -> None:
    for key in ("allowed_operators", "allow", "trusted", "mersalg.skip_checks"):
        model.metadata_props.add(key=key, value="Loop,If,com.microsoft.*")
    model.graph.node.append(helper.make_node("Loop", ["moment"], ["attack"]))


def division_at(limit: int) -> Change:
    """The least whole number by -1 where a request has this limit: it ends the process, whoever asks."""

    def change(model: Any) -> None:
        (last,) = (node for node in model.graph.node if node.output[0] == "retrieved")
        last.output[0] = "before"
        for name, number_ in (("at", limit), ("minus", -1), ("one", 1), ("least", -(2**63)), ("nothing", 0)):
            model.graph.initializer.append(numpy_helper.from_array(np.array([number_]), name))
        model.graph.node.extend([
            helper.make_node("Equal", ["limit", "at"], ["is_at"]),
            helper.make_node("Where", ["is_at", "minus", "one"], ["divisor"]),
            helper.make_node("Div", ["least", "divisor"], ["attack"]),
            helper.make_node("Mul", ["attack", "nothing"], ["zero"]),
            helper.make_node("Add", ["before", "zero"], ["retrieved"]),
        ])  # fmt: skip

    return change


SUBGRAPH = helper.make_graph([], "inner", [], [])
MORE_THAN_A_FUNCTION = {
    "a list of allowed operators in the model itself": (self_declared, "'Loop'"),
    "a loop": (lambda m: m.graph.node.append(helper.make_node("Loop", ["moment"], ["x"])), "'Loop'"),
    "a subgraph in an allowed operator": (holder(body=SUBGRAPH), "subgraph"),
    "subgraphs in a list": (holder(bodies=[SUBGRAPH, SUBGRAPH]), "subgraph"),
    "a training graph": (lambda m: m.training_info.add().algorithm.CopyFrom(SUBGRAPH), "training graph"),
    "an operator of the runtime's maker": (
        lambda m: m.graph.node.append(helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")),
        "com.microsoft.Gelu",
    ),
    **{
        f"{operator}, which the exporter does not write": (
            lambda m, operator=operator: m.graph.node.append(helper.make_node(operator, ["limit"], ["y"])),
            f"'{operator}'",
        )
        for operator in ("Mod", "Pad", "Trilu", "Einsum", "BitShift", "Range", "Tile", "ReduceMean", "Unique")
    },
    "a division of whole numbers that waits for a request": (division_at(7), "'Div'"),
    "another spelling of the standard domain": (
        lambda m: m.graph.node.append(helper.make_node("Identity", ["moment"], ["y"], domain="ai.onnx")),
        "ai.onnx.Identity",
    ),
    "another spelling of the standard domain's version": (opset("ai.onnx", 21), "opset 21"),
    "a newer operator set": (lambda m: setattr(m.opset_import[0], "version", 22), "opset 21"),
    "an operator set of a negative version": (lambda m: setattr(m.opset_import[0], "version", -21), "opset 21"),
    "two versions of an operator set": (opset("", 17), "not one"),
    "an older form of the file": (lambda m: setattr(m, "ir_version", 3), "IR version from 10"),
    "a form of the file that is not known": (lambda m: setattr(m, "ir_version", 99), "IR version from 10"),
    "a value of another node, again": (again("retrieved"), "'retrieved' twice"),
    "an input, computed": (again("limit"), "'limit' twice"),
    "a constant, twice": (lambda m: m.graph.initializer.append(m.graph.initializer[0]), "twice"),
    "a default for an input": (default_for_an_input, "'limit' twice"),
    "a hidden input with a default": (extra_input_with_a_default, "not known ['attack']"),
    "an input, twice": (lambda m: m.graph.input.append(m.graph.input[0]), "each once"),
    "a function's attribute": (
        lambda m: m.graph.node[0].attribute.add(name="x", ref_attr_name="y"),
        "field 21 of an attribute",
    ),
    "an operator with an overload": (lambda m: setattr(m.graph.node[0], "overload", "x"), "field 8 of a node"),
    "a sequence as an input": (
        lambda m: m.graph.input[0].CopyFrom(
            helper.make_value_info("only", helper.make_sequence_type_proto(m.graph.input[0].type))
        ),
        "not one",
    ),
    "a name without an end": (again("x" * 2000), "names of at most"),
    "too many nodes": (
        lambda m: m.graph.node.extend([helper.make_node("Identity", ["moment"], [])] * MAX_NODES),
        f"at most {MAX_NODES} nodes",
    ),
    "too many tensors": (
        lambda m: m.graph.initializer.extend([TensorProto(dims=[0], data_type=1)] * (MAX_TENSORS + 1)),
        f"{MAX_TENSORS} tensors",
    ),
    "too many attributes": (holder(**{f"a{i}": i for i in range(65)}), "at most 64 attributes"),
}


def number(value: int) -> bytes:
    """A base-128 number."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def read_differently() -> list[bytes]:
    """Scorers with a field that one reader of protobuf reads otherwise than another."""
    good = build_scorer().SerializeToString()
    functions = helper.make_function("", "Mine", ["x"], ["y"], [], []).SerializeToString()
    hidden = number(2**32 + (25 << 3 | 2)) + number(len(functions)) + functions  # some drop the bits above 32
    return [
        good + more
        for more in (
            hidden,
            number(0 << 3) + b"\0",  # field 0
            number(6 << 3 | 3) + number(6 << 3 | 4),  # a group
            number(6 << 3 | 6),  # a wire type that there is not
            number(1 << 3) + b"\xff" * 10 + b"\x01",  # a number of eleven bytes
            number(1 << 3) + b"\xff" * 9 + b"\x7f",  # a number above 64 bits
            number(7 << 3) + b"\x01",  # a number where the graph belongs
            number(7 << 3 | 2) + number(2**40),  # longer than the file
            number(7 << 3 | 2) + b"\x80",  # cut
        )
    ]


def behind_a_fixed_width() -> list[bytes]:
    """Scorers with a loop whose name a field of fixed width seems to replace."""
    good = build_scorer()
    loop = helper.make_node("Loop", ["moment"], ["attack"]).SerializeToString()
    found = []
    for hiding in (number(4 << 3 | 1) + b"Constant", number(4 << 3 | 5) + b"Cast"):  # protobuf's libraries skip these
        node = loop + hiding
        graph = good.graph.SerializeToString() + number(1 << 3 | 2) + number(len(node)) + node
        found.append(number(1 << 3) + b"\x0a" + number(7 << 3 | 2) + number(len(graph)) + graph)
    return found


def size_without_a_text(field: str) -> bytes:
    """The toy scorer whose first input calls a size by bytes that are no UTF-8; a runtime hands them on as text."""

    def name(model: Any) -> None:
        setattr(model.graph.input[0].type.tensor_type.shape.dim[0], field, "<size>")

    return changed(name).replace(b"<size>", b"<\x9fize>")


def trees(**changes: Any) -> bytes:
    """The toy scorer with an ensemble of two trees: splits 0 -> 1 and 2, five leaves."""
    attributes = {
        "n_targets": 1, "aggregate_function": 1, "post_transform": 0, "tree_roots": [0, 2],
        "nodes_featureids": [0, 0, 0], "nodes_modes": numpy_helper.from_array(np.zeros(3, dtype=np.uint8)),
        "nodes_splits": FLOATS, "nodes_truenodeids": [1, 1, 3], "nodes_falsenodeids": [0, 2, 4],
        "nodes_trueleafs": [0, 1, 1], "nodes_falseleafs": [1, 1, 1], "leaf_targetids": [0] * 5,
        "leaf_weights": numpy_helper.from_array(np.arange(5, dtype=np.float32)), **changes,
    }  # fmt: skip
    node = helper.make_node("TreeEnsemble", ["history_age_days"], ["leaf"], domain="ai.onnx.ml", **attributes)
    return changed(lambda model: model.graph.node.append(node))


def chain(depth: int) -> bytes:
    """One tree of so many levels."""
    zeros = [0] * depth
    return trees(
        tree_roots=[0], nodes_featureids=zeros, nodes_truenodeids=[*range(1, depth), 0], nodes_falsenodeids=zeros,
        nodes_trueleafs=[*[0] * (depth - 1), 1], nodes_falseleafs=[1] * depth,
        nodes_modes=numpy_helper.from_array(np.zeros(depth, dtype=np.uint8)),
        nodes_splits=numpy_helper.from_array(np.zeros(depth, dtype=np.float32)),
    )  # fmt: skip


NO_TREES = {
    "a split outside": {"nodes_truenodeids": [3, 1, 3]},
    "a leaf outside": {"nodes_falsenodeids": [0, 2, 5]},
    "a reference below zero": {"nodes_truenodeids": [-1, 1, 3]},
    "a root outside": {"tree_roots": [0, 3]},
    "no root": {"tree_roots": [0]},
    "a root twice": {"tree_roots": [0, 0]},
    "a split that is its own child": {"nodes_truenodeids": [0, 1, 3], "tree_roots": [1, 2]},
    "a cycle": {"nodes_trueleafs": [0, 0, 1], "nodes_truenodeids": [1, 0, 3], "tree_roots": [2]},
    "a child of two": {"nodes_falseleafs": [0, 1, 1], "nodes_falsenodeids": [1, 2, 4]},
    "a flag that is none": {"nodes_trueleafs": [0, 2, 1]},
    "a target outside": {"leaf_targetids": [0, 0, 1, 0, 0]},
    "too few features": {"nodes_featureids": [0, 0]},
    "too few thresholds": {"nodes_splits": numpy_helper.from_array(np.zeros(2, dtype=np.float32))},
    "too few leaves": {"leaf_weights": numpy_helper.from_array(np.zeros(4, dtype=np.float32))},
    "a mode that looks into a set": {"nodes_modes": numpy_helper.from_array(np.array([0, 6, 0], dtype=np.uint8))},
    "a set": {"membership_values": FLOATS},
    "a feature that no table has": {"nodes_featureids": [0, 4096, 0]},
    "a feature that wraps": {"nodes_featureids": [0, 2**32 - 1, 0]},
    "two targets": {"n_targets": 2},
    "a list of targets": {"n_targets": [1, 5, 9]},
    "too few ways for what is missing": {"nodes_missing_value_tracks_true": [1, 1]},
}


def graph_attacks() -> Iterator[tuple[str, bytes, str]]:
    """Name, bytes and words of the refusal of every attack on a scorer."""
    for location in LOCATIONS:
        for place, change in enumerate(places(location)):
            yield f"data at {location!r}, place {place}", changed(change), "external data"
    for name, change in OVERSIZE.items():
        yield name, changed(change), ""
    for name, (change, words) in MORE_THAN_A_FUNCTION.items():
        yield name, changed(change), words
    for number_, content in enumerate(read_differently()):
        yield f"bytes that readers read differently, {number_}", content, "not one"
    for number_, content in enumerate(behind_a_fixed_width()):
        yield f"a loop behind a fixed width, {number_}", content, "not one"
    good = build_scorer().SerializeToString()
    yield "a field of a later form", good + number(26 << 3 | 2) + b"\0", "field 26 of the model"
    yield "a second graph", good + number(7 << 3 | 2) + b"\0", "inputs"  # some would merge it with the first
    for field in ("dim_param", "denotation"):
        yield f"a size whose {field} is no text", size_without_a_text(field), "not one"
    for name, changes in NO_TREES.items():
        yield name, trees(**changes), ""
    yield "a tree that is too deep", chain(1025), "at most 1024 levels"
