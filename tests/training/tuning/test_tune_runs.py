"""Claims: a search is a run of MLflow with a run below it for each trial, also where it was cut off."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mersalg_training.config import Config, load_config
from mersalg_training.learn import read_purchases
from mersalg_training.tracking.mlflow_run import PARENT_TAG, import_mlflow
from mersalg_training.tuning import search
from mersalg_training.tuning.bench import Bench, Judged
from mersalg_training.tuning.search import tune
from mersalg_training.tuning.study import TuningStudy
from small_tuning import (
    Judge,
    a_plan,
    by_formula,
    quiet_console,
)

# MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture
def tracked(job: Path, tmp_path: Path, migrated_store: Path) -> Config:
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    return load_config(job, ["tracking.enabled=true", f'tracking.uri="sqlite:///{tmp_path / "mlflow.db"}"'])


def runs_of(config: Config) -> tuple[Any, list[Any]]:
    """The search's own run, and those of its trials by name."""
    client = import_mlflow().MlflowClient(config.tracking.uri)
    runs = client.search_runs([client.get_experiment_by_name(config.tracking.experiment).experiment_id])
    [parent] = [run for run in runs if PARENT_TAG not in run.data.tags]
    children = [run for run in runs if run.data.tags.get(PARENT_TAG) == parent.info.run_id]
    assert len(children) == len(runs) - 1
    return parent, sorted(children, key=lambda run: int(run.info.run_name.split()[1]))


def test_a_search_is_a_run_and_each_trial_a_run_below_it(
    judged_by: Callable[[Judge], None], tracked: Config, tmp_path: Path
) -> None:
    judged_by(by_formula)
    found = tune(tracked, "job.toml", a_plan(tmp_path, trials=8), quiet_console())
    parent, children = runs_of(tracked)
    assert [run.info.run_name for run in children] == [f"trial {number}" for number in range(9)]
    best = children[found.best.number].data
    assert best.params == {key: str(value) for key, value in found.best.settings.items()}
    assert best.metrics["objective"] == pytest.approx(found.best.value)
    assert best.metrics["objective/completion.anonymous"] == pytest.approx(found.best.value)
    assert {"ndcg_at_10/completion.anonymous", "seconds/tasks", "seconds/all"} <= set(best.metrics)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best/objective"] == pytest.approx(found.best.value)
    assert parent.data.params["ranker.trees"] == "5"
    artifacts = tmp_path / "mlruns" / parent.info.run_id / "artifacts"
    assert {"comparison.md", "tuned.toml", "plots"} == {path.name for path in artifacts.iterdir()}
    assert (artifacts / "plots" / "importance.png").read_bytes().startswith(b"\x89PNG")


def test_a_search_that_goes_on_is_the_same_run_and_what_was_cut_off_is_marked(
    judged_by: Callable[[Judge], None], tracked: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(bench: Bench, config: Config, tell: Any) -> Judged:
        raise KeyboardInterrupt if config.ranker.trees != 5 else AssertionError

    judged_by(by_formula)
    plan = a_plan(tmp_path, trials=1)
    tune(tracked, "job.toml", plan, quiet_console())
    judged_by(killed)
    # A killed process writes nothing more: neither to the study, nor (as it would on an interrupt) to its runs.
    monkeypatch.setattr(TuningStudy, "break_off", lambda self, trial: None)
    monkeypatch.setattr("mersalg_training.tracking.mlflow_run.MlflowRun.end", lambda self, status: None)
    with pytest.raises(KeyboardInterrupt):
        tune(tracked, "job.toml", replace(plan, trials=2), quiet_console())
    monkeypatch.undo()
    judged_by(by_formula)
    monkeypatch.setattr(search, "read_purchases", read_purchases)
    tune(tracked, "job.toml", replace(plan, trials=2), quiet_console())
    parent, children = runs_of(tracked)
    assert [run.info.status for run in children] == ["FINISHED", "FINISHED", "KILLED", "FINISHED"]
    assert parent.info.status == "FINISHED"
    assert children[2].data.params == children[3].data.params
