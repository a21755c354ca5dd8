"""Claims: MLflow's own `evaluate` gives the figures of `mersalg evaluate`, in its own run, and says what is wrong."""

from __future__ import annotations

import json
import shutil
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from mersalg.cli import main
from mersalg.errors import MersalgError
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import import_mlflow, open_run

ROOT = Path(__file__).parents[2]
QUERIES = 40

pytestmark = [
    # MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # MLflow about the type hints of its own classes.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
    # MLflow's use of pandas, for the digest of a table.
    pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0 all arguments of all"),
]


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow with the evaluator that pyproject.toml declares, whether it is installed or not."""
    declared = tomllib.loads((ROOT / "training" / "pyproject.toml").read_text())["project"]["entry-points"]
    [(name, value)] = declared["mlflow.model_evaluator"].items()
    result = import_mlflow()
    from mlflow.models.evaluation.evaluator_registry import _model_evaluation_registry as registry

    monkeypatch.setitem(registry._registry, name, EntryPoint(name, value, "mlflow.model_evaluator").load())
    return result


@pytest.fixture
def uri(migrated_store: Path, tmp_path: Path, trained_bundle: Path) -> str:
    """A store that holds the bundle as `models:/corner-shop@challenger`."""
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    result = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with open_run(TrackingConfig(uri=result), "corner-shop") as run:
        run.log_bundle(trained_bundle, "corner-shop")
    return result


def test_mlflows_evaluate_gives_the_figures_of_the_command(
    mlflow: Any, uri: str, trained_bundle: Path, tmp_path: Path
) -> None:
    import pandas as pd

    config = json.loads((trained_bundle / "manifest.json").read_text())["config"]
    lines = pd.read_parquet(config["data"]["orders"])
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.set_experiment("mersalg").experiment_id
    with mlflow.start_run(experiment_id=experiment) as active:
        found = mlflow.models.evaluate(
            "models:/corner-shop@challenger", lines, model_type="mersalg", evaluator_config={"queries": QUERIES}
        )
    told = ["--set", "tracking.enabled=true", "--set", f"tracking.uri={uri}", "--queries", str(QUERIES)]
    assert main(["evaluate", str(trained_bundle), *told]) == 0
    client = mlflow.MlflowClient(uri)
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    by_command = runs[f"{config['name']}-evaluation"].data
    own = client.get_run(active.info.run_id)
    assert found.metrics == own.data.metrics == by_command.metrics
    assert found.metrics["ndcg/completion"] > 0.0
    assert own.info.status == "FINISHED", "MLflow ends the run that it opened"
    assert own.data.tags["data.digest"] == by_command.tags["data.digest"]
    assert {"metrics.csv", "report.html"} <= {file.path for file in client.list_artifacts(own.info.run_id)}


def test_what_it_cannot_evaluate_is_told(mlflow: Any) -> None:
    from mersalg_training.model_evaluator import MersalgEvaluator, read_options, recommender_of

    assert MersalgEvaluator.can_evaluate(model_type="mersalg", evaluator_config={})
    assert not MersalgEvaluator.can_evaluate(model_type="regressor", evaluator_config={})
    with pytest.raises(MersalgError, match="expected queries, baselines, restraint, overrides, got 'trees'"):
        read_options({"trees": 3})
    with pytest.raises(MersalgError, match="expected the address of a logged bundle"):
        recommender_of(lambda frame: frame)
