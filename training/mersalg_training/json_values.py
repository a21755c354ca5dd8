"""Values that JSON knows."""

from __future__ import annotations

from typing import Any

import numpy as np


def finite(document: Any) -> Any:
    """The document with null in place of NaN, which JSON does not know."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list):
        return [finite(value) for value in document]
    return None if isinstance(document, float) and not np.isfinite(document) else document
