"""What is searched for: more NDCG@10 in every task, each task as important as any other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.errors import DataError, MersalgError
from mersalg_training.evaluation.metrics import Estimate, difference, mean, resample_customers
from mersalg_training.evaluation.result import metric_key
from mersalg_training.evaluation.tasks.task import Task

MIN_REQUESTS: Final = 30
"""A task of fewer requests does not count: its figure is chance."""
MIN_NDCG: Final = 0.001
"""A lower figure counts as this, so that a task in which nothing is found does not decide alone."""

Ndcg = Mapping[str, Sequence[float]]
"""Task -> NDCG@10 of each of its requests."""


@dataclass(frozen=True)
class Compared:
    """A task by the configuration as it stands and by the best trial, on the same requests."""

    task: str
    counts: bool
    """It is part of the objective."""
    before: Estimate
    after: Estimate
    gain: Estimate


def counted(tasks: Sequence[Task], objective: str | None) -> list[str]:
    """The labels of the tasks that make the objective.

    objective: names as MLflow shows them, `completion.explore`, or whole tasks, `completion`, between commas; None =
    all that have MIN_REQUESTS. MersalgError names one that is unknown or has too few requests.
    """
    enough = [task.label for task in tasks if len(task.cases) >= MIN_REQUESTS]
    if objective is None:
        if not enough:
            most = max((len(task.cases) for task in tasks), default=0)
            raise DataError(
                f"mersalg tune: expected a task of {MIN_REQUESTS} requests in the calibrate window, got at most "
                f"{most}; widen split.calibrate_days, or give more purchases"
            )
        return enough
    wanted = [name.strip() for name in objective.split(",") if name.strip()]
    for name in wanted or [objective]:
        if not any(is_named(label, name) for label in enough):
            raise MersalgError(
                f"--objective {name}: expected tasks of at least {MIN_REQUESTS} requests in the calibrate window, "
                f"got {name!r}; out of: {', '.join(map(metric_key, enough))}"
            )
    return [label for label in enough if any(is_named(label, name) for name in wanted)]


def is_named(label: str, name: str) -> bool:
    """Whether a name stands for a task: `completion.explore`, or `completion` for all its views."""
    key = metric_key(label)
    return name in (key, key.partition(".")[0])


def parts_of(result: Ndcg, default: Ndcg, labels: Sequence[str]) -> dict[str, float]:
    """Task -> ln(NDCG@10 / NDCG@10 of the configuration as it stands); 0 = as good as that."""
    return {label: math.log(level(result[label]) / level(default[label])) for label in labels}


def value_of(parts: Mapping[str, float]) -> float:
    """The objective: the mean over the tasks."""
    return float(np.mean(list(parts.values())))


def level(values: Sequence[float]) -> float:
    """The mean over requests, and at least MIN_NDCG."""
    return max(float(np.mean(values)), MIN_NDCG)


def percent(value: float) -> str:
    """An objective for people: how much more NDCG@10, in the geometric mean over the tasks."""
    return f"{100.0 * math.expm1(value):+.2f} %"


def compare(tasks: Sequence[Task], before: Ndcg, after: Ndcg, labels: Sequence[str], seed: int) -> list[Compared]:
    """Every task by both, with intervals by customers drawn with replacement, on the same draws."""
    random = np.random.default_rng([seed, 3])
    result = []
    for task in tasks:
        draws = resample_customers(task.cases.customer, task.cases.order, random)
        first, second = np.array(before[task.label]), np.array(after[task.label])
        gain = difference(second, first, draws)
        result.append(Compared(task.label, task.label in labels, mean(first, draws), mean(second, draws), gain))
    return result
