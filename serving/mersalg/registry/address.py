"""The address of a registered model: `models:/NAME@ALIAS` or `models:/NAME/VERSION`, as MLflow writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mersalg.errors import RegistryError

SCHEME: Final = "models:/"
FORM: Final = re.compile(
    r"models:/(?P<name>[^/@:\0]{1,200})(?:@(?P<alias>[A-Za-z0-9_-]{1,255})|/(?P<version>[0-9]{1,9}))"
)


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """A registered model and one version of it: by alias or by number; the other of the two is None."""

    name: str
    alias: str | None
    version: str | None

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}" + (f"@{self.alias}" if self.alias is not None else f"/{self.version}")


def is_registered(path: object) -> bool:
    """Whether a path is meant as the address of a registered model rather than as a folder."""
    return str(path).startswith(SCHEME)


def read_address(text: str) -> ModelAddress:
    """The parts of an address. RegistryError when it is no address."""
    result = FORM.fullmatch(text)
    if result is None:
        raise RegistryError(
            f"{text}: expected models:/NAME@ALIAS or models:/NAME/VERSION, with a number for VERSION; "
            "give the model an alias in the registry, or name a version"
        )
    return ModelAddress(result["name"], result["alias"], result["version"])
