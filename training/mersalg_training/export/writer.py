"""Writes a bundle: into a temporary folder, whole, then renamed. A killed job leaves nothing behind that loads.

One job at a time writes to a place: it holds the lock `.NAME.lock` beside it, which ends with its process. So whoever
has the lock may remove what killed jobs left there.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
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
    """Files of a bundle that is not yet there. BundleError where the disk does not take one."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder = folder
        self.out = out
        self.files: dict[str, dict[str, Any]] = {}
        self.is_in_place = False

    def add(self, name: str, content: bytes) -> None:
        """Write a file, or write it anew, and note its hash and size."""
        with writing(self.out):
            write_through(self.folder / name, content)
        self.files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}

    def add_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, the last file: without it the folder is no bundle."""
        content = with_digest(as_json({**manifest, "files": self.files, DIGEST: NO_DIGEST}))
        with writing(self.out):
            write_through(self.folder / MANIFEST, content)

    def put_in_place(self) -> None:
        """Put the whole folder at its place now, for what has to happen there before others may write to it."""
        if not (self.folder / MANIFEST).is_file():
            raise BundleError(f"{self.out}: the manifest was not written")
        with writing(self.out):
            put_in_place(self.folder, self.out)
        self.is_in_place = True


@contextmanager
def new_bundle(out: Path) -> Iterator[BundleWriter]:
    """Write beside `out` and put the folder in its place when the body ends well; else remove what was written.

    An earlier bundle at `out` stays whole until the new one is, and is then removed. BundleError when `out` is
    something else than a bundle, when another job is writing to it, or when the disk is full.
    """
    check_out(out)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out):
        folder = out.parent / f".{out.name}.{uuid4().hex}.partial"
        try:
            with writing(out):
                remove_left_behind(out)
                folder.mkdir()
            writer = BundleWriter(folder, out)
            yield writer
            if not writer.is_in_place:
                writer.put_in_place()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_out(out: Path) -> None:
    """BundleError when something else than a bundle, or an empty folder, stands where the bundle is to be."""
    if out.exists() and not (out / MANIFEST).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise BundleError(f"{out}: expected no folder, an empty one or a bundle to replace; choose another --out")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn what the disk refuses into a BundleError."""
    try:
        yield
    except OSError as error:
        raise BundleError(
            f"--out {out}: cannot be written: {error.strerror or error}; an earlier bundle there is whole. "
            "Make room or choose another place"
        ) from None


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of a place; BundleError at once where another job has it. It is gone when its holder is."""
    path = out.parent / f".{out.name}.lock"
    while True:
        with writing(out):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise BundleError(
                f"--out {out}: another job is writing to it; wait for its end or choose another"
            ) from None
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)  # the one before removed it between the two steps
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def remove_left_behind(out: Path) -> None:
    """Remove the folders that killed jobs left beside a place; the lock is held, so that no job still writes there.

    An earlier bundle that was moved aside stays where nothing took its place.
    """
    endings = "partial|old" if out.exists() else "partial"
    left = re.compile(rf"\.{re.escape(out.name)}\.[0-9a-f]{{32}}\.({endings})")
    for folder in out.parent.iterdir():
        if left.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


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
