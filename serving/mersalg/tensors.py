"""A tensor of a scorer: its data are in the file, and as many as its shape says.

Tensors whose data lie elsewhere are refused, whatever the place is called: a path, a link, or an address in memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from mersalg.errors import BundleError
from mersalg.protobuf import expect_known, fields, number_of, numbers_of, part, text

MOST_DIMENSIONS: Final = 8
MOST_ELEMENTS: Final = 2**31 - 1
"""Of one tensor."""
WIDTHS: Final = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 8: 0, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}
"""TensorProto.DataType -> bytes of an element in raw data; a string (8) has none."""
TEXTS: Final = 8

# Field numbers of TensorProto.
TENSOR_SIZE, TENSOR_TYPE, TENSOR_TEXT, TENSOR_NAME, TENSOR_RAW = 1, 2, 6, 8, 9
TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION = 13, 14
TENSOR_NUMBERS = {4: 4, 5: 1, 7: 1, 10: 8, 11: 1}  # lists of numbers -> least bytes of an element
TENSOR_REST = frozenset({12, 16})


@dataclass(frozen=True, eq=False)
class Tensor:
    """A checked tensor."""

    name: str
    elements: int
    data: memoryview
    """Its bytes where they are numbers in one piece, else empty."""


@dataclass(eq=False)
class Content:
    """What a tensor holds, in the three forms that protobuf has for it."""

    raw: list[memoryview] = field(default_factory=list)
    numbers: list[memoryview] = field(default_factory=list)
    forms: set[int] = field(default_factory=set)
    entries: int = 0
    """At most so many numbers are in the lists."""
    texts: int = 0

    def add(self, number: int, value: int | memoryview, where: str) -> None:
        """Note a field."""
        if number == TENSOR_TEXT:
            self.texts += 1
        elif number == TENSOR_RAW:
            self.raw.append(part(value))
        elif number in TENSOR_NUMBERS:
            self.forms.add(number)
            self.entries += 1 if isinstance(value, int) else len(value) // TENSOR_NUMBERS[number]
            self.numbers += [] if isinstance(value, int) else [value]
        else:
            expect_known(number, TENSOR_REST, "a tensor", where)

    def holds(self, kind: int, elements: int) -> bool:
        """Whether this is as much as so many elements need, in one form."""
        if kind == TEXTS:
            return not self.raw and not self.forms and self.texts == elements
        if self.raw:
            return (
                len(self.raw) == 1 and not self.forms and not self.texts and len(self.raw[0]) == elements * WIDTHS[kind]
            )
        return len(self.forms) <= 1 and not self.texts and self.entries >= elements


def check_tensor(tensor: memoryview, where: str) -> Tensor:
    """Refuse a tensor whose data lie in another file, or are not as many as its shape says."""
    shape: list[int] = []
    content = Content()
    name, kind = "", 0
    for number, value in fields(tensor):
        if number == TENSOR_EXTERNAL_DATA or (number == TENSOR_DATA_LOCATION and value != 0):
            raise BundleError(f"{where}: expected all data inside the file, got a tensor with external data")
        if number == TENSOR_SIZE:
            shape += numbers_of(value)
        elif number == TENSOR_TYPE:
            kind = number_of(value)
        elif number == TENSOR_NAME:
            name = text(value)
        elif number != TENSOR_DATA_LOCATION:
            content.add(number, value, where)
    elements = math.prod(shape)
    if kind not in WIDTHS or len(shape) > MOST_DIMENSIONS or max(elements, *shape, 0) > MOST_ELEMENTS:
        raise BundleError(
            f"{where}: expected tensors of plain types, of at most {MOST_DIMENSIONS} dimensions and {MOST_ELEMENTS} "
            f"elements, got type {kind} and shape {str(shape)[:200]}"
        )
    if not content.holds(kind, elements):
        raise BundleError(f"{where}: expected a tensor with as much data as its shape says, got {name[:80]!r}")
    pieces = content.raw or content.numbers
    return Tensor(name, elements, pieces[0] if len(pieces) == 1 else memoryview(b""))
