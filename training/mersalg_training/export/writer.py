"""Writes a bundle: into a temporary folder, whole, then renamed. A killed job leaves nothing behind that loads."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from mersalg.bundle.manifest import DIGEST, NO_DIGEST, with_digest
from mersalg.errors import BundleError
from mersalg_training.json_values import as_json

MANIFEST = "manifest.json"
AT_FDCWD = -100
RENAME_EXCHANGE = 2


class BundleWriter:
    """Files of a bundle that is not yet there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, content: bytes) -> None:
        """Write a file, or write it anew, and note its hash and size."""
        write_through(self.folder / name, content)
        self.files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}

    def add_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, the last file: without it the folder is no bundle."""
        content = as_json({**manifest, "files": self.files, DIGEST: NO_DIGEST})
        write_through(self.folder / MANIFEST, with_digest(content))


@contextmanager
def new_bundle(out: Path) -> Iterator[BundleWriter]:
    """Write beside `out` and put the folder in its place when the body ends well; else remove what was written.

    An earlier bundle at `out` stays whole until the new one is, and is then removed. BundleError when `out` is
    something else than a bundle.
    """
    check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{uuid4().hex}.partial"
    folder.mkdir()
    try:
        writer = BundleWriter(folder)
        yield writer
        if not (folder / MANIFEST).is_file():
            raise BundleError(f"{out}: the manifest was not written")
        put_in_place(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_out(out: Path) -> None:
    """BundleError when something else than a bundle, or an empty folder, stands where the bundle is to be."""
    if out.exists() and not (out / MANIFEST).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise BundleError(f"{out}: expected no folder, an empty one or a bundle to replace; choose another --out")


def put_in_place(folder: Path, out: Path) -> None:
    """Put a whole folder at `out`; an earlier one is exchanged for it in one step where the system can do that."""
    if not out.exists():
        folder.rename(out)
    elif not exchanged(folder, out):
        aside = out.parent / f".{out.name}.{uuid4().hex}.old"
        out.rename(aside)
        folder.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
    descriptor = os.open(out.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def exchanged(folder: Path, out: Path) -> bool:
    """Swap two folders atomically by Linux's renameat2(RENAME_EXCHANGE); False where there is no such call."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    return call is not None and call(AT_FDCWD, os.fsencode(folder), AT_FDCWD, os.fsencode(out), RENAME_EXCHANGE) == 0


def write_through(path: Path, content: bytes) -> None:
    """Write a file down to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
