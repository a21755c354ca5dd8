"""What a scorer may hold, read from its bytes before a runtime sees them.

A scorer is an ONNX ModelProto (protobuf, proto2, onnx.proto of IR version 10 and later) made of the operators below.
Refused are: other domains and versions of operators, subgraphs (If, Loop, Scan), functions, training graphs, and
tensors whose data lie outside the file. So a scorer is a pure function of its inputs: it reads no file and runs for a
bounded time. The walk skips what it does not need and never recurses into a graph of a graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mersalg.errors import BundleError

OPSET: Final = 21
ML_OPSET: Final = 5
ML_DOMAIN: Final = "ai.onnx.ml"

# fmt: off
OPERATORS: Final = frozenset({
    "Abs", "Add", "And", "ArgMax", "ArgMin", "BitShift", "BitwiseAnd", "BitwiseOr", "Cast", "Ceil", "Clip",
    "Compress", "Concat", "Constant", "ConstantOfShape", "CumSum", "Div", "Einsum", "Equal", "Erf", "Exp", "Expand",
    "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Gemm", "Greater", "GreaterOrEqual", "Identity",
    "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "MatMul", "Max", "Mean", "Min", "Mod", "Mul", "Neg", "NonZero",
    "Not", "OneHot", "Or", "Pad", "Pow", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSumExp",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Round",
    "ScatterElements", "ScatterND", "Shape", "Sigmoid", "Sign", "Size", "Slice", "Softmax", "Softplus", "Split",
    "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "TopK", "Transpose", "Trilu", "Unique", "Unsqueeze", "Where",
    "Xor",
})
# fmt: on
ML_OPERATORS: Final = frozenset({"ArrayFeatureExtractor", "LabelEncoder", "TreeEnsemble"})

# Field numbers of onnx.proto.
MODEL_GRAPH, MODEL_OPSET, MODEL_TRAINING, MODEL_FUNCTIONS = 7, 8, 20, 25
OPSET_DOMAIN, OPSET_VERSION = 1, 2
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_SPARSE_INITIALIZER = 1, 5, 15
NODE_OPERATOR, NODE_ATTRIBUTE, NODE_DOMAIN = 4, 5, 7
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = 5, 6, 10, 11
ATTRIBUTE_SPARSE_TENSOR, ATTRIBUTE_SPARSE_TENSORS = 22, 23
TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION = 13, 14
SPARSE_PARTS = (1, 2)

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def check_graph(model: bytes, where: str) -> None:
    """Refuse a model that is more than a pure function made of allowed operators."""
    versions: dict[str, int] = {}
    graphs = 0
    try:
        for number, value in fields(memoryview(model)):
            if number == MODEL_GRAPH:
                graphs += 1
                check_nodes(part(value), where)
            elif number == MODEL_OPSET:
                read_opset(part(value), versions)
            elif number in (MODEL_TRAINING, MODEL_FUNCTIONS):
                raise BundleError(f"{where}: expected a plain graph, got one with functions or a training graph")
    except (ValueError, IndexError):
        raise BundleError(
            f"{where}: expected an ONNX model, got bytes that are not one; export the bundle again"
        ) from None
    if graphs != 1:
        raise BundleError(f"{where}: expected an ONNX model with one graph, got {graphs}; export the bundle again")
    if (
        versions.get("") != OPSET
        or versions.get(ML_DOMAIN, ML_OPSET) != ML_OPSET
        or not versions.keys() <= {"", ML_DOMAIN}
    ):
        raise BundleError(f"{where}: expected opset {OPSET} and {ML_DOMAIN} {ML_OPSET}, got {versions}")


def check_nodes(graph: memoryview, where: str) -> None:
    """Check the nodes and initialisers of the graph."""
    for number, value in fields(graph):
        if number == GRAPH_NODE:
            check_node(part(value), where)
        elif number == GRAPH_INITIALIZER:
            check_tensor(part(value), where)
        elif number == GRAPH_SPARSE_INITIALIZER:
            check_sparse_tensor(part(value), where)


def check_node(node: memoryview, where: str) -> None:
    """Check the operator and the attributes of a node."""
    operator = domain = ""
    for number, value in fields(node):
        if number == NODE_OPERATOR:
            operator = str(part(value), "utf-8")
        elif number == NODE_DOMAIN:
            domain = str(part(value), "utf-8")
        elif number == NODE_ATTRIBUTE:
            check_attribute(part(value), where)
    allowed = {"": OPERATORS, ML_DOMAIN: ML_OPERATORS}.get(domain, frozenset())
    if operator not in allowed:
        name = f"{domain}.{operator}" if domain else operator
        raise BundleError(f"{where}: expected operators of the bundle format only, got {name[:80]!r}")


def check_attribute(attribute: memoryview, where: str) -> None:
    """Refuse a subgraph, and check the tensors of an attribute."""
    for number, value in fields(attribute):
        if number in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
            raise BundleError(f"{where}: expected a graph without subgraphs, got a node that holds one")
        if number in (ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS):
            check_tensor(part(value), where)
        elif number in (ATTRIBUTE_SPARSE_TENSOR, ATTRIBUTE_SPARSE_TENSORS):
            check_sparse_tensor(part(value), where)


def check_sparse_tensor(tensor: memoryview, where: str) -> None:
    """Check the values and the indices of a sparse tensor."""
    for number, value in fields(tensor):
        if number in SPARSE_PARTS:
            check_tensor(part(value), where)


def check_tensor(tensor: memoryview, where: str) -> None:
    """Refuse a tensor whose data lie in another file."""
    for number, value in fields(tensor):
        if number == TENSOR_EXTERNAL_DATA or (number == TENSOR_DATA_LOCATION and value != 0):
            raise BundleError(f"{where}: expected all data inside the file, got a tensor with external data")


def read_opset(opset: memoryview, versions: dict[str, int]) -> None:
    """Add an operator set's domain and version."""
    domain, version = "", 0
    for number, value in fields(opset):
        if number == OPSET_DOMAIN:
            domain = str(part(value), "utf-8")
        elif number == OPSET_VERSION and isinstance(value, int):
            version = value
    if versions.setdefault(domain, version) != version:
        raise ValueError("two versions of one operator set")


def part(value: int | memoryview) -> memoryview:
    """A field that must be a message or a text."""
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")
    return value


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of a protobuf message, in order. ValueError or IndexError if it is damaged."""
    position, end = 0, len(message)
    while position < end:
        tag, position = varint(message, position)
        wire = tag & 7
        if wire == VARINT:
            number, position = varint(message, position)
            yield tag >> 3, number
            continue
        if wire == BYTES:
            length, position = varint(message, position)
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise ValueError("a protobuf group")
        if length > end - position:
            raise ValueError("a field that is longer than its message")
        yield tag >> 3, message[position : position + length]
        position += length


def varint(message: memoryview, position: int) -> tuple[int, int]:
    """A base-128 number and the position after it."""
    byte = message[position]
    if byte < 0x80:
        return byte, position + 1
    number, shift = byte & 0x7F, 7
    while byte >= 0x80:
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
        position += 1
        byte = message[position]
        number |= (byte & 0x7F) << shift
        shift += 7
    return number, position + 1
