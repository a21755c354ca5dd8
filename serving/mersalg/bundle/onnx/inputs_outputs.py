"""The inputs and outputs that every scorer has, and the check of those that a model declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mersalg.bundle.onnx.protobuf import Field, fields, number_of, part, text
from mersalg.errors import BundleError

INPUTS: Final[dict[str, tuple[str, int]]] = {
    "cart": ("tensor(string)", 2),
    "history": ("tensor(string)", 2),
    "history_age_days": ("tensor(float)", 2),
    "history_quantity": ("tensor(float)", 2),
    "exclude": ("tensor(string)", 2),
    "only": ("tensor(string)", 2),
    "moment": ("tensor(int64)", 1),
    "kinds": ("tensor(bool)", 2),
    "limit": ("tensor(int64)", 1),
    "apply_threshold": ("tensor(bool)", 1),
    "by_value": ("tensor(bool)", 1),
    "by_moment": ("tensor(bool)", 1),
}
"""Name -> element type and rank of every input."""

OUTPUTS: Final[dict[str, tuple[str, int]]] = {
    "product_id": ("tensor(string)", 2),
    "kind": ("tensor(int64)", 2),
    "relevance": ("tensor(float)", 2),
    "score": ("tensor(float)", 2),
    "because": ("tensor(string)", 2),
    "lift": ("tensor(float)", 2),
    "due_in_days": ("tensor(float)", 2),
    "interval_days": ("tensor(float)", 2),
    "better": ("tensor(int64)", 2),
    "retrieved": ("tensor(int64)", 1),
    "best_relevance": ("tensor(float)", 2),
}

FINITE: Final = ("relevance", "score", "best_relevance")
"""Outputs in which no number is NaN or infinite."""

FIXED_WIDTHS: Final = {"kinds": 5, "best_relevance": 5}
"""The second dimension where it is not free."""

ELEMENTS: Final = {1: "tensor(float)", 7: "tensor(int64)", 8: "tensor(string)", 9: "tensor(bool)"}
"""TensorProto.DataType -> the element types of ports."""

# Field numbers of ValueInfoProto, TypeProto, its Tensor, TensorShapeProto and its Dimension.
PORT_NAME, PORT_TYPE, PORT_FIELDS = 1, 2, frozenset({1, 2, 3, 4})
TYPE_TENSOR, TYPE_FIELDS = 1, frozenset({1, 6})
TENSOR_ELEMENT, TENSOR_SHAPE, TENSOR_FIELDS = 1, 2, frozenset({1, 2})
SHAPE_SIZE, SIZE_VALUE, SIZE_FIELDS = 1, 1, frozenset({1, 2, 3})
SIZE_TEXTS = (2, 3)
"""What a free size is called, and what it denotes: a runtime hands them on as text."""


def check_ports(ports: list[memoryview], expected: Mapping[str, tuple[str, int]], where: str) -> None:
    """Refuse declared inputs or outputs of another name, type, rank or width; a free dimension has no number."""
    read = [read_port(port) for port in ports]
    names = {name for name, _, _ in read}
    if names != expected.keys() or len(read) != len(expected):
        missing, more = sorted(expected.keys() - names), sorted(names - expected.keys())
        raise BundleError(
            f"{where}: expected {', '.join(expected)}, each once; missing {missing}, not known {str(more)[:200]}"
        )
    for name, element, shape in read:
        wanted, rank = expected[name]
        if ELEMENTS.get(element) != wanted or len(shape) != rank:
            got = ELEMENTS.get(element, f"element type {element}")
            raise BundleError(f"{where}: {name}: expected {wanted} of rank {rank}, got {got} of rank {len(shape)}")
        for axis, size in enumerate(shape):
            fixed = FIXED_WIDTHS.get(name) if axis else 1
            if size is not None and size != fixed:
                raise BundleError(f"{where}: {name}: expected axis {axis} of size {fixed or 'any'}, got {size}")


def read_port(port: memoryview) -> tuple[str, int, list[int | None]]:
    """Name, element type (0 = none) and sizes of an input or output; None for a free size."""
    message = once(port, PORT_FIELDS)
    kind = once(part(message.get(PORT_TYPE, memoryview(b""))), TYPE_FIELDS)
    tensor = once(part(kind.get(TYPE_TENSOR, memoryview(b""))), TENSOR_FIELDS)
    sizes: list[int | None] = []
    for number, value in fields(part(tensor.get(TENSOR_SHAPE, memoryview(b"")))):
        if number != SHAPE_SIZE:
            raise ValueError("a field that is not known")
        size = once(part(value), SIZE_FIELDS)
        for called in SIZE_TEXTS:
            text(size.get(called, memoryview(b"")))
        sizes.append(number_of(size[SIZE_VALUE]) if SIZE_VALUE in size else None)
    return text(message.get(PORT_NAME, memoryview(b""))), number_of(tensor.get(TENSOR_ELEMENT, 0)), sizes


def once(message: memoryview, known: frozenset[int]) -> dict[int, Field]:
    """The fields of a message of which each may stand once; ValueError for one that is twice or not known."""
    result: dict[int, Field] = {}
    for number, value in fields(message):
        if number not in known or number in result:
            raise ValueError("a field that is not known, or twice")
        result[number] = value
    return result
