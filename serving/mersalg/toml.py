"""TOML texts read: whatever is wrong with one is a ConfigError."""

from __future__ import annotations

import tomllib
from typing import Any

from mersalg.errors import ConfigError


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text; ConfigError says what does not hold."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError("expected TOML, got brackets that nest too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"expected TOML, got {error}") from None
    except ValueError:  # Python's limit of digits, which the text's author may exceed
        raise ConfigError("expected TOML, got a whole number of too many digits") from None
