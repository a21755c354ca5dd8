"""JSON: values that it knows, and bytes that the same values always give."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def finite(document: Any) -> Any:
    """The document with null in place of NaN, which JSON does not know."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list):
        return [finite(value) for value in document]
    return None if isinstance(document, float) and not np.isfinite(document) else document


def as_json(document: Any) -> bytes:
    """A JSON document in UTF-8 for people and machines; NaN is refused."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
