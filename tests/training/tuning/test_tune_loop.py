"""Claims: a search settles every trial once, goes on after a failure, and refuses what is another search."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mersalg.errors import ConfigError, DataError, MersalgError
from mersalg_training.commands import add_commands
from mersalg_training.config import Config, load_config
from mersalg_training.learn import Purchased
from mersalg_training.tuning import search
from mersalg_training.tuning.bench import Bench, Judged
from mersalg_training.tuning.search import Plan, tune
from mersalg_training.tuning.space import SPACE, Dimension, choose, with_settings
from mersalg_training.tuning.study import MAX_ATTEMPTS, open_study
from mersalg_training.tuning.summary import render
from mersalg_training.tuning.tuned_file import check_out
from small_tuning import (
    Judge,
    a_plan,
    by_formula,
    quiet_console,
    read_trials,
    tries,
)


def test_the_same_seed_gives_the_same_search_and_another_seed_another(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    judged_by(by_formula)
    config, found = load_config(job), []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        plan = a_plan(tmp_path, study=tmp_path / name, trials=11)
        tune(config.model_copy(update={"seed": seed}), "job.toml", plan, quiet_console())
        found.append(tries(plan.study))
    assert found[0] == found[1] != found[2]


def test_a_search_in_three_parts_with_failures_tries_what_one_search_tries(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    judged_by(by_formula)
    whole = a_plan(tmp_path, study=tmp_path / "whole", trials=13)
    tune(load_config(job), "job.toml", whole, quiet_console())
    calls = itertools.count()

    def failing(bench: Bench, config: Config, tell: Any) -> Judged:
        if next(calls) in (0, 5, 6, 12):
            raise OSError("the disk is full")
        return by_formula(bench, config, tell)

    judged_by(failing)
    parts = replace(whole, study=tmp_path / "parts")
    for _ in range(4):
        with pytest.raises(OSError, match="full"):
            tune(load_config(job), "job.toml", parts, quiet_console())
    tune(load_config(job), "job.toml", parts, quiet_console())
    assert tries(parts.study) == tries(whole.study)


def test_what_is_finished_is_not_repeated_and_more_trials_go_on(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    asked = []

    def counting(bench: Bench, config: Config, tell: Any) -> Judged:
        asked.append(config.ranker)
        return by_formula(bench, config, tell)

    judged_by(counting)
    for trials, wanted in ((3, 4), (3, 4), (6, 7)):
        tune(load_config(job), "job.toml", a_plan(tmp_path, trials=trials), quiet_console())
        assert len(asked) == wanted


def test_a_setting_that_the_data_refuse_is_settled_and_the_search_goes_on(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    def refusing(bench: Bench, config: Config, tell: Any) -> Judged:
        if config.ranker.trees > 60:
            raise DataError("too many trees for so few rows")
        return by_formula(bench, config, tell)

    judged_by(refusing)
    plan = a_plan(tmp_path, trials=8)
    found = tune(load_config(job), "job.toml", plan, quiet_console())
    assert 0 < found.refused < 8
    assert found.settled == 9
    assert {t.reason for t in read_trials(plan.study) if t.outcome == "refused"} == {"too many trees for so few rows"}


def test_a_configuration_that_cannot_be_tried_itself_stops_the_search(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    def refusing(bench: Bench, config: Config, tell: Any) -> Judged:
        raise DataError("no rows")

    judged_by(refusing)
    with pytest.raises(DataError, match="no rows"):
        tune(load_config(job), "job.toml", a_plan(tmp_path), quiet_console())


def test_a_setting_that_kills_the_process_three_times_is_given_up(tmp_path: Path) -> None:
    space = [Dimension("ranker.trees", 40, 200, "log")]
    with open_study(tmp_path / "s", {}, space, 7) as study:
        study.finish(study.ask({"ranker.trees": 100}), 0.0, {})
        for attempt in range(1, MAX_ATTEMPTS + 1):
            asked = study.ask({"ranker.trees": 100})  # and the process ends here
            [left] = study.recover()
            assert left.settings == asked.settings
            assert left.outcome == ("refused" if attempt == MAX_ATTEMPTS else "broken off")
        assert "killed 3 times" in left.reason
        assert study.ask({"ranker.trees": 100}).settings != left.settings


def test_a_search_without_a_better_trial_writes_no_file(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    def worse(bench: Bench, config: Config, tell: Any) -> Judged:
        worth = 0.5 if config.ranker.trees == 5 and config.ranker.leaves == 7 else 0.3
        return Judged({task.label: [worth] * len(task.cases) for task in bench.tasks}, {})

    judged_by(worse)
    found = tune(load_config(job), "job.toml", a_plan(tmp_path), quiet_console())
    assert found.toml is None
    assert not (tmp_path / "tuned.toml").exists()
    assert "No trial of 3 is better" in str(render(found))


def test_no_trial_begins_after_the_timeout(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]

    def of_a_minute(bench: Bench, config: Config, tell: Any) -> Judged:
        now[0] += 60.0
        return by_formula(bench, config, tell)

    judged_by(of_a_minute)
    monkeypatch.setattr(search, "time", SimpleNamespace(monotonic=lambda: now[0]))
    found = tune(load_config(job), "job.toml", a_plan(tmp_path, trials=5000, minutes=2.5), quiet_console())
    assert found.settled == 3


# --- refusals


def refused(
    judged_by: Callable[[Judge], None], config: Config, plan: Plan, match: str, error: type[Exception] = ConfigError
) -> None:
    judged_by(by_formula)
    with pytest.raises(error, match=match):
        tune(config, "job.toml", plan, quiet_console())


def test_a_study_of_another_search_is_refused_by_what_is_different(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, purchased: Purchased
) -> None:
    judged_by(by_formula)
    config, plan = load_config(job), a_plan(tmp_path)
    tune(config, "job.toml", plan, quiet_console())
    other = with_settings(config, {"counts.min_support": 9})
    (leaves,) = choose(SPACE, "ranker.leaves")
    for changed, changed_plan, match in (
        (
            config,
            replace(plan, only="ranker.trees"),
            rf"other search space.*ranker\.leaves: expected nothing, got \[{leaves.low}, {leaves.high}",
        ),
        (config, replace(plan, objective="upsell"), "other tasks"),
        (config, replace(plan, queries=33), "other requests of a task.*expected 33, got 32"),
        (other, plan, r"other configuration.*counts\.min_support: expected 9, got 8; name another file with --study"),
    ):
        refused(judged_by, changed, changed_plan, match)
    others = replace(purchased, report=replace(purchased.report, digest="0" * 64))
    monkeypatch.setattr(search, "read_purchases", lambda config, stages: others)
    refused(judged_by, config, plan, "other purchases.*name another file with --study, or remove this one")


def test_a_file_that_is_no_study_is_refused_and_left_as_it_is(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to look like one " * 40)
    refused(judged_by, load_config(job), a_plan(tmp_path, study=file), r"--study .*notes\.txt: expected the study")
    assert file.read_text().startswith("not a database")
    refused(judged_by, load_config(job), a_plan(tmp_path, study=tmp_path / "no" / "s.db"), "cannot be written")


def test_two_searches_on_one_study_are_refused(judged_by: Callable[[Judge], None], job: Path, tmp_path: Path) -> None:
    plan = a_plan(tmp_path)
    with open_study(plan.study, {}, [], 0):
        refused(judged_by, load_config(job), plan, "another search is at work on it")


def test_a_file_that_a_person_wrote_is_not_written_over(
    judged_by: Callable[[Judge], None], job: Path, tmp_path: Path
) -> None:
    plan = a_plan(tmp_path)
    plan.out.write_text('name = "mine"\n')
    refused(judged_by, load_config(job), plan, "not written by mersalg tune")
    plan.out.write_text("# Written by `mersalg tune` from a.toml\n")
    check_out(plan.out)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--trials", "0"], "--trials: expected a whole number from 1"),
        (["--queries", "0"], "--queries"),
        (["--timeout", "0"], "--timeout"),
        (["--only", "ranker.tree"], "--only ranker.tree"),
        (["--set", "ranker.trees=none"], "ranker.trees"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], match: str, job: Path) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    args = parser.parse_args(["tune", str(job), *arguments])
    with pytest.raises(MersalgError, match=match):
        args.handler(args)
