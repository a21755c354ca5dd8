"""The fields of a protobuf message, read from its bytes without a library.

The encoding is that of protobuf.dev/programming-guides/encoding. Where protobuf libraries differ in what they make of
odd bytes, this reader refuses them, so that it cannot be told another story than the runtime: groups, field number 0,
tags above 32 bits, numbers above 64 bits, and a number where a message belongs. A number of fixed width, which no field
that is read here has, is None: libraries skip such a field, and taken for a text it would hide the real one. Damage is
a ValueError or an IndexError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mersalg.errors import BundleError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_SIGNED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FieldRun:
    """Fields of one number and one wire type, varints or bytes, that follow each other."""

    count: int
    texts: list[bytes]
    """The fields where they are bytes."""


Field = int | memoryview | FieldRun | None
"""A number, the bytes of a text or message, or a number of fixed width; a FieldRun where the count was asked for."""


def fields(message: memoryview, counted: frozenset[int] = frozenset()) -> Iterator[tuple[int, Field]]:
    """Field numbers and values of a message, in order; those of `counted` numbers, all below 16, as runs.

    A vocabulary is a hundred thousand texts, which are counted and looked at together.
    """
    position, end = 0, len(message)
    while position < end:
        tag = message[position]
        position += 1
        if tag >= 0x80:
            tag, position = long_tag(message, position - 1)
        if tag < 8:
            raise ValueError("a field without a number")
        wire = tag & 7
        if tag >> 3 in counted and wire in (VARINT, BYTES):
            run, position = read_run(message, position, tag)
            yield tag >> 3, run
            continue
        if wire == BYTES:
            length = message[position]
            position += 1
            if length >= 0x80:
                length, position = varint(message, position - 1)
        elif wire == VARINT:
            number, position = varint(message, position)
            yield tag >> 3, number
            continue
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise ValueError("a protobuf group")
        if length > end - position:
            raise ValueError("a field that is longer than its message")
        yield tag >> 3, message[position : position + length] if wire == BYTES else None
        position += length


def long_tag(message: memoryview, position: int) -> tuple[int, int]:
    """A tag of more than one byte and the position after it."""
    tag, position = varint(message, position)
    if tag >= 2**32:
        raise ValueError("a tag of more than 32 bits")
    return tag, position


def read_run(message: memoryview, position: int, tag: int) -> tuple[FieldRun, int]:
    """The fields of this tag that follow each other, and the position after them; the first tag is read already."""
    count, end, is_bytes = 0, len(message), tag & 7 == BYTES
    texts: list[bytes] = []
    while True:
        length = message[position]
        position += 1
        if length >= 0x80:
            length, position = varint(message, position - 1)
        if is_bytes:
            texts.append(message[position : position + length].tobytes())
            position += length
        count += 1
        if position >= end or message[position] != tag:
            break
        position += 1
    if position > end:
        raise ValueError("a field that is longer than its message")
    return FieldRun(count, texts), position


def varint(message: memoryview, position: int) -> tuple[int, int]:
    """A base-128 number below 2^64 and the position after it."""
    number = shift = 0
    while True:
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
    if number >= 2**64:
        raise ValueError("a number of more than 64 bits")
    return number, position


def part(value: Field) -> memoryview:
    """A field that must be a message, a text or bytes."""
    if not isinstance(value, memoryview):
        raise ValueError("a number where a message belongs")
    return value


def text(value: Field) -> str:
    """A field that must be a text."""
    return str(part(value), "utf-8")


def texts_of(value: Field) -> list[bytes]:
    """The bytes of a run of fields that must be texts."""
    if not isinstance(value, FieldRun) or not value.texts:
        raise ValueError("numbers where texts belong")
    return value.texts


def number_of(value: Field) -> int:
    """A field that must be a whole number from 0 to 2^63 - 1."""
    if not isinstance(value, int) or value > MAX_SIGNED:
        raise ValueError("something else where a number from 0 belongs")
    return value


def numbers_of(value: Field, most: int) -> list[int]:
    """One number of a repeated field, or many in their packed form; ValueError for more than `most`."""
    if isinstance(value, int):
        return [number_of(value)]
    packed = part(value)
    numbers: list[int] = []
    position = 0
    while position < len(packed):
        number, position = varint(packed, position)
        numbers.append(number_of(number))
        if len(numbers) > most:
            raise ValueError("too many numbers")
    return numbers


def expect_known(number: int, known: frozenset[int], what: str, where: str) -> None:
    """Refuse a field that this reader does not know: what it means to a runtime cannot be judged."""
    if number not in known:
        raise BundleError(f"{where}: expected fields of the bundle format only, got field {number} of {what}")
