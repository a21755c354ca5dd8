"""Every key of a training job, from the configuration's own schema."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mersalg_site.generated.tables import code, table, told_by
from mersalg_training.commands.init_schema import schema_text
from mersalg_training.tuning.space import SPACE

MAX_DEFAULT: Final = 60
"""Characters of a default in a table."""


def every_key() -> str:
    """A section for each table of the file."""
    schema = json.loads(schema_text())
    own = {name: told for name, told in schema["properties"].items() if "$ref" not in told}
    parts = ["## Of the whole job", keys_of(own, schema["required"])]
    for name, told in schema["properties"].items():
        if "$ref" in told:
            parts += section(name, resolved(told, schema))
    target = schema["$defs"]["TargetConfig"]
    parts += ["## thresholds.KIND", target["description"], keys_of(target["properties"], ())]
    return "\n\n".join(parts)


def every_dimension() -> str:
    """A table of the search space of `mersalg tune`."""
    rows = [(code(one.key), f"{one.low:g}", f"{one.high:g}", one.scale) for one in SPACE]
    return table(("key", "from", "to", "scale"), rows)


def resolved(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to."""
    found: Mapping[str, Any] = schema["$defs"][told["$ref"].rsplit("/", maxsplit=1)[-1]]
    return found


def section(name: str, told: Mapping[str, Any]) -> Iterator[str]:
    """A table of the file: what it is about, its keys, and the defaults that are too long to stand beside them."""
    yield f"## {name}"
    yield told["description"]
    plain = {key: value for key, value in told["properties"].items() if "TargetConfig" not in json.dumps(value)}
    yield keys_of(plain, told.get("required", ()))
    for key, value in plain.items():
        if len(json.dumps(value.get("default"))) > MAX_DEFAULT:
            yield f"The default of `{key}`:\n\n```text\n{spelled(value['default'])}\n```"


def keys_of(properties: Mapping[str, Any], required: Any) -> str:
    """A table of keys."""
    rows = [
        (code(key), default_of(told, key in required), limits_of(told), told.get("description", ""))
        for key, told in properties.items()
    ]
    return table(("key", "default", "value", "meaning"), rows)


def default_of(told: Mapping[str, Any], required: bool) -> str:
    """The default as TOML has it."""
    if required:
        return "required"
    if told.get("default") is None:
        return ""
    return code(spelled(told["default"])) if len(json.dumps(told["default"])) <= MAX_DEFAULT else "below"


def limits_of(told: Mapping[str, Any]) -> str:
    """Type and limits; that a key may be left out is not told."""
    choices = [choice for choice in told.get("anyOf", ()) if choice != {"type": "null"}]
    return told_by(choices[0] if len(choices) == 1 else told)


def spelled(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {spelled(own)}" for key, own in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and "\\" in value and "'" not in value:
        text = f"'{value}'"
    tomllib.loads(f"value = {text}")
    return text
