"""Tables of Markdown, and what a JSON Schema says of a value in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

LIMITS: Final = {
    "minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below",
    "minLength": "characters from", "maxLength": "characters to", "minItems": "items from", "maxItems": "items to",
    "format": "as",
}  # fmt: skip
"""What a schema says of a value -> the word before it."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a line break or a bar within a cell stays in it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell(text) for text in line)} |" for line in lines)


def cell(text: str) -> str:
    """The text of a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """A value as code."""
    return f"`{value}`"


def told_by(schema: Mapping[str, Any]) -> str:
    """The type of a value and its limits, with links to the schemas that it names on the same page."""
    limits = " ".join(f"{word} {json.dumps(schema[key])}" for key, word in LIMITS.items() if key in schema)
    return ", ".join(part for part in (type_of(schema), limits.replace('"', "")) if part)


def type_of(schema: Mapping[str, Any]) -> str:
    """The type of a value."""
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", maxsplit=1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return ", ".join(code(json.dumps(value)) for value in schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(told_by(choice) for choice in choices)
    named = schema.get("type", "anything")
    types = " or ".join(named) if isinstance(named, list) else named
    inner = schema.get("items")
    return f"{types} of {type_of(inner)}" if inner else types
