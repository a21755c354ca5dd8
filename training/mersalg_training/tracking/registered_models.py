"""The versions of a registered model in MLflow: which alias names which, what their tags say, and their files.

Every change is one call, which the registry carries out whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mersalg.errors import ConfigError, RegistryError
from mersalg.registry.server import without_password
from mersalg_training.config import TrackingConfig, lay_over
from mersalg_training.tracking.mlflow_run import import_mlflow
from mersalg_training.tracking.model_entry import BUNDLE_IN_MODEL
from mersalg_training.tracking.store import Store, check_server, find_store, is_server

ELSEWHERE = "name another: MLFLOW_TRACKING_URI, or --set tracking.uri=..."


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a registered model."""

    version: str
    run_id: str | None
    """Of the job that made it."""
    created_at: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ModelVersions:
    """The registered model of a name. RegistryError where the registry is down, or does not hold what is asked for."""

    mlflow: Any
    uri: str
    name: str

    @property
    def client(self) -> Any:
        """MLflow's client of the registry."""
        return self.mlflow.MlflowClient(self.uri, registry_uri=self.uri)

    def aliases(self) -> dict[str, str]:
        """Alias -> version."""
        with self.asking("read the registered model"):
            found = self.client.get_registered_model(self.name)
        return {str(alias): str(version) for alias, version in found.aliases.items()}

    def version(self, version: str) -> RegisteredVersion:
        """One version."""
        with self.asking(f"read version {version}"):
            return self.read(self.client.get_model_version(self.name, version), self.aliases())

    def newest(self, most: int) -> list[RegisteredVersion]:
        """The versions, the newest first, at most so many."""
        aliases = self.aliases()
        with self.asking("list the versions"):
            found = self.client.search_model_versions(f"name = '{self.name}'")
        versions = [self.read(one, aliases) for one in found]
        return sorted(versions, key=lambda one: -int(one.version))[:most]

    def read(self, found: Any, aliases: Mapping[str, str]) -> RegisteredVersion:
        """MLflow's version in our words; its own list of aliases is empty in some stores."""
        version = str(found.version)
        return RegisteredVersion(
            version=version,
            run_id=found.run_id or None,
            created_at=datetime.fromtimestamp(found.creation_timestamp / 1000.0, UTC),
            aliases=tuple(sorted(alias for alias, of in aliases.items() if of == version)),
            tags=dict(found.tags),
        )

    def set_tag(self, version: str, key: str, value: str) -> None:
        """Set or replace a tag of a version."""
        with self.asking(f"set the tag {key} of version {version}"):
            self.client.set_model_version_tag(self.name, version, key, value)

    def move_alias(self, alias: str, version: str) -> None:
        """Let an alias name a version."""
        with self.asking(f"move the alias {alias} to version {version}"):
            self.client.set_registered_model_alias(self.name, alias, version)

    def fetch(self, version: str, folder: Path, name: str = "") -> Path:
        """The bundle of a version, or one file of it, somewhere below a folder; where it lies then."""
        inside = f"{BUNDLE_IN_MODEL}/{name}" if name else BUNDLE_IN_MODEL
        place = folder / f"version-{version}"
        with self.asking(f"fetch {name or 'the bundle'} of version {version}"):
            place.mkdir(exist_ok=True)
            self.mlflow.set_tracking_uri(self.uri)  # of downloads only the global address is asked
            self.mlflow.set_registry_uri(self.uri)
            address = f"models:/{self.name}/{version}/{inside}"
            return Path(self.mlflow.artifacts.download_artifacts(address, dst_path=str(place)))

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """RegistryError instead of what MLflow, its database driver, the network or the disk raises."""
        import sqlalchemy.exc  # noqa: PLC0415  # comes with mlflow, as late as mlflow

        try:
            yield
        except (self.mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, ImportError, OSError) as error:
            code = getattr(error, "error_code", "")
            told = " ".join(without_password(str(error)).split())[:400]
            do = "is there such a model?" if code == "RESOURCE_DOES_NOT_EXIST" else "run the command again"
            raise RegistryError(
                f"models:/{self.name}: MLflow at {without_password(self.uri)} could not {what}: {told}; {do}",
                unreachable=code != "RESOURCE_DOES_NOT_EXIST",
            ) from error


def registry_uri(overrides: Sequence[str]) -> str:
    """The registry of a command: that to which training logs, with `tracking.uri` where it is set."""
    tables: dict[str, Any] = {}
    for override in overrides:
        lay_over(tables, override)
    tracking = tables.get("tracking") or {}
    return find_store(TrackingConfig(uri=tracking.get("uri"))).uri


def open_versions(uri: str, name: str) -> ModelVersions:
    """The registered model of a name; nothing is asked yet but whether a server is there, which MLflow tries long."""
    if not name or "'" in name or "/" in name or ":" in name:
        raise RegistryError(f"NAME: expected the name of a registered model, for example demo, got {name!r}")
    if is_server(uri):
        try:
            check_server(Store(uri, "tracking.uri"))
        except ConfigError:
            raise RegistryError(
                f"{without_password(uri)}: expected an MLflow server, got no answer; start it, or {ELSEWHERE}",
                unreachable=True,
            ) from None
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    return ModelVersions(import_mlflow(), uri, name)
