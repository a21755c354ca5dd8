"""The search: trial after trial, each of them a run of MLflow below the search's own, until there are enough."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mersalg.errors import BundleError, DataError
from mersalg_training.config import Config, flat
from mersalg_training.evaluation.result import metric_key
from mersalg_training.learn import Purchased, read_purchases
from mersalg_training.progress import Stages
from mersalg_training.tracking.mlflow_run import end_run_left_open, open_run
from mersalg_training.tracking.run import Run
from mersalg_training.tuning.bench import Bench, Judged, Tell, open_bench
from mersalg_training.tuning.objective import compare, counted, parts_of, percent, value_of
from mersalg_training.tuning.space import SPACE, Dimension, around, choose, settings_of, with_settings
from mersalg_training.tuning.study import TuningStudy, TuningTrial, open_study
from mersalg_training.tuning.summary import TuningResult, log_found, settings_text
from mersalg_training.tuning.tuned_file import check_out, tuned_toml


@dataclass(frozen=True)
class Plan:
    """What is searched, how long, and where the results go."""

    only: str | None
    """Keys or sections between commas; None = the whole space."""
    objective: str | None
    """Tasks between commas; None = all."""
    trials: int
    """Settings that are tried beside the configuration as it stands, those of earlier starts included."""
    minutes: float | None
    """No trial begins after so many minutes; None = no limit."""
    queries: int
    """Most requests of a task."""
    study: Path
    out: Path


@dataclass(frozen=True)
class Search:
    """A search that is under way."""

    config: Config
    """As it stands: the trial that all others are compared with."""
    plan: Plan
    space: list[Dimension]
    labels: list[str]
    """The tasks that make the objective."""
    bench: Bench
    study: TuningStudy
    console: Console


def tune(config: Config, where: str, plan: Plan, console: Console) -> TuningResult:
    """Search, write the best configuration and log everything; what is finished already is not done again.

    where: the configuration's file, for the header of the one that is written. ConfigError, DataError or MersalgError
    say what does not hold.
    """
    space = around(choose(SPACE, plan.only), config)
    check_out(plan.out)
    stages = Stages(console)
    purchased = read_purchases(config, stages)
    with stages.stage("Making requests of the calibrate window"):
        bench = open_bench(purchased, config, plan.queries)
    labels = counted(bench.tasks, plan.objective)
    with open_study(
        plan.study, comparable(config, purchased, space, labels, plan.queries), space, config.seed
    ) as study:
        search = Search(config, plan, space, labels, bench, study, console)
        with open_run(config.tracking, f"{config.name} tuning", go_on=study.parent_run) as parent:
            if parent.id is not None and parent.id != study.parent_run:
                study.parent_run = parent.id
                log_start(parent, search, purchased)
            recover(search)
            run_trials(search, parent)
            result = conclude(search, where, parent)
            log_found(parent, result)
        return result


def comparable(
    config: Config, purchased: Purchased, space: Sequence[Dimension], labels: Sequence[str], queries: int
) -> dict[str, Any]:
    """All that must be equal for two trials to be compared, under names that a refusal shows."""
    judged = config.model_dump(mode="json", exclude={"name", "data", "contract", "thresholds", "limits", "tracking"})
    windows = {name: time for name, time in purchased.windows.to_json().items() if name != "to"}
    return {
        "version of mersalg": version("mersalg"),
        "purchases": {"sha256": purchased.report.digest},
        "windows": windows,
        "search space": {d.key: [d.low, d.high, d.scale] for d in space},
        "requests of a task": queries,
        "tasks": dict.fromkeys(labels, "counts"),
        "configuration": {
            f"{section}.{key}": value
            for section, values in judged.items()
            for key, value in (values.items() if isinstance(values, dict) else [("", values)])
        },
    }


def log_start(parent: Run, search: Search, purchased: Purchased) -> None:
    """What a search is told once: the configuration, the purchases, the space."""
    config = search.config
    parent.log_params(flat(config))
    parent.log_dataset(config.name, purchased.report.digest, config.data.orders, {"lines": purchased.report.lines_kept})
    parent.set_tags({"tuning.keys": ", ".join(d.key for d in search.space), "tuning.tasks": "; ".join(search.labels)})


def recover(search: Search) -> None:
    """Settle what a killed process left open, in the study and in MLflow."""
    for trial in search.study.recover():
        if trial.run_id is not None:
            end_run_left_open(search.config.tracking, trial.run_id)
        again = f"given up: {trial.reason}" if trial.outcome == "refused" else "it is tried again"
        search.console.print(f"  trial {trial.number:>3}  was cut off when the process was killed; {again}")
    settled = search.study.settled
    if settled and settled[0].outcome == "refused":
        raise DataError(
            f"mersalg tune: the configuration as it stands cannot be tried: {settled[0].reason}; "
            "make it smaller (ranker.requests, retrieve.new_candidates) and name another --study"
        )


def run_trials(search: Search, parent: Run) -> None:
    """Try settings until there are enough, or the time is over."""
    study, plan = search.study, search.plan
    start, wanted = time.monotonic(), plan.trials + 1
    with trial_bar(search, wanted) as tell:
        while len(study.settled) < wanted:
            if plan.minutes is not None and time.monotonic() - start >= 60.0 * plan.minutes:
                search.console.print(f"  --timeout is over after {len(study.settled)} of {wanted} trials")
                return
            trial = study.ask(settings_of(search.space, search.config))
            try:
                run_trial(search, trial, parent, lambda text, n=trial.number: tell(f"trial {n}: {text}"))  # type: ignore[misc]
            except BaseException:
                study.break_off(trial)
                raise


@contextmanager
def trial_bar(search: Search, wanted: int) -> Iterator[Tell]:
    """A bar of the trials done with the best so far; the body tells what it is at."""
    columns = (SpinnerColumn(), TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn())
    best = TextColumn("best {task.fields[best]}")
    with Progress(
        *columns,
        best,
        TimeElapsedColumn(),
        console=search.console,
        transient=True,
        disable=not search.console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=wanted, best="")

        def tell(text: str) -> None:
            done = search.study.done
            shown = percent(search.study.best.value) if done else ""
            bar.update(task, description=text, completed=len(search.study.settled), best=shown)

        yield tell


def run_trial(search: Search, trial: TuningTrial, parent: Run, tell: Tell) -> None:
    """Try one setting and settle it; a setting that the data refuse is settled too, unless it is the first."""
    study, config = search.study, search.config
    same = next((done for done in study.done if done.settings == trial.settings), None)
    if same is not None:
        study.finish(trial, same.value, same.ndcg)
        search.console.print(f"  trial {trial.number:>3}  has the settings of trial {same.number}")
        return
    try:
        with open_run(config.tracking, f"trial {trial.number}", parent=parent.id) as run:
            study.note_run(trial, run.id)
            run.log_params(trial.settings)
            judged = search.bench.judge(with_settings(config, trial.settings), tell)
            default = study.done[0].ndcg if study.done else judged.ndcg
            parts = parts_of(judged.ndcg, default, search.labels)
            run.log_metrics(trial_metrics(judged, parts))
            study.finish(trial, value_of(parts), judged.ndcg)
    except (DataError, BundleError) as error:
        if not study.done:
            raise
        study.refuse(trial, str(error))
        search.console.print(f"  trial {trial.number:>3}  refused: {error}")
        return
    before = settings_of(search.space, config)
    shown = settings_text(trial.settings, before) or "the configuration as it stands"
    value = percent(value_of(parts))
    search.console.print(f"  trial {trial.number:>3}  {value:>9}  {shown}", highlight=False)


def trial_metrics(judged: Judged, parts: Mapping[str, float]) -> dict[str, float]:
    """What a trial's run holds: the objective, its parts by task, seconds by stage."""
    return {
        "objective": value_of(parts),
        **{f"objective/{metric_key(task)}": part for task, part in parts.items()},
        **{f"ndcg_at_10/{metric_key(task)}": float(np.mean(values)) for task, values in judged.ndcg.items()},
        **{f"seconds/{stage}": seconds for stage, seconds in judged.seconds.items()},
        "seconds/all": sum(judged.seconds.values()),
    }


def conclude(search: Search, where: str, parent: Run) -> TuningResult:
    """The best trial beside the configuration as it stands; its file is written where it is better."""
    study, config, plan = search.study, search.config, search.plan
    default, best = study.done[0], study.best
    tasks = compare(search.bench.tasks, default.ndcg, best.ndcg, search.labels, config.seed)
    toml = None
    if best.number != default.number:
        windows, tried = search.bench.purchased.windows, len(study.settled) - 1
        origin = [
            f"from {where}: trial {best.number}, the best of {tried}, {percent(best.value)} NDCG@10",
            f"(geometric mean over {len(search.labels)} tasks) than {where} on the calibrate window,",
            f"{windows.calibrate_from:%Y-%m-%d} to {windows.to:%Y-%m-%d}, which chose it: expect less elsewhere.",
            f"Study: {plan.study}" + (f"; run: {parent.id}" if parent.id is not None else ""),
        ]
        tuned = with_settings(config, best.settings)
        toml = tuned_toml(tuned, best.settings, default.settings, origin)
        plan.out.write_text(toml, encoding="utf-8")
    settled = study.settled
    refused = sum(trial.outcome == "refused" for trial in settled)
    return TuningResult(
        default, best, tasks, study.importance(), len(settled), refused, toml, plan.out, plan.study, parent.where
    )
