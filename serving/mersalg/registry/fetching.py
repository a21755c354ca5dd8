"""A registered bundle as a folder on this disk, verified before it gets its name.

The manifest comes first; then exactly the files that it lists, each of the size and hash that it says.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any, Final
from uuid import uuid4

from mersalg.bundle.files import MAX_BYTES, MAX_OTHER_BYTES, SIGNATURE
from mersalg.bundle.manifest import read_manifest
from mersalg.bundle.reading import is_whole
from mersalg.errors import BundleError, RegistryError
from mersalg.registry.address import ModelAddress, read_address
from mersalg.registry.cache import Cache, cache_of
from mersalg.registry.server import MlflowServer, ModelVersion, refuse_broken, server_from_environment

BUNDLE_IN_MODEL: Final = "data/bundle"
"""Where `mersalg train` puts the bundle in the logged model."""
DATA_OF_PYFUNC: Final = re.compile(rb"^\s+data: ([A-Za-z0-9._/-]{1,200})\s*$", re.MULTILINE)
"""The line of an MLmodel file that says where another logger put it."""
PIECE: Final = 2**20
MAX_DOWNLOAD_SECONDS: Final = 600.0
"""For all files of a version together."""
log: Final = logging.getLogger("mersalg.registry")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A version of a registered model in the cache."""

    address: ModelAddress
    version: str
    folder: Path
    fresh: bool
    """Whether the server said so just now; False where it is down and the last good one has to do."""

    @property
    def concrete(self) -> str:
        """The address of this very version."""
        return f"models:/{self.address.name}/{self.version}"


@dataclass(frozen=True)
class Registry:
    """The registered model of an address: on the server, and in the cache."""

    address: ModelAddress
    server: MlflowServer
    cache: Cache

    def look(self) -> ModelVersion:
        """The version that the address names now, without its files."""
        return self.server.version_of(self.address)

    def fetch(self, version: ModelVersion, *, signed: bool) -> Fetched:
        """The files of a version, from the cache where they are whole there, or else from the server.

        Where it is to be signed, a copy without a signature is asked for one again.
        """
        place = self.cache.place_of(version)
        if place.is_dir() and not is_whole(place):
            log.warning("%s: the copy in the cache is damaged; it is fetched again", version)
            self.cache.drop(place)
        if not place.is_dir():
            with self.cache.filling(place) as part:
                download(self.server, version, part)
        elif signed and not (place / SIGNATURE).exists():
            add_signature(self.server, version, place)
        return Fetched(self.address, version.version, place, fresh=True)

    def last_good(self) -> Fetched | None:
        """What the address was last answered from; None when nothing was, or it is gone."""
        result = self.cache.last_good(self.address)
        return Fetched(self.address, *result, fresh=False) if result is not None else None

    def mark_good(self, fetched: Fetched) -> None:
        """Remember a version that has loaded and answered its golden requests."""
        self.cache.mark_good(self.address, fetched.folder)


def registry_of(text: str) -> Registry:
    """The registry behind `models:/NAME@ALIAS` or `models:/NAME/VERSION`."""
    address, server = read_address(text), server_from_environment()
    return Registry(address, server, cache_of(server.uri, address.name))


def fetch(text: str, *, signed: bool = False) -> tuple[Registry, Fetched]:
    """What an address names now; where the server is down, aloud, what it was last answered from.

    RegistryError when the server refuses, or is down and the cache holds nothing for the address.
    """
    registry = registry_of(text)
    try:
        return registry, registry.fetch(registry.look(), signed=signed)
    except RegistryError as error:
        kept = registry.last_good() if error.unreachable else None
        if kept is None:
            raise
        log.warning("%s; going on with %s, the last good one in the cache", error, kept.concrete)
        return registry, kept


def download(server: MlflowServer, version: ModelVersion, folder: Path) -> None:
    """Write the manifest, every file that it lists and a signature, where there is one, into an empty folder."""
    until = time.monotonic() + MAX_DOWNLOAD_SECONDS
    inside, content = read_remote_manifest(server, version, until)
    manifest = read_manifest(content, f"{version}: {inside}/manifest.json")
    (folder / "manifest.json").write_bytes(content)
    for name, entry in manifest["files"].items():
        where = f"{version}: {inside}/{name}"
        if entry["size"] > MAX_BYTES.get(name, MAX_OTHER_BYTES):
            raise BundleError(
                f"{where}: expected at most {MAX_BYTES.get(name, MAX_OTHER_BYTES)} bytes, got {entry['size']}"
            )
        with (folder / name).open("wb") as file, server.file_of(version, f"{inside}/{name}", until) as stream:
            copy_verified(stream, file, entry, where)
    signature = read_where_there(server, version, f"{inside}/{SIGNATURE}", until)
    if signature is not None:
        (folder / SIGNATURE).write_bytes(signature)


def add_signature(server: MlflowServer, version: ModelVersion, place: Path) -> None:
    """Fetch the signature of a version that was signed after it came into the cache."""
    until = time.monotonic() + MAX_DOWNLOAD_SECONDS
    inside, _ = read_remote_manifest(server, version, until)
    signature = read_where_there(server, version, f"{inside}/{SIGNATURE}", until)
    if signature is not None:
        part = place / f".{SIGNATURE}.{uuid4().hex}"
        part.write_bytes(signature)
        part.replace(place / SIGNATURE)


def read_remote_manifest(server: MlflowServer, version: ModelVersion, until: float) -> tuple[str, bytes]:
    """Where the bundle lies in the model, and the bytes of its manifest."""
    content = read_where_there(server, version, f"{BUNDLE_IN_MODEL}/manifest.json", until)
    if content is not None:
        return BUNDLE_IN_MODEL, content
    result = DATA_OF_PYFUNC.search(read_small(server, version, "MLmodel", until))
    if result is None or ".." in result[1].decode():
        raise RegistryError(f"{version}: expected a bundle in {BUNDLE_IN_MODEL}, got another kind of model")
    inside = result[1].decode()
    return inside, read_small(server, version, f"{inside}/manifest.json", until)


def read_where_there(server: MlflowServer, version: ModelVersion, path: str, until: float) -> bytes | None:
    """The bytes of a small file; None where the server has none."""
    try:
        return read_small(server, version, path, until)
    except RegistryError as error:
        if error.status not in (404, 500):  # some stores of the server answer 500 for a file that is not there
            raise
        return None


def read_small(server: MlflowServer, version: ModelVersion, path: str, until: float) -> bytes:
    """The bytes of a file no larger than a manifest may be."""
    with server.file_of(version, path, until) as stream:
        content = stream.read(MAX_BYTES["manifest.json"] + 1)
        refuse_broken(stream, f"{version}: {path}")
    if len(content) > MAX_BYTES["manifest.json"]:
        raise RegistryError(f"{version}: {path}: expected at most {MAX_BYTES['manifest.json']} bytes, got more")
    return content


def copy_verified(stream: HTTPResponse, file: IO[bytes], entry: dict[str, Any], where: str) -> None:
    """Copy a file of the size and hash that the manifest says; BundleError names what is another."""
    left, sha256 = entry["size"], hashlib.sha256()
    while piece := stream.read(min(PIECE, left + 1)):
        left -= len(piece)
        if left < 0:
            break
        sha256.update(piece)
        try:
            file.write(piece)
        except OSError as error:
            raise RegistryError(f"{where}: cannot be kept in the cache: {error.strerror}; set MERSALG_CACHE") from None
    refuse_broken(stream, where)
    if left != 0:
        got = "more" if left < 0 else str(entry["size"] - left)
        raise BundleError(f"{where}: expected {entry['size']} bytes, got {got}; log the bundle again")
    if sha256.hexdigest() != entry["sha256"]:
        raise BundleError(f"{where}: expected sha256 {entry['sha256']}, got {sha256.hexdigest()}; log the bundle again")
