"""Files that a command writes where its arguments say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from mersalg.errors import MersalgError
from mersalg_training.json_values import as_json


def write_text(path: Path, text: str, option: str) -> None:
    """Write the file beside its place and put it there whole, its folder too; an earlier one stays until then.

    MersalgError names the option if it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise MersalgError(f"{option} {path}: cannot be written: {error.strerror}; choose another place") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def write_json(path: Path, document: Mapping[str, Any], option: str = "--json") -> None:
    """Write a document as JSON, as a bundle holds it; the same error."""
    write_text(path, as_json(document).decode("utf-8"), option)
