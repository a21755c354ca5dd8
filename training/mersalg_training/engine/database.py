"""The database that reads and counts: DuckDB in memory, with what `[engine]` gives it of the machine."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb

from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig
from mersalg_training.engine.machine import available_memory, usable_cores

MEMORY_SHARE: Final = 0.5
"""Of the memory that is available, for the database; the rest is for the arrays that it fills, and for others."""
PREFIX: Final = "mersalg-spill-"
LOCK: Final = "lock"
"""A file of a spill folder, locked for as long as the process lives that made it."""


def connect(engine: EngineConfig) -> duckdb.DuckDBPyConnection:
    """An empty database in memory, with dates in UTC; it installs no extension.

    What does not fit in memory is spilled below `engine.spill`. ConfigError where nothing can be written there.
    """
    memory = engine.memory or default_memory()
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": engine.threads or usable_cores(),
        "temp_directory": str(spill_folder(Path(engine.spill or tempfile.gettempdir())) / uuid4().hex),
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=settings if memory is None else {**settings, "memory_limit": memory})
    connection.execute("SET TimeZone = 'UTC'")
    ((shows_progress,),) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    if shows_progress:  # in a notebook without ipywidgets it is off, and DuckDB refuses to be told so
        connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def fitting(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Turn what DuckDB says where neither memory nor disk hold its work into a ConfigError that names both settings."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        if isinstance(error, duckdb.IOException) and "No space left" not in str(error):
            raise
        memory, folder = (
            connection.execute("SELECT current_setting($name)", {"name": name}).fetchall()[0][0]
            for name in ("memory_limit", "temp_directory")
        )
        raise ConfigError(
            f"engine: the history fits neither in the {memory} of engine.memory nor in what is free below "
            f"{str(Path(folder).parents[1])!r} (engine.spill): {str(error).splitlines()[0]}\n"
            "Give engine.memory more, or engine.spill a folder on a larger disk"
        ) from None


def default_memory() -> str | None:
    """MEMORY_SHARE of what is available, as DuckDB spells it; None where that is not known: its own default holds."""
    available = available_memory()
    return None if available is None else f"{int(available * MEMORY_SHARE)}B"


@cache
def spill_folder(parent: Path, key: str = "engine.spill") -> Path:
    """A folder of this process for what does not fit in memory, removed when it ends. key: what names the parent.

    What killed processes left beside it is swept: folders whose lock nobody holds.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent.resolve()))
        hold(folder)
    except OSError as error:
        raise ConfigError(
            f"{key}: expected a folder to write in, got {str(parent)!r}: {error.strerror or error}"
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def hold(folder: Path) -> None:
    """Lock a folder until this process ends, however it ends."""
    # Renamed when it is locked: another job must not find a lock that nobody holds yet.
    new = folder / f"{LOCK}-{os.getpid()}"
    fcntl.flock(os.open(new, os.O_CREAT | os.O_RDWR, 0o600), fcntl.LOCK_EX)
    new.rename(folder / LOCK)


def sweep(parent: Path) -> None:
    """Remove the spill folders of processes that are gone."""
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except OSError:
            continue  # another user's, or it was swept in this moment
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:
            pass  # its process lives
        finally:
            os.close(descriptor)
