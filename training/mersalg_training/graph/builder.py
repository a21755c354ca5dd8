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

    def __truediv__(self, other: Value | Scalar) -> Value:
        return self.op("Div", other)

    def __floordiv__(self, other: int) -> Value:
        """Division of integers that are not negative."""
        return self.op("Div", other)

    def __mod__(self, other: int) -> Value:
        return self.op("Mod", other)

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

    def gather(self, indices: Value, axis: int = 0) -> Value:
        """Rows of this value at integer indices."""
        return self.op("Gather", indices, axis=axis)

    def gather_elements(self, indices: Value, axis: int = 1) -> Value:
        """The elements at indices of the same rank."""
        return self.op("GatherElements", indices, axis=axis)

    def reshape(self, *dims: int | Value) -> Value:
        """This value with other dimensions: 0 keeps one, -1 is the rest, a Value is computed when run."""
        return self.op("Reshape", self.graph.dims(*dims))

    def unsqueeze(self, axis: int) -> Value:
        """This value with an axis of size 1 more."""
        return self.op("Unsqueeze", self.graph.constant(np.array([axis])))

    def squeeze(self, axis: int) -> Value:
        """This value without an axis of size 1."""
        return self.op("Squeeze", self.graph.constant(np.array([axis])))

    def expand(self, *dims: int | Value) -> Value:
        """This value broadcast to dimensions."""
        return self.op("Expand", self.graph.dims(*dims))

    def dim(self, axis: int) -> Value:
        """(1,) int64: the size of an axis, known when run. Axis 0 is the batch, of one size in the whole graph."""
        of = self if axis else Value(self.graph, self.graph.inputs[0].name)
        return of.op("Shape", start=axis, end=axis + 1)

    def turned(self) -> Value:
        """(n, b, a) of (n, a, b)."""
        return self.op("Transpose", perm=[0, 2, 1])

    def slice(self, axis: int, start: int, end: int | Value) -> Value:
        """This value from `start` to before `end` along one axis."""
        constant = self.graph.constant
        last = end if isinstance(end, Value) else constant(np.array([end]))
        return self.op("Slice", constant(np.array([start])), last, constant(np.array([axis])))

    def sum(self, axis: int, *, keep: bool = False) -> Value:
        """The sum along an axis."""
        return self.op("ReduceSum", self.graph.constant(np.array([axis])), keepdims=int(keep))

    def max(self, axis: int, *, keep: bool = False) -> Value:
        """The largest along an axis."""
        return self.op("ReduceMax", self.graph.constant(np.array([axis])), keepdims=int(keep))

    def min(self, axis: int, *, keep: bool = False) -> Value:
        """The smallest along an axis."""
        return self.op("ReduceMin", self.graph.constant(np.array([axis])), keepdims=int(keep))

    def steps(self, of_one: int) -> Value:
        """How many steps of 1 / of_one, a power of two, it is, rounded: float32.

        Sums that should be equal differ in their last bits, otherwise in every runtime; by their steps they are equal.
        """
        return (self * float(of_one)).op("Round")

    def cumsum(self, axis: int) -> Value:
        """The running sum along an axis."""
        return self.op("CumSum", self.graph.constant(np.array(axis)))

    def sorted(self, *, k: Value, largest: bool) -> tuple[Value, Value]:
        """The k first along the last axis in order, with their positions; ties to the lower position."""
        values, positions = self.graph.node("TopK", [self, k], 2, axis=-1, largest=int(largest), sorted=1)
        return values, positions

    def scatter(self, indices: Value, updates: Value, reduction: str = "none", axis: int = 1) -> Value:
        """This value with updates laid at indices of the same shape, along one axis."""
        return self.op("ScatterElements", indices, updates, axis=axis, reduction=reduction)

    def columns_at(self, place: Value, n_rows: int) -> Value:
        """(n, n_rows, m) of this value (n, n_rows, width) at the columns (n, m): the same ones of every row."""
        return self.gather_elements(place.unsqueeze(1).expand(1, n_rows, 1), axis=2)


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

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Values side by side along an axis."""
        return self.op("Concat", *values, axis=axis)

    def rows(self, value: Value, n_rows: int) -> list[Value]:
        """The rows (n, width) of a value (n, n_rows, width)."""
        return [row.squeeze(1) for row in self.node("Split", [value], n_rows, axis=1, num_outputs=n_rows)]

    def dims(self, *dims: int | Value) -> Value:
        """(n,) int64 shape of constants and computed dimensions."""
        if all(isinstance(d, int) for d in dims):
            return self.constant(np.array(dims, dtype=np.int64))
        return self.concat(
            [d if isinstance(d, Value) else self.constant(np.array([d], dtype=np.int64)) for d in dims], 0
        )

    def full(self, fill: Scalar, *dims: int | Value) -> Value:
        """A tensor of one number."""
        return self.constant(fill).expand(*dims)

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
