"""A bundle by the name that people give it: a folder, or a registered model. `models:/` is resolved here alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mersalg.bundle import Bundle, read_bundle
from mersalg.registry.address import is_registered

if TYPE_CHECKING:
    from mersalg.registry.fetching import Fetched, Registry


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bundle lies."""

    folder: Path
    registered: tuple[Registry, Fetched] | None
    """Where it came from; None for a folder of the shop's own."""

    def mark_good(self) -> None:
        """Remember that this version loaded and answered its golden requests; a folder keeps nothing."""
        if self.registered is not None:
            registry, fetched = self.registered
            registry.mark_good(fetched)


def find_place(path: str | Path, *, signed: bool = False) -> Place:
    """The folder of a bundle; that of `models:/NAME@ALIAS` or `models:/NAME/VERSION` is fetched first.

    Where the server is down it is, with a warning, the version that the address was last loaded from. RegistryError
    when the server refuses, or is down and there is no such version.
    """
    if not is_registered(path):
        return Place(Path(path), None)
    from mersalg.registry.fetching import fetch  # noqa: PLC0415  # a folder needs no network library

    registry, fetched = fetch(str(path), signed=signed)
    return Place(fetched.folder, (registry, fetched))


def open_bundle(path: str | Path, public_key: str | Path | None = None) -> Bundle:
    """The verified bundle of a folder or an address, with a `public_key` only one that its private key has signed.

    BundleError or RegistryError says what is wrong and what to do.
    """
    return read_bundle(find_place(path, signed=public_key is not None).folder, public_key)
