"""Where a service gets its bundle from: a folder whose content may change, or an alias that may move."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mersalg.errors import BundleError
from mersalg.registry.address import is_registered
from mersalg.registry.fetching import Fetched, Registry, registry_of
from mersalg.registry.server import ModelVersion


@dataclass(frozen=True, slots=True)
class Sighting:
    """A bundle that a source has now, before it is read."""

    stamp: str
    """Another one when the bundle may be another."""
    address: str
    """What names this very bundle later, for going back to it."""


class BundleSource(Protocol):
    """Where bundles come from. Each call may block on the disk or the network."""

    def look(self) -> Sighting:
        """What is there now; BundleError or RegistryError when nothing is, or the server is down."""

    def fetch(self, sighting: Sighting) -> Path:
        """The folder of what was seen, which is verified when it is loaded."""

    def mark_good(self, sighting: Sighting) -> None:
        """It has loaded and answered its golden requests."""

    def last_good(self) -> Sighting | None:
        """What was good before, where the source itself cannot be reached; None when nothing was."""


def source_of(address: str) -> BundleSource:
    """The source behind a folder or `models:/NAME@ALIAS`."""
    return RegistrySource(registry_of(address)) if is_registered(address) else FolderSource(Path(address))


@dataclass(frozen=True)
class FolderSource:
    """A folder, or a link to one. A link that is moved is the safest way to a new bundle: it changes at one stroke."""

    folder: Path

    def look(self) -> Sighting:
        """A stamp of every file's name, inode, size and times, which a copy under way changes until it is whole."""
        try:
            folder = self.folder.resolve(strict=True)
            with os.scandir(folder) as entries:
                files = sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries)
        except OSError as error:
            raise BundleError(f"{self.folder}: expected a bundle folder: {error.strerror}") from None
        parts = [f"{name}:{s.st_ino}:{s.st_size}:{s.st_mtime_ns}:{s.st_ctime_ns}" for name, s in files]
        return Sighting(f"{folder}|{'|'.join(parts)}", str(self.folder))

    def fetch(self, sighting: Sighting) -> Path:
        """The folder itself."""
        return self.folder

    def mark_good(self, sighting: Sighting) -> None:
        """A folder keeps nothing."""

    def last_good(self) -> None:
        """A folder keeps nothing."""


class RegistrySource:
    """A registered model of an MLflow server."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.versions: dict[str, ModelVersion] = {}
        self.fetched: dict[str, Fetched] = {}

    def look(self) -> Sighting:
        """The version that the alias names now."""
        version = self.registry.look()
        stamp = f"{version}|{version.source}"
        self.versions = {stamp: version}
        return Sighting(stamp, str(version))

    def fetch(self, sighting: Sighting) -> Path:
        """The version's folder in the cache, downloaded where it is not there."""
        if sighting.stamp not in self.fetched:
            self.fetched = {sighting.stamp: self.registry.fetch(self.versions[sighting.stamp], signed=True)}
        return self.fetched[sighting.stamp].folder

    def mark_good(self, sighting: Sighting) -> None:
        """Remember it in the cache."""
        self.registry.mark_good(self.fetched[sighting.stamp])

    def last_good(self) -> Sighting | None:
        """What the alias was last answered from."""
        kept = self.registry.last_good()
        if kept is None:
            return None
        stamp = f"cache|{kept.folder}"
        self.fetched = {stamp: kept}
        return Sighting(stamp, kept.concrete)
