"""What a scorer may hold, read from its bytes before a runtime sees them.

A scorer is an ONNX ModelProto (protobuf, proto2, onnx.proto of IR version 10 and later) made of the operators below.
Refused are: other domains and versions of operators, subgraphs (If, Loop, Scan), functions, training graphs, tensors
whose data lie outside the file or are not as many as they say, trees that are none, other inputs and outputs than the
format's, and whatever field is not named below. So a scorer is a pure function of its inputs: it reads no file, and
no operator of it loops. The walk never recurses into a graph of a graph. All limits are constants here: none is taken
from the bundle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mersalg.bundle.onnx.inputs_outputs import INPUTS, OUTPUTS, check_ports
from mersalg.bundle.onnx.protobuf import expect_known, fields, number_of, numbers_of, part, text, texts_of
from mersalg.bundle.onnx.tensors import Tensor, check_tensor
from mersalg.bundle.onnx.trees import MAX_SPLITS, check_trees
from mersalg.bundle.texts import check_texts
from mersalg.errors import BundleError

OPSET: Final = 21
ML_OPSET: Final = 5
ML_DOMAIN: Final = "ai.onnx.ml"
IR_VERSIONS: Final = range(10, 14)

# fmt: off
OPERATORS: Final = frozenset({
    "Add", "And", "BitwiseAnd", "Cast", "Clip", "Compress", "Concat", "ConstantOfShape", "CumSum", "Equal", "Exp",
    "Expand", "Gather", "GatherElements", "Gemm", "Greater", "GreaterOrEqual", "Identity", "Less", "Log",
    "MatMul", "Max", "Min", "Mul", "Not", "Or", "Reciprocal", "ReduceMax", "ReduceSum", "Reshape", "Round",
    "ScatterElements", "Shape", "Slice", "Split", "Sqrt", "Sub", "TopK", "Transpose", "Unsqueeze", "Where",
})
# fmt: on
ML_OPERATORS: Final = frozenset({"LabelEncoder", "TreeEnsemble"})
"""What the exporter writes, and nothing else: tests/contract/test_operators.py holds the lists equal.

None divides whole numbers, which ends the process where the divisor is zero, or -1 below the least number.
"""

MAX_DOMAINS: Final = 16
MAX_NODES: Final = 10_000
MAX_TENSORS: Final = 10_000
MAX_PORTS: Final = 64
MAX_ATTRIBUTES: Final = 64
"""Of one node."""
MAX_VALUES: Final = 1024
"""Inputs and outputs of one node."""
MAX_NAME_BYTES: Final = 1024
"""Bytes of the name of a node's value."""
LAST_MODE: Final = 5
"""Of a split: the modes up to here compare with a number, the next looks into a set."""

# Field numbers of onnx.proto; a field that is not named here is refused.
MODEL_IR, MODEL_GRAPH, MODEL_OPSET, MODEL_TRAINING, MODEL_FUNCTIONS = 1, 7, 8, 20, 25
MODEL_REST = frozenset({2, 3, 4, 5, 6, 14})  # who made it, documentation, metadata: never read
OPSET_DOMAIN, OPSET_VERSION = 1, 2
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_SPARSE = 1, 5, 11, 12, 15
GRAPH_REST = frozenset({2, 10, 13, 16})  # name, documentation, shapes in between, metadata
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 4, 5, 7
NODE_REST = frozenset({3, 6, 9})
ATTRIBUTE_NAME, ATTRIBUTE_INT, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_INTS, ATTRIBUTE_GRAPHS = 1, 3, 5, 6, 8, 11
ATTRIBUTE_TEXT, ATTRIBUTE_TEXTS = 4, 9
ATTRIBUTE_REST = frozenset({2, 7, 13, 20})  # float, floats, documentation, type
ATTRIBUTE_LISTS = frozenset({ATTRIBUTE_INTS, ATTRIBUTE_TEXTS})


def check_graph(model: bytes, where: str) -> None:
    """Refuse a model that is more than a pure function made of allowed operators."""
    try:
        check_model(memoryview(model), where)
    except (ValueError, IndexError):
        raise BundleError(
            f"{where}: expected an ONNX model, got bytes that are not one; export the bundle again"
        ) from None


def check_model(model: memoryview, where: str) -> None:
    """Check the parts of a model. ValueError or IndexError where the bytes are damaged."""
    versions: dict[str, int] = {}
    graphs, written = 0, 0
    for number, value in fields(model):
        if number == MODEL_GRAPH:
            graphs += 1
            check_parts(part(value), where)
        elif number == MODEL_OPSET:
            read_opset(part(value), versions)
        elif number in (MODEL_TRAINING, MODEL_FUNCTIONS):
            raise BundleError(f"{where}: expected a plain graph, got one with functions or a training graph")
        elif number == MODEL_IR:
            written = number_of(value)
        else:
            expect_known(number, MODEL_REST, "the model", where)
    if graphs != 1:
        raise BundleError(f"{where}: expected an ONNX model with one graph, got {graphs}; export the bundle again")
    if (
        versions.get("") != OPSET
        or versions.get(ML_DOMAIN, ML_OPSET) != ML_OPSET
        or not versions.keys() <= {"", ML_DOMAIN}
    ):
        raise BundleError(f"{where}: expected opset {OPSET} and {ML_DOMAIN} {ML_OPSET}, got {str(versions)[:200]}")
    if written not in IR_VERSIONS:
        raise BundleError(
            f"{where}: expected an IR version from {IR_VERSIONS[0]} to {IR_VERSIONS[-1]}, got {written}; "
            "export the bundle again"
        )


@dataclass(eq=False)
class Parts:
    """What the walk has seen of a graph."""

    nodes: int = 0
    tensors: int = 0
    inputs: list[memoryview] = field(default_factory=list)
    outputs: list[memoryview] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    """Names of values: a second definition of one would leave open which is meant."""

    def define(self, name: str, where: str) -> None:
        """Note a value; an unused output has no name."""
        if name in self.defined:
            raise BundleError(f"{where}: expected every value to be defined once, got {name[:80]!r} twice")
        if name:
            self.defined.add(name)

    def use(self, name: memoryview, is_output: bool, where: str) -> None:
        """Note an input or an output of a node."""
        if len(name) > MAX_NAME_BYTES:
            raise BundleError(f"{where}: expected names of at most {MAX_NAME_BYTES} bytes, got one of {len(name)}")
        if is_output:
            self.define(text(name), where)


def check_parts(graph: memoryview, where: str) -> None:
    """Check nodes, constants, inputs and outputs of the graph."""
    parts = Parts(defined=set(INPUTS))
    for number, value in fields(graph):
        if number == GRAPH_NODE:
            parts.nodes += 1
            check_node(part(value), parts, where)
        elif number == GRAPH_INITIALIZER:
            parts.tensors += 1
            parts.define(check_tensor(part(value), where).name, where)
        elif number == GRAPH_INPUT:
            parts.inputs.append(part(value))
        elif number == GRAPH_OUTPUT:
            parts.outputs.append(part(value))
        elif number == GRAPH_SPARSE:
            raise BundleError(f"{where}: expected plain tensors, got a sparse tensor, maybe with external data")
        else:
            expect_known(number, GRAPH_REST, "the graph", where)
        if parts.nodes > MAX_NODES or parts.tensors > MAX_TENSORS or len(parts.inputs + parts.outputs) > MAX_PORTS:
            raise BundleError(
                f"{where}: expected at most {MAX_NODES} nodes, {MAX_TENSORS} tensors and {MAX_PORTS} inputs and "
                "outputs, got more"
            )
    check_ports(parts.inputs, INPUTS, f"{where}: inputs")
    check_ports(parts.outputs, OUTPUTS, f"{where}: outputs")


def check_node(node: memoryview, parts: Parts, where: str) -> None:
    """Check the operator, the attributes and the names of a node."""
    operator = domain = ""
    attributes: list[memoryview] = []
    values = 0
    for number, value in fields(node):
        if number in (NODE_INPUT, NODE_OUTPUT):
            values += 1
            parts.use(part(value), number == NODE_OUTPUT, where)
        elif number == NODE_OPERATOR:
            operator = text(value)
        elif number == NODE_ATTRIBUTE:
            attributes.append(part(value))
        elif number == NODE_DOMAIN:
            domain = text(value)
        else:
            expect_known(number, NODE_REST, "a node", where)
        if len(attributes) > MAX_ATTRIBUTES or values > MAX_VALUES:
            raise BundleError(
                f"{where}: expected at most {MAX_ATTRIBUTES} attributes and {MAX_VALUES} values of a node, got "
                f"{len(attributes)} and {values}"
            )
    name = f"{domain}.{operator}" if domain else operator
    if operator not in {"": OPERATORS, ML_DOMAIN: ML_OPERATORS}.get(domain, frozenset()):
        raise BundleError(f"{where}: expected operators of the bundle format only, got {name[:80]!r}")
    if domain == ML_DOMAIN and operator == "TreeEnsemble":
        check_ensemble(attributes, where)
    else:
        for attribute in attributes:
            check_attribute(attribute, where)


def check_attribute(attribute: memoryview, where: str) -> tuple[str, Tensor | None]:
    """The name and the tensor of an attribute that holds no subgraph."""
    name, tensor = "", None
    texts: list[bytes] = []
    for number, value in fields(attribute, ATTRIBUTE_LISTS):
        if number in (ATTRIBUTE_INTS, ATTRIBUTE_INT) or number in ATTRIBUTE_REST:
            continue
        if number == ATTRIBUTE_NAME:
            name = text(value)
        elif number == ATTRIBUTE_TEXT:
            texts.append(part(value).tobytes())
        elif number == ATTRIBUTE_TEXTS:
            texts += texts_of(value)
        elif number in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
            raise BundleError(f"{where}: expected a graph without subgraphs, got a node that holds one")
        elif number == ATTRIBUTE_TENSOR and tensor is None:
            tensor = check_tensor(part(value), where)
        else:
            expect_known(number, ATTRIBUTE_REST, "an attribute", where)
    check_texts(texts, where)
    return name, tensor


def check_ensemble(attributes: list[memoryview], where: str) -> None:
    """Check the attributes of a TreeEnsemble, and that its references draw trees that compare."""
    lists: dict[str, list[int]] = {}
    tensors: dict[str, Tensor] = {}
    for attribute in attributes:
        name, tensor = check_attribute(attribute, where)
        if name in lists or name == "membership_values":
            raise BundleError(f"{where}: expected attributes that are there once and of the format, got {name[:80]!r}")
        lists[name] = whole_numbers(attribute, where)
        if tensor is not None:
            tensors[name] = tensor
    check_trees(lists, {name: tensor.elements for name, tensor in tensors.items()}, where)
    if max(tensors["nodes_modes"].data, default=LAST_MODE + 1) > LAST_MODE:
        raise BundleError(f"{where}: expected trees that compare with a number, got another mode")


def whole_numbers(attribute: memoryview, where: str) -> list[int]:
    """The whole numbers of an attribute."""
    result: list[int] = []
    for number, value in fields(attribute):
        if number in (ATTRIBUTE_INTS, ATTRIBUTE_INT):
            result += numbers_of(value, MAX_SPLITS)
            if len(result) > MAX_SPLITS:
                raise BundleError(f"{where}: expected trees of at most {MAX_SPLITS} splits, got more")
    return result


def read_opset(opset: memoryview, versions: dict[str, int]) -> None:
    """Add an operator set's domain and version."""
    domain, version = "", 0
    for number, value in fields(opset):
        if number == OPSET_DOMAIN:
            domain = text(value)
        elif number == OPSET_VERSION and isinstance(value, int):
            version = value
        else:
            raise ValueError("a field that is not known")
    if versions.setdefault(domain, version) != version or len(versions) > MAX_DOMAINS:
        raise ValueError("two versions of one operator set, or too many sets")
