"""The configuration and the windows that a bundle was trained with."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mersalg_training.config import Config, lay_over, parse_config
from mersalg_training.data.split import Windows


def bundle_config(manifest: Mapping[str, Any], where: str, overrides: Sequence[str]) -> tuple[Config, Windows]:
    """The configuration and the windows that a bundle was trained with, some keys set anew."""
    tables = copy.deepcopy(dict(manifest["config"]))
    for override in overrides:
        lay_over(tables, override)
    return parse_config(tables, f"{where}/manifest.json: config"), bundle_windows(manifest)


def bundle_windows(manifest: Mapping[str, Any]) -> Windows:
    """The windows that a bundle was trained with."""
    return Windows(**{name: naive(datetime.fromisoformat(text)) for name, text in manifest["windows"].items()})


def naive(time: datetime) -> datetime:
    """The time in UTC without its zone; a naive one as it is."""
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
