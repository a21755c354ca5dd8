"""The configuration with the best settings, as a TOML file that `mersalg train` takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mersalg.errors import ConfigError
from mersalg_training.config import Config
from mersalg_training.tuning.space import Settings

SIGN: Final = "# Written by `mersalg tune`"
"""How such a file begins; another one is never written over."""


def check_out(path: Path) -> None:
    """ConfigError where the file could not be written at the end, or somebody wrote it by hand."""
    if not path.parent.is_dir():
        raise ConfigError(f"--out {path}: expected a folder that is there, got {path.parent}; make it first")
    if path.is_dir():
        raise ConfigError(f"--out {path}: expected a file to write, got a folder")
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(SIGN):
        raise ConfigError(f"--out {path}: was not written by mersalg tune, and is not written over; name another file")


def tuned_toml(config: Config, best: Settings, default: Settings, origin: Sequence[str]) -> str:
    """All that differs from mersalg's defaults, and every searched key with what it was before.

    config: with the best settings. origin: lines that say where the file comes from.
    """
    tables = config.model_dump(exclude_defaults=True)
    notes = {}
    for key, value in best.items():
        section, _, name = key.partition(".")
        tables.setdefault(section, {})[name] = value
        notes[key] = "searched, as it was" if value == default[key] else f"was {default[key]}"
    header = [f"{SIGN} {origin[0]}", *(f"# {line}" for line in origin[1:])]
    return "\n".join([*header, *toml_lines(tables, notes)]) + "\n"


def toml_lines(tables: Mapping[str, Any], notes: Mapping[str, str], path: str = "") -> list[str]:
    """The lines of a table, values first, then tables. notes: key -> a remark that stands behind its value."""
    lines = []
    for name, value in tables.items():
        key = f"{path}.{name}" if path else name
        if value is not None and not isinstance(value, Mapping):
            remark = f"  # {notes[key]}" if key in notes else ""
            lines.append(f"{name} = {toml_value(value)}{remark}")
    for name, value in tables.items():
        if isinstance(value, Mapping):
            key = f"{path}.{name}" if path else name
            header = [] if value and all(isinstance(inner, Mapping) for inner in value.values()) else ["", f"[{key}]"]
            lines += [*header, *toml_lines(value, notes, key)]
    return lines


def toml_value(value: str | bool | float) -> str:
    """A value in TOML; a text as a basic string, which is escaped as in JSON but for U+007F."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value) if isinstance(value, bool) else repr(value)
