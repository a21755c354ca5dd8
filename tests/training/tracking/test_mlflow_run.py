"""Claims about a tracked run, against a real SQLite store."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mersalg.errors import BundleError, ConfigError
from mersalg.registry.server import without_password
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import MlflowRun, import_mlflow, open_run
from mersalg_training.tracking.model_entry import ALIAS, BUNDLE_IN_MODEL
from toy_bundle import write_bundle

# MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture
def tracking(migrated_store: Path, tmp_path: Path) -> TrackingConfig:
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    return TrackingConfig(uri=f"sqlite:///{tmp_path / 'mlflow.db'}", experiment="shop")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "models" / "corner-shop", {"CARD.md": b"# a card\r\nwith its line ends\r\n"})


def client(tracking: TrackingConfig) -> Any:
    return import_mlflow().MlflowClient(tracking.uri)


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_a_finished_run_holds_parameters_metrics_tags_and_artifacts(tracking: TrackingConfig, tmp_path: Path) -> None:
    with open_run(tracking, "corner-shop") as run:
        run.log_params(
            {"ranker.trees": 100, "data.products": None, "ranker.kind": "lightgbm", "tracking.enabled": True}
        )
        run.log_metrics({"basket/explore/ndcg at 10": 0.25, "lines": 3})
        run.log_curve("loss/fit", [0.3, 0.2, 0.1])
        run.set_tags({"kind": "demo"})
        run.log_text("contract/report.json", '{"fee": 3}')
        run.log_figure("reliability.png", b"\x89PNG")
    found = client(tracking).get_run(run.id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "corner-shop"
    assert found.data.params == {
        "ranker.trees": "100", "data.products": "null", "ranker.kind": "lightgbm", "tracking.enabled": "true",
    }  # fmt: skip
    assert found.data.metrics == {"basket/explore/ndcg at 10": 0.25, "lines": 3.0, "loss/fit": 0.1}
    history = client(tracking).get_metric_history(run.id, "loss/fit")
    assert [(m.step, m.value) for m in history] == [(0, 0.3), (1, 0.2), (2, 0.1)]
    assert found.data.tags["kind"] == "demo"
    artifacts = tmp_path / "mlruns" / str(run.id) / "artifacts"
    assert (artifacts / "contract" / "report.json").read_text() == '{"fee": 3}'
    assert (artifacts / "reliability.png").read_bytes() == b"\x89PNG"


def test_more_parameters_and_metrics_than_one_batch_are_all_kept(tracking: TrackingConfig) -> None:
    with open_run(tracking, "wide") as run:
        run.log_params({f"p{i}": i for i in range(230)})
        run.log_metrics({f"m{i}": float(i) for i in range(1001)})
    found = client(tracking).get_run(run.id).data
    assert len(found.params) == 230
    assert len(found.metrics) == 1001


def test_a_parameter_that_is_too_long_becomes_an_artifact_and_says_so(tracking: TrackingConfig, tmp_path: Path) -> None:
    with open_run(tracking, "long") as run:
        run.log_params({"data.columns": "x" * 6001, "data.orders": "y" * 6000})
    params = client(tracking).get_run(run.id).data.params
    assert params["data.columns"] == "6001 characters: see the artifact params/data.columns.txt"
    assert params["data.orders"] == "y" * 6000
    artifact = tmp_path / "mlruns" / str(run.id) / "artifacts" / "params" / "data.columns.txt"
    assert artifact.read_text() == "x" * 6001


def test_the_data_set_is_named_by_its_digest(tracking: TrackingConfig) -> None:
    digest = "0123456789abcdef" * 4
    with open_run(tracking, "data") as run:
        run.log_dataset("corner-shop", digest, "purchases/*.parquet", {"lines": 12, "from": "2025-01-01"})
    found = client(tracking).get_run(run.id)
    (used,) = found.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("corner-shop", digest[:36])
    assert '"lines": 12' in used.dataset.profile
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    assert found.data.tags["data.digest"] == digest


def test_a_bundle_is_logged_verbatim_and_without_pickle(tracking: TrackingConfig, bundle: Path, tmp_path: Path) -> None:
    with open_run(tracking, "corner-shop") as run:
        registered = run.log_bundle(bundle, "corner-shop")
    assert registered is not None
    assert (registered.name, registered.version, registered.uri) == ("corner-shop", "1", "models:/corner-shop/1")
    (model,) = (tmp_path / "mlruns" / "models").iterdir()
    assert digests(model / "artifacts" / BUNDLE_IN_MODEL) == digests(bundle)
    assert "loader_module: mersalg.pyfunc" in (model / "artifacts" / "MLmodel").read_text()
    assert not [p for p in model.rglob("*") if p.suffix in {".pkl", ".pickle", ".joblib", ".cloudpickle"}]


def test_the_model_belongs_to_its_run_and_experiment(tracking: TrackingConfig, bundle: Path) -> None:
    with open_run(tracking, "corner-shop") as run:
        run.log_bundle(bundle, "corner-shop")
    made = client(tracking).get_model_version("corner-shop", "1")
    assert made.run_id == run.id
    model = client(tracking).get_logged_model(made.source.removeprefix("models:/"))
    assert model.status == "READY"
    assert model.experiment_id == client(tracking).get_run(run.id).info.experiment_id


def test_the_alias_challenger_moves_to_the_newest_version(tracking: TrackingConfig, bundle: Path) -> None:
    for expected in ("1", "2"):
        with open_run(tracking, "corner-shop") as run:
            registered = run.log_bundle(bundle, "corner-shop")
        assert registered is not None
        assert registered.version == expected
        assert str(client(tracking).get_model_version_by_alias("corner-shop", ALIAS).version) == expected


def test_no_version_is_registered_from_a_folder_without_a_manifest(tracking: TrackingConfig, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a bundle with a manifest"), open_run(tracking, "empty") as run:
        run.log_bundle(tmp_path, "empty")
    assert not client(tracking).search_registered_models()


@pytest.mark.parametrize(("raised", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_a_job_that_stops_ends_its_run_and_raises_the_same_error(
    tracking: TrackingConfig, raised: type[BaseException], status: str
) -> None:
    with pytest.raises(raised, match="in the middle"), open_run(tracking, "stopped") as run:
        raise raised("in the middle")
    assert client(tracking).get_run(run.id).info.status == status


def test_what_stopped_a_job_is_not_hidden_by_a_store_that_is_gone(
    tracking: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(run: MlflowRun, status: str) -> None:
        raise ConfigError(f"cannot set {status}")

    monkeypatch.setattr(MlflowRun, "end", gone)
    with pytest.raises(ValueError, match="in the middle") as stopped, open_run(tracking, "stopped"):
        raise ValueError("in the middle")
    assert stopped.value.__notes__ == ["cannot set FAILED"]


def test_two_runs_share_an_experiment(tracking: TrackingConfig) -> None:
    with open_run(tracking, "one") as one, open_run(tracking, "two") as two:
        one.set_tags({"which": "one"})
        two.set_tags({"which": "two"})
    runs = [client(tracking).get_run(run.id) for run in (one, two)]
    assert [run.data.tags["which"] for run in runs] == ["one", "two"]
    assert runs[0].info.experiment_id == runs[1].info.experiment_id


def test_a_run_says_how_to_look_at_it(tracking: TrackingConfig) -> None:
    with open_run(tracking, "where") as run:
        assert f"mlflow ui --backend-store-uri {tracking.uri}" in run.where
        assert str(run.id) in run.where


def test_a_password_in_the_address_is_never_shown() -> None:
    told = without_password("postgresql://me:secret@db/mlflow failed; http://me:secret@host:5000 too")
    assert told == "postgresql://me:***@db/mlflow failed; http://me:***@host:5000 too"


def test_an_address_without_its_password_is_asked_for_anew() -> None:
    uri = without_password("http://me:secret@127.0.0.1:9")
    told = r"the password is not kept in a bundle; give the address anew, --set tracking\.uri="
    with pytest.raises(ConfigError, match=told), open_run(TrackingConfig(uri=uri), "of a bundle"):
        pass


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://me:secret@127.0.0.1:9", "expected an MLflow server, got no answer"),
        ("nonsense://store", "could not open the experiment"),
        ("sqlite:////dev/null/mlflow.db", "could not open the experiment"),
    ],
)
def test_a_store_that_cannot_be_reached_is_a_config_error_with_the_way_out(uri: str, told: str) -> None:
    with (
        pytest.raises(ConfigError, match=f"tracking.uri .*{told}.*tracking.enabled=false") as refused,
        open_run(TrackingConfig(uri=uri), "unreachable"),
    ):
        pass
    assert "secret" not in str(refused.value)


def test_a_metric_name_that_mlflow_refuses_is_a_config_error_and_fails_the_run(tracking: TrackingConfig) -> None:
    with pytest.raises(ConfigError, match="could not log metrics"), open_run(tracking, "name") as run:
        run.log_metrics({"ndcg@10": 0.1})
    assert client(tracking).get_run(run.id).info.status == "FAILED"


def test_a_run_that_is_not_tracked_takes_the_same_calls_and_imports_nothing(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import open_run
with open_run(TrackingConfig(enabled=False), "quiet") as run:
    run.log_params({"a": 1}); run.log_metrics({"b": 2.0}); run.log_curve("c", [1.0]); run.set_tags({"d": "e"})
    run.log_text("f.txt", "g"); run.log_figure("h.png", b""); run.log_dataset("i", "j", "k", {})
    assert run.log_bundle(Path("l"), "m") is None and run.id is None and "not tracked" in run.where
assert "mlflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_mlflows_telemetry_is_off() -> None:
    import_mlflow()
    from mlflow.telemetry.client import get_telemetry_client
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert is_telemetry_disabled()
    assert get_telemetry_client() is None


def test_tracking_is_silent(tracking: TrackingConfig, bundle: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_run(tracking, "silent") as run:
        run.log_bundle(bundle, "silent")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
