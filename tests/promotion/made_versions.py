from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from mersalg_training.tracking.registered_models import RegisteredVersion


def version(number: str, tags: Mapping[str, str]) -> RegisteredVersion:
    """A version with tags."""
    return RegisteredVersion(number, None, datetime(2026, 1, 1, tzinfo=UTC), (), tags)
