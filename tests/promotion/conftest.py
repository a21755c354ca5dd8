from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mersalg_training.tracking.mlflow_run import import_mlflow
from promotion.toy_registry import ToyRegistry


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all its tables, made once: it takes MLflow seconds."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    import_mlflow().MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def toys(empty_store: Path, tmp_path: Path) -> ToyRegistry:
    """An empty registry of the test's own."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    (tmp_path / "toys").mkdir()
    return ToyRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "toys")
