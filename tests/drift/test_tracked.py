"""Claims: a tracked check leaves its figures and its page in MLflow, and a recalibrated bundle is a new version."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift.later import Later
from mersalg.cli import main
from mersalg_training.tracking.mlflow_run import import_mlflow
from mersalg_training.tracking.model_entry import ALIAS

# MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.mark.slow
def test_a_check_and_a_newer_calibration_are_found_in_mlflow(later: Later, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracked = ["--orders", later.orders("tracked"), "--set", "tracking.enabled=true", "--set", f"tracking.uri={store}"]
    assert main(["check", str(later.bundle), *tracked]) == 0
    assert main(["recalibrate", str(later.bundle), *tracked, "--out", str(tmp_path / "renewed")]) == 0
    client = import_mlflow().MlflowClient(store, registry_uri=store)
    experiment = client.get_experiment_by_name("mersalg")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    checked = runs["check small-shop"]
    assert checked.data.tags["mersalg.decision"] == "keep"
    assert checked.data.metrics["check/exit_status"] == 0.0
    assert "check/shift/price_paid" in checked.data.metrics
    kept = {file.path for file in client.list_artifacts(checked.info.run_id)}
    assert kept == {"check.html", "check.json", "plots"}
    version = client.get_model_version_by_alias("small-shop", ALIAS)
    assert version.run_id == runs["recalibrate small-shop"].info.run_id
    assert runs["recalibrate small-shop"].data.tags["mersalg.parent_manifest_sha256"]
