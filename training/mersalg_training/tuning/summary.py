"""What a search found: as tables for a terminal, and as the artifacts of its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from mersalg.registry.server import without_password
from mersalg_training.evaluation.render import interval
from mersalg_training.evaluation.result import metric_key
from mersalg_training.figure_table import FigureTable, as_markdown, as_text
from mersalg_training.plots.training import bars
from mersalg_training.tracking.run import Run
from mersalg_training.tuning.objective import Compared, percent
from mersalg_training.tuning.space import Settings
from mersalg_training.tuning.study import MIN_TRIALS_FOR_IMPORTANCE, TuningTrial

CAUTION: Final = (
    "The best trial was chosen on these requests: expect less on others. `mersalg train` shows the test window."
)
DOES_NOT_COUNT: Final = "A task with a star does not count: it has too few requests, or was not asked for."


@dataclass(frozen=True)
class TuningResult:
    """The end of a search."""

    default: TuningTrial
    """The configuration as it stands."""
    best: TuningTrial
    tasks: Sequence[Compared]
    importance: dict[str, float]
    """Key -> its share of the objective's variance; empty where that cannot be said."""
    settled: int
    """Trials, the configuration as it stands included."""
    refused: int
    """Of them, those whose settings did not work."""
    toml: str | None
    """The tuned configuration; None where no trial was better."""
    out: Path
    study: Path
    run: str
    """Where to look at the search's run."""


def render(result: TuningResult) -> RenderableType:
    """For a terminal."""
    if result.toml is None:
        told = f"No trial of {result.settled - 1} is better than the configuration as it stands"
        return Text(f"{told}; {result.out} is not written. Go on with a higher --trials.")
    return Group(as_text(tasks_table(result)), as_text(settings_table(result)), Text(CAUTION))


def markdown(result: TuningResult) -> str:
    """The same in Markdown."""
    return "\n\n".join([as_markdown(tasks_table(result)), as_markdown(settings_table(result)), CAUTION]) + "\n"


def tasks_table(result: TuningResult) -> FigureTable:
    """A row for each task, a star behind one that is no part of the objective."""
    rows = [
        [
            task.task if task.counts else f"{task.task} *",
            str(task.before.n),
            f"{task.before.value:.4f}",
            f"{task.after.value:.4f}",
            interval(task.gain, signed=True),
        ]
        for task in result.tasks
    ]
    title = f"NDCG@10 on the calibrate window, {percent(result.best.value)}; in brackets 95 %"
    columns = ["task", "n", "as it stands", "best trial", "difference"]
    notes = [] if all(task.counts for task in result.tasks) else [DOES_NOT_COUNT]
    return FigureTable(title, columns, rows, notes=notes)


def settings_table(result: TuningResult) -> FigureTable:
    """A row for each key that was searched."""
    before, after = result.default.settings, result.best.settings
    rows = [
        [key, str(before[key]), str(after[key]), f"{result.importance[key]:.0%}" if key in result.importance else ""]
        for key in after
    ]
    return FigureTable("", ["key", "as it stands", f"trial {result.best.number}", "importance"], rows)


def settings_text(settings: Settings, before: Settings) -> str:
    """The settings that changed: `ranker.trees 140, ranker.leaves 20`."""
    return ", ".join(f"{key} {value}" for key, value in settings.items() if value != before[key])


def log_found(run: Run, result: TuningResult) -> None:
    """Log the best trial, the comparison by task, the importance of the keys and the file."""
    run.log_metrics(
        {
            "best/objective": result.best.value,
            "best/trial": float(result.best.number),
            "trials": float(result.settled),
            "trials_refused": float(result.refused),
            **{f"best/ndcg_at_10/{metric_key(task.task)}": task.after.value for task in result.tasks},
            **{f"best/gain/{metric_key(task.task)}": task.gain.value for task in result.tasks},
        }
    )
    run.log_text("comparison.md", markdown(result))
    if result.importance:
        title = f"What moves the objective, of {result.settled} trials (fANOVA)"
        figure = bars(result.importance, title, "share of the objective's variance", percent=True)
        run.log_figure("plots/importance.png", figure)
    else:
        run.set_tags({"tuning.importance": f"said from {MIN_TRIALS_FOR_IMPORTANCE} trials of different results on"})
    if result.toml is not None:
        run.log_text("tuned.toml", without_password(result.toml))
