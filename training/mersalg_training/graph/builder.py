"""A small builder for ONNX graphs: values that know arithmetic, constants stored once, names kept unique."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET: Final = 21
ML_OPSET: Final = 5
IR_VERSION: Final = 10
ML: Final = "ai.onnx.ml"

Scalar = float | int | bool


class Value:
    """A tensor of the graph under construction.

    Arithmetic with a Python number takes the number's own type: an int is int64, a float float32.
    """

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        self.graph = graph
        self.name = name

    def op(self, kind: str, *others: Value | Scalar, **attributes: Any) -> Value:
        """The first output of a node whose first input is this value."""
        return self.graph.op(kind, self, *others, **attributes)

    def __add__(self, other: Value | Scalar) -> Value:
        return self.op("Add", other)

    def __sub__(self, other: Value | Scalar) -> Value:
        return self.op("Sub", other)

    def __mul__(self, other: Value | Scalar) -> Value:
        return self.op("Mul", other)

    def __truediv__(self, other: Value) -> Value:
        """Division of floats, by `Reciprocal`: `Div` takes integers too, and one by zero ends the process."""
        return self * other.op("Reciprocal")

    def __floordiv__(self, power: int) -> Value:
        """Division of int64 by a power of two; below 2**24 and not negative, which float32 holds exactly."""
        return (self.op("BitwiseAnd", -power).floats() * (1.0 / power)).integers()

    def __lt__(self, other: Value | Scalar) -> Value:
        return self.op("Less", other)

    def __gt__(self, other: Value | Scalar) -> Value:
        return self.op("Greater", other)

    def __ge__(self, other: Value | Scalar) -> Value:
        return self.op("GreaterOrEqual", other)

    def __and__(self, other: Value) -> Value:
        return self.op("And", other)

    def __or__(self, other: Value) -> Value:
        return self.op("Or", other)

    def __invert__(self) -> Value:
        return self.op("Not")

    def equal(self, other: Value | Scalar) -> Value:
        """Elementwise equality."""
        return self.op("Equal", other)

    def cast(self, dtype: int) -> Value:
        """This value as another element type."""
        return self.op("Cast", to=dtype)

    def floats(self) -> Value:
        """This value as float32."""
        return self.cast(TensorProto.FLOAT)

    def integers(self) -> Value:
        """This value as int64."""
        return self.cast(TensorProto.INT64)

    def at(self, place: Value) -> Value:
        """The elements of this value (width,) at places (m,).

        A number by `Gather` costs as much as a row, nine times what it costs by `GatherElements`.
        """
        return self.op("GatherElements", place, axis=0)

    def rows_at(self, place: Value, axis: int = 0) -> Value:
        """The rows of this value at places; at a place without dimensions one row, without the axis."""
        return self.op("Gather", place, axis=axis)

    def row(self, number: int) -> Value:
        """One row of this value, without the axis."""
        return self.rows_at(self.graph.constant(number))

    def kept(self, condition: Value) -> Value:
        """The elements, or rows, of this value where a condition (width,) holds."""
        return self.op("Compress", condition, axis=0)

    def reshape(self, *dims: int) -> Value:
        """This value with other dimensions; -1 is the rest."""
        return self.op("Reshape", self.graph.constant(np.array(dims, dtype=np.int64)))

    def flat(self) -> Value:
        """This value as one row, (size,)."""
        return self.reshape(-1)

    def unsqueeze(self, axis: int) -> Value:
        """This value with an axis of size 1 more."""
        return self.op("Unsqueeze", self.graph.constant(np.array([axis])))

    def expand(self, *dims: int) -> Value:
        """This value broadcast to dimensions, 1 for those that it has."""
        return self.op("Expand", self.graph.constant(np.array(dims)))

    def dim(self, axis: int = 0) -> Value:
        """(1,) int64: the size of an axis, known when run."""
        return self.op("Shape", start=axis, end=axis + 1)

    def turned(self) -> Value:
        """(b, a) of (a, b)."""
        return self.op("Transpose", perm=[1, 0])

    def slice(self, start: int, end: int) -> Value:
        """This value from `start` to before `end` along its first axis."""
        return self.op("Slice", *(self.graph.constant(np.array([number])) for number in (start, end, 0)))

    def sum(self, axis: int = 0, *, keep: bool = True) -> Value:
        """The sum along an axis, which stays as one of size 1."""
        return self.op("ReduceSum", self.graph.constant(np.array([axis])), keepdims=int(keep))

    def max(self, axis: int = 0, *, keep: bool = True) -> Value:
        """The largest along an axis, which stays as one of size 1; -inf where there is nothing."""
        return self.op("ReduceMax", self.graph.constant(np.array([axis])), keepdims=int(keep))

    def count(self) -> Value:
        """(1,) float32: how often this condition (width,) holds, below 2**24. onnxruntime adds up integers slowly."""
        return self.floats().sum()

    def steps(self, of_one: int) -> Value:
        """How many steps of 1 / of_one, a power of two, it is, rounded: float32.

        Sums that should be equal differ in their last bits, otherwise in every runtime; by their steps they are equal.
        """
        return (self * float(of_one)).op("Round")

    def cumsum(self) -> Value:
        """The running sum of (width,)."""
        return self.op("CumSum", 0)

    def sorted(self, *, k: Value, largest: bool) -> tuple[Value, Value]:
        """The k first of (width,) in order, with their positions; ties to the lower position."""
        values, positions = self.graph.node("TopK", [self, k], 2, axis=-1, largest=int(largest), sorted=1)
        return values, positions

    def scatter(self, indices: Value, updates: Value, reduction: str = "none", axis: int = 0) -> Value:
        """This value with updates laid at indices of the same shape, along one axis."""
        return self.op("ScatterElements", indices, updates, axis=axis, reduction=reduction)


class GraphBuilder:
    """Collects nodes, constants, inputs and outputs; every method that makes a node gives its Value."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], Value] = {}
        self._named: dict[str, Value] = {}
        self._made: dict[tuple[Any, ...], list[Value]] = {}

    def input(self, name: str, dtype: int, dims: Sequence[str | int]) -> Value:
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return Value(self, name)

    def output(self, value: Value, name: str, dtype: int, dims: Sequence[str | int]) -> None:
        """Name a value as an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, dims))

    def constant(self, array: npt.NDArray[Any] | Scalar, name: str | None = None) -> Value:
        """An initializer. One of a known name, or a small one of equal type, shape and content, is stored once."""
        if name is not None and name in self._named:
            return self._named[name]
        if isinstance(array, bool):
            array = np.array(array)
        elif isinstance(array, int):
            array = np.array(array, dtype=np.int64)
        elif isinstance(array, float):
            array = np.array(array, dtype=np.float32)
        small = name is None and array.dtype != object and array.size <= 64
        key = (str(array.dtype), array.shape, array.tobytes()) if small else None
        if key is not None and key in self._known:
            return self._known[key]
        value = Value(self, name or f"constant_{len(self.initializers)}")
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), value.name))
        if key is not None:
            self._known[key] = value
        if name is not None:
            self._named[name] = value
        return value

    def halves(self, array: npt.NDArray[np.float32], name: str) -> Value:
        """An initializer in half precision, of numbers that it holds exactly; what is gathered of it is cast back."""
        half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            raise ValueError(f"{name}: expected numbers that are rounded to half precision")
        return self.constant(half, name)

    def node(self, kind: str, inputs: Sequence[Value | Scalar], outputs: int = 1, **attributes: Any) -> list[Value]:
        """A node's outputs; numbers among the inputs become constants. A node that exists already is not made again."""
        values = [i if isinstance(i, Value) else self.constant(i) for i in inputs]
        known = (kind, *(value.name for value in values), outputs, repr(sorted(attributes.items())))
        if known in self._made:
            return self._made[known]
        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [v.name for v in values], names, **attributes))
        self._made[known] = [Value(self, name) for name in names]
        return self._made[known]

    def op(self, kind: str, *inputs: Value | Scalar, **attributes: Any) -> Value:
        """The first output of a node."""
        return self.node(kind, inputs, **attributes)[0]

    def where(self, condition: Value, then: Value | Scalar, otherwise: Value | Scalar) -> Value:
        """Elementwise choice."""
        return self.op("Where", condition, then, otherwise)

    def concat(self, values: Sequence[Value], axis: int = 0) -> Value:
        """Values side by side along an axis."""
        return self.op("Concat", *values, axis=axis)

    def full(self, fill: Scalar, *dims: int | Value) -> Value:
        """A tensor of one number; a Value, (1,) int64, is a dimension that is computed when run."""
        dtype = np.dtype(bool if isinstance(fill, bool) else np.int64 if isinstance(fill, int) else np.float32)
        if not any(isinstance(d, Value) for d in dims):
            known = tuple(d for d in dims if isinstance(d, int))
            return self.constant(np.full(known, fill, dtype=dtype), f"full_{dtype}_{fill}_{known}")
        sizes = [d if isinstance(d, Value) else self.constant(np.array([d])) for d in dims]
        shape = sizes[0] if len(sizes) == 1 else self.concat(sizes)
        return self.op("ConstantOfShape", shape, value=numpy_helper.from_array(np.array([fill], dtype=dtype)))

    def absorb(self, node: onnx.NodeProto) -> Value:
        """Add a ready node; its first output."""
        self.nodes.append(node)
        return Value(self, node.output[0])

    def model(self) -> onnx.ModelProto:
        """The finished, checked model."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="mersalg")
        onnx.checker.check_model(model, full_check=False)
        return model
