"""The state of a bundle: order lines, counts, trees and scored requests from which an update goes on, beside it.

It holds customers' ids, so it is never inside a bundle, and only its owner may read it. The manifest of the bundle has
the SHA-256 of the state's manifest, and that one has the SHA-256 of every file: a state fits one bundle alone, and what
is made of it, as a recalibrated one. A file is written once; a later state that shares it has a hard link to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb

from mersalg import __version__
from mersalg.errors import BundleError
from mersalg_training.config import Config
from mersalg_training.data.sources import literal
from mersalg_training.export.writer import put_in_place, remove_left_behind, write_through, writing
from mersalg_training.json_values import as_json

FORMAT: Final = "mersalg-state"
FORMAT_VERSION: Final = 2
MANIFEST: Final = "manifest.json"
FILE: Final = re.compile(r"([a-z_]+)-([0-9]{4})-[0-9]{4}\.(parquet|npz)")
"""Table, run and number. A run is what one job added: the first counted everything."""
FIRST: Final = "0000"
AGAIN: Final = "train anew with --set update.keep=true"


@dataclass(frozen=True)
class State:
    """A state whose files are all as they were written."""

    folder: Path
    manifest: Mapping[str, Any]

    def files(self, table: str) -> list[Path]:
        """The files of a table, in the order of the runs."""
        first, later = self.runs(table)
        return first + later

    def runs(self, table: str) -> tuple[list[Path], list[Path]]:
        """The files of a table: of the first run, which counted everything, and of those that added something."""
        return runs_of(self.folder, self.manifest["files"], table)

    @property
    def last_run(self) -> int:
        """The number of its last run."""
        return max(int(name.split("-")[1]) for name in self.manifest["files"])


def runs_of(folder: Path, files: Iterable[str], table: str) -> tuple[list[Path], list[Path]]:
    """See `State.runs`."""
    of_table = sorted(name for name in files if name.split("-")[0] == table)
    first = [folder / name for name in of_table if name.split("-")[1] == FIRST]
    return first, [folder / name for name in of_table if name.split("-")[1] != FIRST]


def relation(files: list[Path]) -> str:
    """SQL that reads Parquet files of one table."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}])"


class StateWriter:
    """Files of a state that is not yet at its place; `run` numbers what is written, `to` is where its orders end."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder, self.place = folder, place
        self.run = 0
        self.files: dict[str, dict[str, Any]] = {}
        self.digest: str | None = None

    def new(self, table: str, ending: str = "parquet", run: int | None = None) -> Path:
        """Where the next file of a table is to be written; run: not this job's, but 0 for what stands for all runs."""
        of_run = f"{table}-{self.run if run is None else run:04}-"
        name = f"{of_run}{sum(name.startswith(of_run) for name in self.files):04}.{ending}"
        self.files[name] = {}
        return self.folder / name

    def copy(self, connection: duckdb.DuckDBPyConnection, table: str, select: str, run: int | None = None) -> None:
        """Write what a statement selects as a file of a table. run: see `new`."""
        with writing(self.place):
            path = self.new(table, run=run)
            connection.execute(f"COPY ({select}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")

    def runs(self, table: str) -> tuple[list[Path], list[Path]]:
        """What is written of a table, as `State.runs` gives it."""
        return runs_of(self.folder, self.files, table)

    def keep(self, state: State, table: str) -> None:
        """Have the files of an earlier state, too."""
        with writing(self.place):
            for file in state.files(table):
                self.files[file.name] = dict(state.manifest["files"][file.name])
                link(file, self.folder / file.name)

    def finish(self, more: Mapping[str, Any]) -> str:
        """Write the manifest, the last file, and give its SHA-256."""
        with writing(self.place):
            for name, told in self.files.items():
                path = self.folder / name
                path.chmod(0o600)
                told.update(told or {"sha256": digest_of(path), "size": path.stat().st_size})
            made = datetime.now(UTC).isoformat(timespec="seconds")
            about = {"format": FORMAT, "format_version": FORMAT_VERSION, "created_at": made, "mersalg": __version__}
            content = as_json({**about, **more, "files": self.files})
            write_through(self.folder / MANIFEST, content)
            (self.folder / MANIFEST).chmod(0o600)
        self.digest = hashlib.sha256(content).hexdigest()
        return self.digest

    @contextmanager
    def committed(self) -> Iterator[None]:
        """Around the step that puts the bundle at its place: only what it then names is read.

        The state stands beside the earlier one until the bundle is there, so that a job killed at any time leaves a
        bundle and its state.
        """
        following = next_of(self.place)
        with writing(self.place):
            shutil.rmtree(following, ignore_errors=True)
            put_in_place(self.folder, following)
        yield
        with writing(self.place):
            settle(self.place)


def link(file: Path, to: Path) -> None:
    """A hard link, or a copy where the disk has none."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copyfile(file, to)


@contextmanager
def new_state(place: Path) -> Iterator[StateWriter]:
    """Write a state beside its place; what is not committed is removed. The lock of the bundle's place is held."""
    folder = place.parent / f".{place.name}.{uuid4().hex}.partial"
    with writing(place):
        remove_left_behind(place)
        folder.mkdir(mode=0o700)
    try:
        yield StateWriter(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place_of(bundle: Path) -> Path:
    """Where the state of a bundle lies: `models/NAME.state`."""
    return bundle.parent / f"{bundle.name}.state"


def next_of(place: Path) -> Path:
    """Where a state waits for its bundle, or stays where the job was killed right behind that."""
    return place.parent / f"{place.name}.next"


def settle(place: Path) -> None:
    """Put a state that waits at its place, and remove the earlier one."""
    following = next_of(place)
    if following.exists():
        put_in_place(following, place)
        shutil.rmtree(following, ignore_errors=True)


def open_state(bundle: Path, manifest: Mapping[str, Any], given: Path | None = None) -> State:
    """The verified state of a bundle, at its place or where it is said to be.

    BundleError where the bundle has none, where none is there, where it is of another bundle, of another version, or
    damaged.
    """
    wanted = manifest.get("state", {}).get("sha256")
    if wanted is None:
        raise BundleError(f"{bundle}: was trained without a state, so nothing can be added to it; {AGAIN}")
    place = given or place_of(bundle)
    tried = [folder for folder in (place, next_of(place)) if (folder / MANIFEST).is_file()]
    if not tried:
        raise BundleError(f"{place}: expected the state of {bundle}, found none; name it with --state, or {AGAIN}")
    for folder in tried:
        content = (folder / MANIFEST).read_bytes()
        if hashlib.sha256(content).hexdigest() == wanted:
            return State(folder, checked(folder, content))
    raise BundleError(f"{place}: is not the state of {bundle}: another bundle's, or changed; {AGAIN}")


def checked(folder: Path, content: bytes) -> Mapping[str, Any]:
    """The manifest of a state, when its version is known and every file is as it was written; else BundleError."""
    manifest: dict[str, Any] = json.loads(content)
    if (manifest["format"], manifest["format_version"]) != (FORMAT, FORMAT_VERSION):
        raise BundleError(
            f"{folder}: expected a state of version {FORMAT_VERSION}, got {manifest['format_version']}: another "
            f"version of mersalg wrote it; use that one, or {AGAIN}"
        )
    for name, told in manifest["files"].items():
        path = folder / name
        if FILE.fullmatch(name) is None or not path.is_file() or digest_of(path) != told["sha256"]:
            raise BundleError(f"{path}: is missing, or not as it was written; restore it, or {AGAIN}")
    return manifest


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def counted_settings(config: Config) -> dict[str, float]:
    """What the kept counts depend on: another value makes them be counted again."""
    return {
        "counts.follow_days": config.counts.follow_days,
        "counts.min_support": config.counts.min_support,
        "privacy.min_customers": config.privacy.min_customers,
    }


def reading_settings(config: Config) -> dict[str, Any]:
    """What the kept order lines depend on: another value cannot be made up for."""
    data = config.data.model_dump(mode="json", include={"format", "columns"})
    return {"data": data, "contract": config.contract.model_dump(mode="json")}
