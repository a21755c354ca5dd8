"""A quick job on the small shop whose hyper-parameters are searched, and how its study is read."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from mersalg_training.config import Config
from mersalg_training.tuning.bench import Bench, Judged
from mersalg_training.tuning.search import Plan
from mersalg_training.tuning.study import TuningTrial, open_study
from mersalg_training.tuning.tuned_file import tuned_toml
from small_shop import SmallShop, write_shop

QUICK: Final[dict[str, dict[str, Any]]] = {"ranker": {"trees": 5, "requests": 300}, "factors": {"iterations": 1}}
ONLY: Final = "ranker.trees,ranker.leaves"
QUERIES: Final = 32

Judge = Callable[[Bench, Config, Any], Judged]
Tries = list[tuple[Mapping[str, float], float]]


def quiet_console() -> Console:
    return Console(file=io.StringIO(), width=200)


def write_job(shop: SmallShop, folder: Path) -> Path:
    """The shop's files, and the configuration of a quick job on them."""
    config = write_shop(shop, folder, **QUICK)
    file = folder / "job.toml"
    file.write_text(tuned_toml(config, {}, {}, ["for a test"]))
    return file


def a_plan(folder: Path, trials: int = 3, **changed: Any) -> Plan:
    plan = Plan(ONLY, None, trials, None, QUERIES, folder / "shop.tuning.db", folder / "tuned.toml")
    return replace(plan, **changed)


def read_trials(path: Path) -> list[TuningTrial]:
    """What a search of any kind left in its study."""
    with open_study(path, {}, [], 0) as study:
        return study.trials


def tries(path: Path) -> Tries:
    """Settings and objective of the finished trials, in their order."""
    return [(trial.settings, trial.value) for trial in read_trials(path) if trial.outcome == "done"]


def by_formula(bench: Bench, config: Config, tell: Any) -> Judged:
    """More trees are better, up to 120."""
    tell("asking")
    worth = 0.2 + 0.001 * min(config.ranker.trees, 120) - 0.0005 * max(0, config.ranker.trees - 120)
    return Judged({task.label: [worth] * len(task.cases) for task in bench.tasks}, {"tasks": 0.0})
