"""Claims about where runs go: to one place, whatever the folder in which a command runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mersalg.errors import ConfigError
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import import_mlflow, open_run
from mersalg_training.tracking.store import find_store


def test_mlflows_variable_comes_before_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    configured = TrackingConfig(uri="sqlite:///configured.db")
    assert find_store(configured).uri == "sqlite:///configured.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.shop:5000")
    assert find_store(configured).uri == "http://tracking.shop:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert find_store(configured).uri == "sqlite:///configured.db"


def test_the_variable_does_without_the_password_that_a_bundle_does_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    of_bundle = TrackingConfig(uri="http://me:***@tracking.shop")
    with pytest.raises(ConfigError, match="the password is not kept in a bundle"):
        find_store(of_bundle)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@tracking.shop")
    assert find_store(of_bundle).uri == "http://me:secret@tracking.shop"


def test_the_default_store_is_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "elsewhere").mkdir()
    found = []
    for folder in (tmp_path, tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        found.append(find_store(TrackingConfig()).uri)
    assert found == [f"sqlite:///{tmp_path}/data/mersalg/mlflow.db"] * 2
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/ann")
    assert find_store(TrackingConfig()).uri == "sqlite:////home/ann/.local/share/mersalg/mlflow.db"


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # SQLAlchemy's, of MLflow's own
def test_a_run_in_a_folder_with_a_store_of_before_goes_to_the_default_one_and_says_so(
    tmp_path: Path, migrated_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "data" / "mersalg").mkdir(parents=True)
    shutil.copy(migrated_store, tmp_path / "data" / "mersalg" / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    with open_run(TrackingConfig(), "before") as run:
        run.log_text("a.txt", "kept")
        assert "\n" not in run.where
    Path("mlflow.db").touch()
    with open_run(TrackingConfig(), "after") as run:
        first, second = run.where.splitlines()
    assert f"sqlite:///{tmp_path}/data/mersalg/mlflow.db" in first
    assert second.startswith(f"Runs of before are in {tmp_path}/mlflow.db")
    assert second.endswith("--set tracking.uri=sqlite:///mlflow.db")
    assert Path("mlflow.db").stat().st_size == 0
    assert list((tmp_path / "data" / "mersalg" / "mlruns").rglob("a.txt"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "mlflow.db"]
    with open_run(TrackingConfig(uri=f"sqlite:///{tmp_path}/data/mersalg/mlflow.db"), "named") as run:
        assert "\n" not in run.where, "who names a store knows where the runs are"


def test_mlflows_variable_is_named_where_its_store_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with (
        pytest.raises(ConfigError, match=r"^MLFLOW_TRACKING_URI .*expected an MLflow server, got no answer") as refused,
        open_run(TrackingConfig(uri="sqlite:///unused.db"), "unreachable"),
    ):
        pass
    assert "secret" not in str(refused.value)


def test_a_default_folder_that_cannot_be_made_is_a_config_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    told = "name another store with MLFLOW_TRACKING_URI"
    with pytest.raises(ConfigError, match=told), open_run(TrackingConfig(), "nowhere"):
        pass


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_a_run_leaves_the_next_one_free_to_go_elsewhere(tmp_path: Path, migrated_store: Path) -> None:
    from mersalg_training.tracking.mlflow_run import point_to

    shutil.copy(migrated_store, tmp_path / "one.db")
    point_to(import_mlflow(), f"sqlite:///{tmp_path}/one.db")
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert find_store(TrackingConfig(uri="sqlite:///two.db")).uri == "sqlite:///two.db"
