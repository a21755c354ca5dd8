"""A real MLflow server whose registry holds toy bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mersalg.signing import sign_bundle
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import import_mlflow, open_run
from processes import DEADLINE
from serve.running import write_honey_bundle
from serving_mlflow.mlflow_processes import listening


@dataclass(frozen=True)
class Shelf:
    """A registry, and how versions come into it."""

    uri: str
    folder: Path

    def register(self, name: str, relevance: float, alias: str = "champion", signed: Path | None = None) -> str:
        """Log a toy bundle as `mersalg train` does, move the alias to it, and give its version.

        signed: the file of the private key.
        """
        bundle = write_honey_bundle(self.folder / f"{name}-{len(list(self.folder.iterdir()))}", relevance)
        if signed is not None:
            sign_bundle(bundle, signed)
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # where a test has its clients look
            with open_run(TrackingConfig(uri=self.uri, experiment="shop"), "toy") as run:
                registered = run.log_bundle(bundle, name)
        assert registered is not None
        self.move(name, alias, registered.version)
        return registered.version

    def move(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version."""
        import_mlflow().MlflowClient(self.uri, registry_uri=self.uri).set_registered_model_alias(name, alias, version)


def serve_registry(folder: Path, *arguments: str) -> Iterator[str]:
    """Run a tracking server with its own SQLite file and artifact store."""
    told = [
        "server", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination", str(folder / "artifacts"), "--workers", "1", *arguments,
    ]  # fmt: skip
    with listening(told, "/health", folder / "server.log") as address:
        yield address


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The registry of a running server."""
    folder = tmp_path_factory.mktemp("registry")
    for address in serve_registry(folder):
        (folder / "bundles").mkdir()
        yield Shelf(address, folder / "bundles")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no credentials of whoever runs it."""
    for name in ("URI", "TOKEN", "USERNAME", "PASSWORD", "SERVER_CERT_PATH", "CLIENT_CERT_PATH", "INSECURE_TLS"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", f"{DEADLINE:.0f}")
    monkeypatch.setenv("MERSALG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
