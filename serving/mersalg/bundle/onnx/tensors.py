"""A tensor of a scorer: its data are in the file, and as many as its shape says.

Tensors whose data lie elsewhere are refused, whatever the place is called: a path, a link, or an address in memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from mersalg.bundle.onnx.protobuf import Field, expect_known, fields, number_of, numbers_of, part, text, texts_of
from mersalg.bundle.texts import check_texts
from mersalg.errors import BundleError

MAX_DIMENSIONS: Final = 8
MAX_ELEMENTS: Final = 2**31 - 1
"""Of one tensor."""
WIDTHS: Final = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 8: 0, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}
"""TensorProto.DataType -> bytes of an element in raw data; a string (8) has none."""
TEXTS: Final = 8

# Field numbers of TensorProto.
TENSOR_SIZE, TENSOR_TYPE, TENSOR_TEXT, TENSOR_NAME, TENSOR_RAW = 1, 2, 6, 8, 9
TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION = 13, 14
TENSOR_NUMBERS = {4: 4, 5: 1, 7: 1, 10: 8, 11: 1}  # lists of numbers -> least bytes of an element
TENSOR_REST = frozenset({12, 16})
COUNTED = frozenset({TENSOR_TEXT})


@dataclass(frozen=True, eq=False)
class Tensor:
    """A checked tensor."""

    name: str
    elements: int
    data: memoryview
    """Its bytes where they are numbers in one piece, else empty."""


@dataclass(eq=False)
class Content:
    """What a tensor holds, in one of the three forms that protobuf has for it."""

    form: int = 0
    """The field of its numbers; 0 = none."""
    data: memoryview = field(default_factory=lambda: memoryview(b""))
    texts: list[bytes] = field(default_factory=list)

    def add(self, number: int, value: Field, where: str) -> None:
        """Note a field."""
        if number == TENSOR_TEXT:
            self.texts += texts_of(value)
        elif number == TENSOR_RAW or number in TENSOR_NUMBERS:
            if self.form:
                raise ValueError("data in two places")
            self.form, self.data = number, part(value)
        else:
            expect_known(number, TENSOR_REST, "a tensor", where)

    def holds(self, kind: int, elements: int) -> bool:
        """Whether this is as much as so many elements need, in one form."""
        if kind == TEXTS or self.texts:
            return kind == TEXTS and not self.form and len(self.texts) == elements
        if self.form == TENSOR_RAW:
            return len(self.data) == elements * WIDTHS[kind]
        return len(self.data) >= elements * TENSOR_NUMBERS.get(self.form, 1)


def check_tensor(tensor: memoryview, where: str) -> Tensor:
    """Refuse a tensor whose data lie in another file, or are not as many as its shape says."""
    shape: list[int] = []
    content = Content()
    name, kind = "", 0
    for number, value in fields(tensor, COUNTED):
        if number == TENSOR_EXTERNAL_DATA or (number == TENSOR_DATA_LOCATION and value != 0):
            raise BundleError(f"{where}: expected all data inside the file, got a tensor with external data")
        if number == TENSOR_SIZE:
            shape += numbers_of(value, MAX_DIMENSIONS)
            if len(shape) > MAX_DIMENSIONS:
                raise BundleError(f"{where}: expected tensors of at most {MAX_DIMENSIONS} dimensions, got more")
        elif number == TENSOR_TYPE:
            kind = number_of(value)
        elif number == TENSOR_NAME:
            name = text(value)
        elif number != TENSOR_DATA_LOCATION:
            content.add(number, value, where)
    check_texts(content.texts, where)
    elements = math.prod(shape)
    if kind not in WIDTHS or max(elements, *shape, 0) > MAX_ELEMENTS:
        raise BundleError(
            f"{where}: expected tensors of plain types and at most {MAX_ELEMENTS} elements, got type {kind} and "
            f"shape {shape}"
        )
    if not content.holds(kind, elements):
        raise BundleError(f"{where}: expected a tensor with as much data as its shape says, got {name[:80]!r}")
    return Tensor(name, elements, content.data)
