"""What the code says of itself, as Markdown for the pages of the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mersalg_site.generated.commands import every_command
from mersalg_site.generated.errors import cause, every_error, every_message
from mersalg_site.generated.interface import every_path, every_schema
from mersalg_site.generated.keys import every_dimension, every_key
from mersalg_site.generated.metrics import every_metric

GENERATED: Final[Mapping[str, Callable[..., str]]] = {
    "cause": cause,
    "commands": every_command,
    "errors": every_error,
    "keys": every_key,
    "messages": every_message,
    "metrics": every_metric,
    "paths": every_path,
    "schemas": every_schema,
    "space": every_dimension,
}
"""What `<!-- generated: NAME -->` stands for on a page; a word after the name is an argument."""
