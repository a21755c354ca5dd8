"""What a search found: as tables for a terminal, and as the artifacts of its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mersalg_training.evaluation.result import interval, markdown_table, metric_key
from mersalg_training.plots.training import bars
from mersalg_training.tracking.mlflow_run import Run
from mersalg_training.tuning.objective import Compared, percent
from mersalg_training.tuning.space import Settings
from mersalg_training.tuning.study import LEAST_FOR_IMPORTANCE, Trial

COLUMNS: Final = ("task", "n", "as it stands", "best trial", "difference")
CAUTION: Final = (
    "The best trial was chosen on these requests: expect less on others. `mersalg train` shows the test window."
)


@dataclass(frozen=True)
class Found:
    """The end of a search."""

    default: Trial
    """The configuration as it stands."""
    best: Trial
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

    def render(self) -> RenderableType:
        """For a terminal."""
        if self.toml is None:
            told = f"No trial of {self.settled - 1} is better than the configuration as it stands"
            return Text(f"{told}; {self.out} is not written. Go on with a higher --trials.")
        table = Table(*COLUMNS, title=f"NDCG@10 on the calibrate window, {percent(self.best.value)}; in brackets 95 %")
        for task in self.tasks:
            table.add_row(*cells(task))
        settings = Table("key", "as it stands", f"trial {self.best.number}", "importance")
        for key, value in self.best.settings.items():
            share = self.importance.get(key)
            settings.add_row(key, str(self.default.settings[key]), str(value), "" if share is None else f"{share:.0%}")
        remarks = [Text("* too few requests, or not asked for: does not count")] if self.some_do_not_count else []
        return Group(table, *remarks, settings, Text(CAUTION))

    @property
    def some_do_not_count(self) -> bool:
        """A task is shown that is no part of the objective."""
        return not all(task.counts for task in self.tasks)

    def markdown(self) -> str:
        """The same in Markdown."""
        remark = "\n\n\\* does not count" if self.some_do_not_count else ""
        table = markdown_table(COLUMNS, map(cells, self.tasks))
        before, after = self.default.settings, self.best.settings
        settings = markdown_table(
            ["key", "as it stands", f"trial {self.best.number}", "importance"],
            [[key, str(before[key]), str(after[key]), f"{self.importance.get(key, 0.0):.3f}"] for key in after],
        )
        caution = f"NDCG@10 on the calibrate window, {percent(self.best.value)}. {CAUTION}"
        return f"{caution}\n\n{table}{remark}\n\n{settings}\n"


def cells(task: Compared) -> list[str]:
    """A line of text for a task; a star behind one that does not count."""
    name = task.task if task.counts else f"{task.task} *"
    gain = interval(task.gain, signed=True)
    return [name, str(task.before.n), f"{task.before.value:.4f}", f"{task.after.value:.4f}", gain]


def settings_text(settings: Settings, before: Settings) -> str:
    """The settings that changed: `ranker.trees 140, ranker.leaves 20`."""
    return ", ".join(f"{key} {value}" for key, value in settings.items() if value != before[key])


def log_found(run: Run, found: Found) -> None:
    """Log the best trial, the comparison by task, the importance of the keys and the file."""
    run.log_metrics(
        {
            "best/objective": found.best.value,
            "best/trial": float(found.best.number),
            "trials": float(found.settled),
            "trials_refused": float(found.refused),
            **{f"best/ndcg_at_10/{metric_key(task.task)}": task.after.value for task in found.tasks},
            **{f"best/gain/{metric_key(task.task)}": task.gain.value for task in found.tasks},
        }
    )
    run.log_text("comparison.md", found.markdown())
    if found.importance:
        title = f"What moves the objective, of {found.settled} trials (fANOVA)"
        figure = bars(found.importance, title, "share of the objective's variance", percent=True)
        run.log_figure("plots/importance.png", figure)
    else:
        run.set_tags({"tuning.importance": f"said from {LEAST_FOR_IMPORTANCE} trials of different results on"})
    if found.toml is not None:
        run.log_text("tuned.toml", found.toml)
