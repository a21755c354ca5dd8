"""Claims about a bundle as a model of MLflow: found by its figures, described, with a request to try and a wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mersalg.errors import BundleError
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import NOTE_TAG, PARENT_TAG, import_mlflow, open_run
from mersalg_training.tracking.model_entry import read_entry
from mersalg_training.tracking.origin import origin_tags
from mersalg_training.tracking.run import EVALUATION
from toy_bundle import rewrite, write_bundle

pytestmark = [
    # MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # MLflow about the type hints of its own classes.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]


@pytest.fixture(scope="module")
def store(migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a training and, below it, an evaluation of its bundle."""
    folder = tmp_path_factory.mktemp("tracked")
    shutil.copy(migrated_store, folder / "mlflow.db")
    write_bundle(folder / "toy")
    with open_run(tracking_in(folder), "toy") as run:
        run.log_params({"ranker.trees": 5})
        run.log_dataset("orders", "ab" * 32, "orders.parquet", {"lines": 12})
        run.start_model("toy")
        run.log_model_metrics({"ndcg/completion": 0.31, "ndcg/completion/low": 0.25})
        run.log_metrics({"training_seconds": 4.0})
        run.describe("# a toy")
        run.log_bundle(folder / "toy", "toy-shop")
    (folder / "run_id").write_text(str(run.id))
    with open_run(tracking_in(folder), "toy-evaluation", parent=run.id) as again:
        again.log_dataset("orders", "cd" * 32, "newer.parquet", {"lines": 15}, EVALUATION)
        again.use_model_of(run.id)
        again.log_model_metrics({"ndcg/completion": 0.29})
    return folder


def tracking_in(folder: Path) -> TrackingConfig:
    return TrackingConfig(uri=f"sqlite:///{folder / 'mlflow.db'}", experiment="shop")


@pytest.fixture
def client(store: Path) -> Any:
    uri = f"sqlite:///{store / 'mlflow.db'}"
    return import_mlflow().MlflowClient(uri, registry_uri=uri)


@pytest.fixture
def model(client: Any) -> Any:
    """The only one there is."""
    [result] = client.search_logged_models([client.get_experiment_by_name("shop").experiment_id])
    return result


def test_a_model_is_found_by_its_figures_and_knows_their_data_set(client: Any, model: Any) -> None:
    experiment = [client.get_experiment_by_name("shop").experiment_id]
    above, below = (f"metrics.`ndcg/completion` > {bound}" for bound in (0.3, 0.32))
    assert [m.model_id for m in client.search_logged_models(experiment, filter_string=above)] == [model.model_id]
    assert client.search_logged_models(experiment, filter_string=below) == []
    figures = {(m.key, m.value, m.dataset_name, m.dataset_digest) for m in model.metrics}
    assert ("ndcg/completion", 0.31, "orders", ("ab" * 32)[:36]) in figures
    assert ("ndcg/completion", 0.29, "orders", ("cd" * 32)[:36]) in figures, "an evaluation's is the model's, too"
    assert "training_seconds" not in {m.key for m in model.metrics}, "that is the run's alone"
    assert model.params == {"ranker.trees": "5"}
    assert (model.name, model.model_type, model.status) == ("toy", "mersalg", "READY")


def test_an_evaluation_stands_below_its_training_and_names_its_model(client: Any, model: Any, store: Path) -> None:
    ids = [run.info.run_id for run in client.search_runs([model.experiment_id])]
    runs = {run.info.run_name: run for run in map(client.get_run, ids)}  # a search tells no models
    trained, evaluated = runs["toy"], runs["toy-evaluation"]
    assert evaluated.data.tags[PARENT_TAG] == trained.info.run_id == (store / "run_id").read_text()
    assert [m.model_id for m in evaluated.inputs.model_inputs] == [model.model_id]
    assert [m.model_id for m in trained.outputs.model_outputs] == [model.model_id]
    assert trained.data.metrics == {"ndcg/completion": 0.31, "ndcg/completion/low": 0.25, "training_seconds": 4.0}
    [used] = evaluated.inputs.dataset_inputs
    assert [tag.value for tag in used.tags] == ["evaluation"]


def test_a_run_whose_training_is_in_no_store_stands_alone(store: Path, client: Any, tmp_path: Path) -> None:
    copy = tmp_path / "mlflow.db"
    shutil.copy(store / "mlflow.db", copy)
    with open_run(TrackingConfig(uri=f"sqlite:///{copy}"), "alone", parent="0" * 32) as run:
        run.use_model_of("0" * 32)
        run.use_model_of(None)
        run.log_model_metrics({"ndcg/completion": 0.2})
    found = import_mlflow().MlflowClient(f"sqlite:///{copy}").get_run(run.id)
    assert PARENT_TAG not in found.data.tags
    assert found.data.metrics == {"ndcg/completion": 0.2}


def test_a_version_has_the_card_its_certificates_and_its_digests(client: Any, store: Path) -> None:
    made = client.get_model_version("toy-shop", "1")
    assert made.description == (store / "toy" / "CARD.md").read_text()
    assert made.tags["certificate.cross-sell"] == "at least 22.0% bought, confidence 90%, 812 offers"
    assert made.tags["certificate.replacement"] == "silent"
    assert made.tags["certificate.add-on"] == "shown, not certified"
    assert made.tags["mersalg.kinds_certified"] == "cross-sell"
    assert "golden requests answered alike by onnxruntime" in made.tags["mersalg.parity"]
    assert len(made.tags["mersalg.manifest_sha256"]) == 64
    run = client.get_run((store / "run_id").read_text())
    assert made.tags.items() <= run.data.tags.items()
    assert run.data.tags[NOTE_TAG] == "# a toy"


def test_the_signature_tells_requests_and_offers_and_the_example_is_a_request_to_try(
    client: Any, model: Any, store: Path
) -> None:
    import pandas as pd

    mlflow = import_mlflow()
    folder = Path(model.artifact_location.removeprefix("file://"))
    saved = mlflow.models.Model.load(str(folder))
    assert saved.signature.inputs.required_input_names() == ["request_id", "moment"]
    offers = saved.signature.outputs
    assert offers.input_names()[:4] == ["request_id", "rank", "product_id", "kind"]
    assert "because" not in offers.required_input_names()
    example = json.loads((folder / "serving_input_example.json").read_text())
    request = dict(zip(example["dataframe_split"]["columns"], example["dataframe_split"]["data"][0], strict=True))
    answers = mlflow.pyfunc.load_model(str(folder)).predict(pd.DataFrame([request]))
    assert len(answers), "the example is a request that is answered with an offer"
    assert set(answers["request_id"]) == {request["request_id"]}
    assert list(answers.columns) == offers.input_names()


def test_the_requirements_name_a_wheel_that_lies_in_the_model(model: Any) -> None:
    folder = Path(model.artifact_location.removeprefix("file://"))
    requirements = (folder / "requirements.txt").read_text().splitlines()
    [wheel] = [line for line in requirements if "mersalg" in line]
    assert wheel.startswith("code/mersalg-")
    assert (folder / wheel).is_file()
    assert all(line == wheel or "==" in line for line in requirements)


def test_a_model_of_a_job_that_stopped_is_marked_as_failed(migrated_store: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_store, tmp_path / "mlflow.db")

    def job() -> None:
        with open_run(tracking_in(tmp_path), "stopped") as run:
            run.start_model("toy")
            run.log_bundle(tmp_path, "toy")

    with pytest.raises(BundleError, match="expected a bundle"):
        job()
    client = import_mlflow().MlflowClient(tracking_in(tmp_path).uri)
    [model] = client.search_logged_models([client.get_experiment_by_name("shop").experiment_id])
    assert model.status == "FAILED"


def test_a_run_says_which_command_and_commit_it_comes_from_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/bin/mersalg", "train", "shop.toml", "--set", "tracking.uri=http://a:pw@b"])
    monkeypatch.setenv("LOGNAME", "ann")
    assert "mlflow.source.git.commit" not in origin_tags(tmp_path)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=ann", "-c", "user.email=ann@shop"]
    for command in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "first"]):
        subprocess.run([*git, *command], check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    tags = origin_tags(tmp_path)
    assert tags["mlflow.source.git.commit"] == head
    assert tags["git.changed"] == "false"
    assert tags["mlflow.source.name"] == "mersalg train"
    assert tags["mlflow.user"] == "ann"
    assert "http://a:***@b" in tags["mersalg.command"]


def test_a_bundle_that_answers_its_golden_requests_otherwise_is_not_registered(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "toy")
    golden = json.loads((bundle / "golden.json").read_text())
    golden["answers"][0][0]["relevance"] = 0.9
    rewrite(bundle, "golden.json", json.dumps(golden).encode())
    with pytest.raises(BundleError, match="expected relevance"):
        read_entry(bundle)
