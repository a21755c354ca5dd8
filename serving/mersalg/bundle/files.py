"""The files of a bundle folder: how large each may be, and how one is read without following anything.

A file has to be a regular file in the folder itself: no link, no device. No limit is read from the bundle: all are
constants of this code.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, Final

from mersalg.errors import BundleError

MEGABYTE: Final = 2**20
SIGNATURE: Final = "model.sig"
"""The one file of the folder that the manifest does not list; read only where a signature is required."""
MAX_BYTES: Final = {
    "manifest.json": 4 * MEGABYTE,
    "scorer.onnx": 2048 * MEGABYTE - 1,  # protobuf's own limit
    "products.json": 64 * MEGABYTE,  # two million names; parsed they take some ten times as much
    "golden.json": 4 * MEGABYTE,
    "CARD.md": 4 * MEGABYTE,
    "model.sig": MEGABYTE,
}
MAX_OTHER_BYTES: Final = 64 * MEGABYTE
MAX_JSON_DEPTH: Final = 128
"""Objects and lists inside each other."""
MAX_WHOLE: Final = 2**53 - 1
"""Of whole numbers in JSON: what every language tells apart."""


def digests_of(manifest: dict[str, Any], content: bytes) -> dict[str, str]:
    """The sha256 of the manifest's own bytes, and of every file that it lists."""
    return {
        "manifest.json": hashlib.sha256(content).hexdigest(),
        **{name: entry["sha256"] for name, entry in manifest["files"].items()},
    }


def read_regular_file(where: Path, largest: int, expected: int | None = None) -> bytes:
    """The bytes of a file that is no link, no device, not above the cap and, where told, of the expected size.

    Nothing is read before its kind and its size are known.
    """
    try:
        if where.is_symlink():
            raise BundleError(f"{where}: expected a regular file, got a link; copy the file itself into the folder")
        descriptor = os.open(where, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            return read_descriptor(descriptor, where, largest, expected)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise BundleError(
            f"{where}: expected a file, got nothing; the bundle is not whole, copy or export it again"
        ) from None
    except OSError as error:
        raise BundleError(f"{where}: cannot be read: {error.strerror or error}") from None


def read_descriptor(descriptor: int, where: Path, largest: int, expected: int | None) -> bytes:
    """The bytes of an open file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{where}: expected a regular file, got another kind of file")
    if status.st_size > largest:
        raise BundleError(f"{where}: expected at most {largest} bytes, got {status.st_size}")
    size = status.st_size if expected is None else expected
    if status.st_size != size:
        raise BundleError(f"{where}: expected {size} bytes, got {status.st_size}; copy the whole bundle again")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read(size + 1)
    if len(content) != size:
        raise BundleError(f"{where}: expected {size} bytes, got more or less; somebody writes it, load it again later")
    return content


def parse_json(content: bytes, where: Path) -> Any:
    """A JSON document in UTF-8; NaN, infinities, a key that occurs twice and half a character are refused.

    As in JavaScript 1.0 is the whole number 1, and a whole number has less than 2^53.
    """
    try:
        written = content.decode("utf-8")
        document = json.loads(
            written,
            parse_constant=refuse_constant,
            parse_int=whole_number,
            parse_float=real_number,
            object_pairs_hook=distinct,
        )
        if written.count("{") + written.count("[") > MAX_JSON_DEPTH and nests_deeper(document, MAX_JSON_DEPTH):
            raise ValueError("too deep a nesting")
        if "\\ud" in written or "\\uD" in written:  # only an escape can bring a surrogate; a lone one is no character
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"{where}: expected JSON in UTF-8, got {error or 'too deep a nesting'}; export the bundle again"
        ) from None
    return document


def nests_deeper(document: Any, most: int) -> bool:
    """Whether more objects and lists than that lie inside each other."""
    level = [document]
    for _ in range(most + 1):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def refuse_constant(name: str) -> Any:
    """NaN and infinities are no JSON."""
    raise ValueError(f"the constant {name}")


def whole_number(text: str) -> int:
    """A number that is written without a point and an exponent."""
    number = int(text) if len(text) <= len(str(-MAX_WHOLE)) else MAX_WHOLE + 1
    if abs(number) > MAX_WHOLE:
        raise ValueError("a whole number beyond 2^53")
    return number


def real_number(text: str) -> float:
    """A number that is written with a point or an exponent; an int where it is a whole one."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond all that 64 bits hold")
    return int(number) if number.is_integer() and abs(number) <= MAX_WHOLE else number


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys occur once."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key that occurs twice")
    return result
