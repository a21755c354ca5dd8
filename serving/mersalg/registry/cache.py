"""Fetched bundles on disk: a folder for each version, and which one each alias was last answered from.

    CACHE/SERVER/MODEL/VERSION-SOURCE/     a bundle, whole and of the hashes that its manifest says
    CACHE/SERVER/MODEL/good-alias-ALIAS    the name of the folder that loaded last under this alias

CACHE is MERSALG_CACHE, or `mersalg` in XDG_CACHE_HOME or ~/.cache. A folder appears under its name when it is whole.
Several processes may share a cache.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mersalg.errors import RegistryError
from mersalg.registry.address import ModelAddress
from mersalg.registry.server import ModelVersion

KEPT: Final = 4
"""Versions of a model that stay: the one in use, and some to go back to."""
FOLDER_FORM: Final = re.compile(r"([0-9]{1,9})-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Cache:
    """The fetched versions of one model of one server."""

    folder: Path

    def place_of(self, version: ModelVersion) -> Path:
        """Where a version lies, if it has been fetched."""
        return self.folder / f"{version.version}-{digest(version.source)}"

    @contextmanager
    def filling(self, place: Path) -> Iterator[Path]:
        """A folder to fill, which becomes the place when the block ends well; who comes second takes what is there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.folder))
        except OSError as error:
            raise self.cannot("write", error) from None
        try:
            yield part
            for path in (*part.iterdir(), part):
                flush(path)
            try:
                part.rename(place)
            except OSError as error:
                if not place.is_dir():
                    raise self.cannot("write", error) from None
            flush(self.folder)
        except OSError as error:
            raise self.cannot("write", error) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def drop(self, place: Path) -> None:
        """Delete a version, at one stroke for whoever looks for it."""
        with suppress(OSError):  # another process was first
            aside = Path(tempfile.mkdtemp(prefix=".part-", dir=self.folder))
            place.rename(aside / place.name)
            shutil.rmtree(aside, ignore_errors=True)

    def mark_good(self, address: ModelAddress, place: Path) -> None:
        """Remember what an address was answered from, and drop the oldest versions that nothing names."""
        mark = self.mark_of(address)
        try:
            descriptor, name = tempfile.mkstemp(prefix=".mark-", dir=self.folder)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(place.name)
            Path(name).replace(mark)
            os.utime(place)
        except OSError as error:
            raise self.cannot("write", error) from None
        self.drop_oldest()

    def last_good(self, address: ModelAddress) -> tuple[str, Path] | None:
        """Version and folder that the address was last answered from; None when there is none any more."""
        try:
            name = self.mark_of(address).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None
        result = FOLDER_FORM.fullmatch(name)
        place = self.folder / name
        return (result[1], place) if result is not None and place.is_dir() else None

    def mark_of(self, address: ModelAddress) -> Path:
        """The file that remembers for an address."""
        return self.folder / (
            f"good-alias-{address.alias}" if address.alias is not None else f"good-version-{address.version}"
        )

    def drop_oldest(self) -> None:
        """Delete all but the KEPT versions that were used last; what an alias was last answered from stays."""
        named = {mark.read_text(encoding="ascii") for mark in self.folder.glob("good-alias-*")}
        places = [place for place in self.folder.iterdir() if FOLDER_FORM.fullmatch(place.name)]
        by_use = sorted(places, key=lambda place: place.stat().st_mtime_ns, reverse=True)
        for place in by_use[KEPT:]:
            if place.name not in named:
                shutil.rmtree(place, ignore_errors=True)

    def cannot(self, what: str, error: OSError) -> RegistryError:
        """The refusal of the file system."""
        return RegistryError(f"{self.folder}: cannot {what} the cache: {error.strerror or error}; set MERSALG_CACHE")


def cache_of(server: str, model: str) -> Cache:
    """The cache of a model of a server."""
    root = os.environ.get("MERSALG_CACHE")
    base = Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mersalg"
    return Cache(base / digest(server) / urllib.parse.quote(model, safe="").replace(".", "%2E"))


def flush(path: Path) -> None:
    """Bring a file, or where the system opens folders a folder's names, down to the disk."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(text: str) -> str:
    """A short name for a text: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
