"""Mutations that keep most of the structure: of protobuf messages and of JSON documents."""

from __future__ import annotations

import json
import random
from typing import Any

NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "graph", 25: "graph"},
    "graph": {1: "node", 5: "tensor", 11: "port", 12: "port", 13: "port", 15: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph"},
    "port": {2: "type"},
    "type": {1: "tensor_type"},
    "tensor_type": {2: "shape"},
    "shape": {1: "size"},
}
"""Message -> fields that hold messages."""
NUMBERS = (0, 1, 2, 5, 6, 7, 8, 9, 13, 21, 127, 128, 255, 1023, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**63 - 1, 2**63,
           2**64 - 1, 2**64, 2**69)  # fmt: skip
TEXTS = (b"", b"If", b"Loop", b"Add", b"Div", b"Mod", b"TreeEnsemble", b"ai.onnx.ml", b"com.microsoft", b"location",
         b"../secret", b"/etc/passwd", b"*/_ORT_MEM_ADDR_/*", b"cart", b"tree_roots", b"nodes_featureids", b"\xff\xfe",
         b"\x00", b"x" * 2000, b"\x1b[31m", b"\xff" * 8, b"\x00" * 7 + b"\x80")  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 5, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, 1.5, "", "x", "milk", "/etc/passwd",
    "a\x00b", "\ud800", "é", "2017-06-01T00:00:00", "2017-06-01T00:00:00Z", "2017-13-01", "cart", "add-on", "value", [],
    {}, [[]], ["milk"], [1], {"product_id": "milk", "ordered_at": "2017-01-01T00:00:00"}, "x" * 3000, [None] * 600,
)  # fmt: skip


def mutate_message(message: bytes, kind: str, rng: random.Random) -> bytes:  # noqa: PLR0911 - one a mutation
    """The message with one field changed, here or in a message inside it."""
    places = split(message)
    if not places or rng.random() < 0.05:
        return message[: rng.randrange(len(message) + 1)] + some_field(rng) + message
    number, wire, start, body, end = places[rng.randrange(len(places))]
    inner = NESTED.get(kind, {}).get(number)
    before, content, after = message[:start], message[body:end], message[end:]
    if inner is not None and wire == 2 and rng.random() < 0.85:
        return before + encode(number, 2, mutate_message(content, inner, rng)) + after
    choice = rng.randrange(8)
    if choice == 0:
        return before + after
    if choice == 1:
        return before + message[start:end] * 2 + after
    if choice == 2:
        return before + some_field(rng) + message[start:end] + after
    if choice == 3:
        return before + encode(rng.randrange(27), wire, content) + after
    if choice == 4:
        return before + encode(number, rng.randrange(8), content) + after
    if choice == 5:
        other = places[rng.randrange(len(places))]
        return before + encode(number, 2, message[other[3] : other[4]]) + after
    if wire == 2:
        return before + encode(number, 2, change(content, rng)) + after
    return before + encode(number, 0, varint(rng.choice(NUMBERS))) + after


def split(message: bytes) -> list[tuple[int, int, int, int, int]]:
    """(number, wire type, start, start of the content, end) of the fields, up to the first that is damaged."""
    places, position = [], 0
    while position < len(message):
        start = position
        tag, position = read(message, position)
        length = 0
        if tag & 7 == 2:
            length, position = read(message, position)
        elif tag & 7 == 0:
            length = read(message, position)[1] - position
        else:
            length = {1: 8, 5: 4}.get(tag & 7, 0)
        if position + length > len(message):
            break
        places.append((tag >> 3, tag & 7, start, position, position + length))
        position += length
    return places


def read(message: bytes, position: int) -> tuple[int, int]:
    """A base-128 number, cut where the message ends, and the position after it."""
    number = shift = 0
    while position < len(message):
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return number, position


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def encode(number: int, wire: int, content: bytes) -> bytes:
    return varint(number << 3 | wire) + (varint(len(content)) + content if wire == 2 else content)


def some_field(rng: random.Random) -> bytes:
    """A new field; now and then with a tag of odd bits."""
    number = rng.randrange(27) if rng.random() < 0.9 else rng.choice((2**28, 2**29 + 5, 2**32 + 7))
    if rng.random() < 0.5:
        return encode(number, 0, varint(rng.choice(NUMBERS)))
    return encode(number, rng.choice((1, 2, 2, 2, 3, 4, 5)), rng.choice(TEXTS))


def change(content: bytes, rng: random.Random) -> bytes:
    """Other bytes for a text or raw data."""
    if not content or rng.random() < 0.3:
        return rng.choice(TEXTS)
    place = rng.randrange(len(content))
    return rng.choice((
        content[:place],
        content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :],
        content[:place] + rng.choice(TEXTS) + content[place:],
    ))  # fmt: skip


def mutate_json(text: bytes, rng: random.Random) -> bytes:
    """The document with some values changed; text that is no JSON is changed as bytes."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return change(text, rng)
    if rng.random() < 0.1:
        return change(text, rng)
    for _ in range(rng.choice((1, 1, 2, 4))):
        document = change_value(document, rng)
    return json.dumps(document).encode()


def change_value(value: Any, rng: random.Random) -> Any:  # noqa: PLR0911 - one a mutation
    """The value with one change somewhere inside."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        choice = rng.randrange(12)
        if choice == 0:
            return {k: v for k, v in value.items() if k != key}
        if choice == 1:
            return {**value, str(rng.choice(VALUES))[:300]: value[key]}
        return {**value, key: change_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        choice = rng.randrange(6)
        if choice == 0:
            return value[:place] + value[place + 1 :]
        if choice == 1:
            plain = not isinstance(value[place], list) and len(value) < 100
            return value + [value[place]] * rng.choice((1, 2, 1100 if plain else 3))
        return [*value[:place], change_value(value[place], rng), *value[place + 1 :]]
    if isinstance(value, str) and value and rng.random() < 0.3:
        return change(value.encode("utf-8", "replace"), rng).decode("utf-8", "replace")
    if rng.random() < 0.02:
        deep: Any = 1
        for _ in range(rng.choice((100, 130, 500, 900))):
            deep = [deep]
        return deep
    return rng.choice(VALUES)
