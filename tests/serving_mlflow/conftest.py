"""A real MLflow server, and a trained bundle that is registered in it and served by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import open_run
from serving_mlflow.mlflow_processes import Logged, listening


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a tracking server with its own SQLite file and artifact store."""
    folder = tmp_path_factory.mktemp("mlflow_server")
    arguments = [
        "server", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination", str(folder / "artifacts"), "--workers", "1",
    ]  # fmt: skip
    with listening(arguments, "/health", folder / "server.log") as address:
        yield address


@pytest.fixture(scope="session")
def logged(mlflow_server: str, trained_bundle: Path) -> Logged:
    """Log the trained bundle through the server, as `mersalg train` does."""
    tracking = TrackingConfig(uri=mlflow_server, experiment="shop")
    with open_run(tracking, "corner-shop") as run:
        run.log_params({"ranker.trees": 100})
        run.log_metrics({"test/ndcg at 10": 0.25})
        run.log_curve("loss/fit", [0.5, 0.4])
        run.log_text("contract/report.json", '{"fee": 3}')
        run.log_figure("plots/reliability.png", b"\x89PNG")
        run.log_dataset("corner-shop", "ab" * 32, "purchases.parquet", {"lines": 12})
        registered = run.log_bundle(trained_bundle, "corner-shop")
    assert registered is not None
    assert run.id is not None
    return Logged(trained_bundle, tracking, run.id, registered)


@pytest.fixture(scope="session")
def model_server(logged: Logged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the challenger with `mlflow models serve`, with pickle deserialisation switched off."""
    log = tmp_path_factory.mktemp("model_server") / "serve.log"
    arguments = ["models", "serve", "--model-uri", "models:/corner-shop@challenger", "--env-manager", "local"]
    off = {"MLFLOW_TRACKING_URI": logged.tracking.uri, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    with listening(arguments, "/ping", log, **off) as address:
        yield address
