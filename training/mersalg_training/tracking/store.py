"""Where runs go: the address of the store, the same from every folder, and what a user types to look at it."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mersalg.errors import ConfigError
from mersalg.registry.server import HIDDEN, without_password
from mersalg_training.config import TrackingConfig

VARIABLE: Final = "MLFLOW_TRACKING_URI"
"""MLflow's own, which comes before `tracking.uri`."""
FILE: Final = "mlflow.db"
"""The SQLite file of the default store; before there was one, of each folder in which a command ran."""
HEALTH_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Store:
    """An MLflow store."""

    uri: str
    named: str
    """What named it, for messages: MLFLOW_TRACKING_URI or `tracking.uri`."""
    note: str = ""
    """What a user may have to know of it; empty where there is nothing."""


def find_store(tracking: TrackingConfig) -> Store:
    """Give the store of MLFLOW_TRACKING_URI, else of `tracking.uri`, else the default one in the user's data folder.

    A bundle holds an address without its password: ConfigError where it has to be given anew.
    """
    if of_environment := os.environ.get(VARIABLE):
        return Store(of_environment, VARIABLE)
    if tracking.uri is None:
        return Store(default_uri(), "tracking.uri", note_of_earlier_runs(Path.cwd()))
    if HIDDEN in tracking.uri:
        raise ConfigError(
            f"tracking.uri {tracking.uri}: the password is not kept in a bundle; give the address anew, "
            f"--set tracking.uri=... or {VARIABLE}, or do without: --set tracking.enabled=false"
        )
    return Store(tracking.uri, "tracking.uri")


def default_uri() -> str:
    """Give `~/.local/share/mersalg/mlflow.db`, or the same in XDG_DATA_HOME, as an SQLite store."""
    given = os.environ.get("XDG_DATA_HOME")
    folder = Path(given) if given else Path.home() / ".local" / "share"
    return f"sqlite:///{(folder / 'mersalg' / FILE).as_posix()}"


def note_of_earlier_runs(folder: Path) -> str:
    """Say that the folder holds a store which is not the default; empty where it holds none."""
    if not (folder / FILE).is_file():
        return ""
    return (
        f"Runs of before are in {folder / FILE}, which is not written any more; to go on there: "
        f"--set tracking.uri=sqlite:///{FILE}"
    )


def prepare_store(store: Store) -> None:
    """Make the folder of the default store; ask a server once whether it is up. ConfigError if it is not."""
    if store.uri == default_uri():
        folder = Path(store.uri.removeprefix("sqlite:///")).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{folder}: expected a folder for MLflow's runs that can be made: {error.strerror}; name another store "
                f"with {VARIABLE} or tracking.uri, or do without: --set tracking.enabled=false"
            ) from None
    if is_server(store.uri):
        check_server(store)


def check_server(store: Store) -> None:
    """Ask an MLflow server for its health once, because MLflow itself retries for minutes; ConfigError if it is down.

    Any HTTP answer will do: whether it is the right one is for MLflow to say.
    """
    try:
        urllib.request.urlopen(store.uri.rstrip("/") + "/health", timeout=HEALTH_SECONDS).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        raise ConfigError(
            f"{store.named} {without_password(store.uri)}: expected an MLflow server, got no answer: {error}; "
            "start it, or train without it: --set tracking.enabled=false"
        ) from None


def is_server(uri: str) -> bool:
    """Whether a store is reached over HTTP."""
    return uri.startswith(("http://", "https://"))


def artifact_location(uri: str) -> str | None:
    """Give the folder `mlruns` next to an SQLite file, as a URI; None = the store's own default."""
    file = sqlite_file(uri)
    return None if file is None else (file.resolve().parent / "mlruns").as_uri()


def sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite store; None of any other."""
    prefix, separator, file = uri.partition(":///")
    return Path(file) if prefix == "sqlite" and separator and file else None


def page_of(store: Store, experiment_id: str, run_id: str) -> str:
    """One line for the user: where a run is and how to look at it; a second one where the store has a note."""
    page = f"/#/experiments/{experiment_id}/runs/{run_id}"
    shown = without_password(store.uri)
    if is_server(store.uri):
        return shown.rstrip("/") + page
    line = f"{mlflow_command()} ui --backend-store-uri {shown}  then open http://127.0.0.1:5000{page}"
    return f"{line}\n{store.note}" if store.note else line


def mlflow_command() -> str:
    """Give what a user types for MLflow in the current folder: the environment's own, if it lies in there."""
    own = Path(sys.executable).with_name("mlflow")
    here = Path.cwd()
    return str(own.relative_to(here)) if own.is_relative_to(here) else "mlflow"
