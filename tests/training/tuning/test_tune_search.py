"""Claims: a search never sees the test window, and goes on after a kill as if nothing had happened."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from mersalg_training.config import Config, load_config
from mersalg_training.learn import read_purchases
from mersalg_training.progress import Stages
from mersalg_training.tuning.bench import open_bench
from mersalg_training.tuning.search import tune
from mersalg_training.tuning.space import with_settings
from mersalg_training.tuning.summary import TuningResult, render
from processes import killed_before
from small_shop import TEST_FROM, SmallShop, another_future, write_shop
from small_tuning import (
    ONLY,
    QUERIES,
    QUICK,
    Tries,
    a_plan,
    quiet_console,
    read_trials,
    tries,
)


@pytest.fixture(scope="module")
def finished(job: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TuningResult, Tries]:
    """A search of real trials that nothing interrupted."""
    plan = a_plan(tmp_path_factory.mktemp("finished"), trials=3)
    found = tune(load_config(job), "job.toml", plan, quiet_console())
    return found, tries(plan.study)


# --- the test window


@pytest.mark.slow
def test_what_lies_in_the_test_window_changes_nothing(
    finished: tuple[TuningResult, Tries], small_shop: SmallShop, tmp_path: Path
) -> None:
    config = write_shop(another_future(small_shop, TEST_FROM), tmp_path / "data", **QUICK)
    plan = a_plan(tmp_path, trials=3)
    tune(config, "job.toml", plan, quiet_console())
    assert tries(plan.study) == finished[1]


@pytest.mark.slow
def test_what_lies_in_the_calibrate_window_is_what_judges(job: Path, small_shop: SmallShop, tmp_path: Path) -> None:
    def ndcg(config: Config) -> dict[str, list[float]]:
        read = read_purchases(config, Stages(quiet_console()))
        return open_bench(read, config, 6).judge(config, lambda text: None).ndcg

    late = max(small_shop.lines, key=lambda line: line.ordered_at)
    fewer = [line for line in small_shop.lines if line.ordered_at < TEST_FROM and line.product_id != "milk-0"]
    changed = write_shop(small_shop.with_lines([*fewer, late]), tmp_path / "data", **QUICK)
    assert ndcg(changed) != ndcg(load_config(job))


# --- a search of real trials


@pytest.mark.slow
def test_the_first_trial_is_the_configuration_as_it_stands(finished: tuple[TuningResult, Tries]) -> None:
    found, tried = finished
    assert tried[0] == ({"ranker.trees": 5, "ranker.leaves": 7}, 0.0)
    assert len(tried) == 4
    assert found.default.number == 0
    assert found.best.value == max(value for _, value in tried) > 0.0


@pytest.mark.slow
def test_the_tuned_file_is_the_configuration_of_the_best_trial(finished: tuple[TuningResult, Tries], job: Path) -> None:
    found, _ = finished
    assert load_config(found.out) == with_settings(load_config(job), found.best.settings)
    text = found.out.read_text()
    assert text.startswith("# Written by `mersalg tune` from job.toml: trial ")
    assert f"trees = {found.best.settings['ranker.trees']}  # was 5" in text
    assert "2024-05-20 to 2024-06-29" in text  # the calibrate window


@pytest.mark.slow
def test_the_best_trial_stands_beside_the_default_task_by_task(finished: tuple[TuningResult, Tries]) -> None:
    found, _ = finished
    printed = io.StringIO()
    Console(file=printed, width=200).print(render(found))
    assert "completion, explore" in printed.getvalue()
    for task in found.tasks:
        assert task.gain.value == pytest.approx(task.after.value - task.before.value)
        assert task.gain.low <= task.gain.value <= task.gain.high


@pytest.mark.slow
def test_a_killed_search_goes_on_as_if_nothing_had_happened(
    finished: tuple[TuningResult, Tries], job: Path, tmp_path: Path
) -> None:
    study = tmp_path / "shop.tuning.db"
    arguments = ["tune", str(job), "--trials", "3", "--only", ONLY, "--queries", str(QUERIES), "--study", str(study)]
    command = ["mersalg", *arguments, "--out", str(tmp_path / "tuned.toml")]
    killed_before("mersalg_training.tuning.bench:Bench.judge", 3, *command)
    with closing(sqlite3.connect(study)) as connection:
        states = [row[0] for row in connection.execute("SELECT state FROM trials ORDER BY number")]
    assert states == ["COMPLETE", "COMPLETE", "RUNNING"]
    before = [trial for trial in read_trials(study) if trial.outcome == "done"]
    ended = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "was cut off when the process was killed; it is tried again" in ended.stdout
    after = read_trials(study)
    assert [trial for trial in after if trial.number < len(before)] == before
    assert [trial.outcome for trial in after].count("broken off") == 1
    assert tries(study) == finished[1]
