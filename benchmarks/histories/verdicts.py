"""Ours against the best baseline of each task, read from the file of an evaluation; and the totals over shops."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

METRIC, OURS, ORACLE, ALL = "NDCG@10", "mersalg", "oracle over candidates", "all"
AHEAD, LEVEL, BEHIND = "surely ahead", "level", "surely behind"
CLEAR_LEAD = 1.1
"""A ratio that counts as a clear lead."""


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval over customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class TaskResult:
    """One task of one shop."""

    task: str
    requests: int
    ours: Interval
    best: str
    """The baseline of the highest NDCG@10, chosen on the same requests."""
    theirs: Interval
    ratio: Interval | None
    """Ours over theirs, paired by request; None where theirs is zero."""
    verdict: str
    """By whether the paired interval of the difference holds zero."""
    ceiling: float
    """What a perfect order of the bundle's own candidates would reach."""


@dataclass(frozen=True)
class KindResult:
    """What is shown of a kind: its mean relevance, and the share that was bought."""

    kind: str
    offers: int
    promised: float
    came: Interval
    error: float
    """Expected calibration error."""
    error_by_chance: float
    """What it would be if every relevance were true."""


@dataclass(frozen=True)
class SetResult:
    """One shop."""

    name: str
    tasks: Sequence[TaskResult]
    kinds: Sequence[KindResult]
    skipped: Mapping[str, str]
    """Baseline -> why it could not be fitted."""


@dataclass(frozen=True)
class Totals:
    """Over tasks, of one shop or of all."""

    tasks: int
    surely_ahead: int
    surely_behind: int
    clear_leads: int
    """Ratios of CLEAR_LEAD or more, sure or not; a baseline at zero under a sure lead counts, too."""
    median_ratio: float | None


def read_result(name: str, document: Mapping[str, Any]) -> SetResult:
    """The figures of a shop in the document of its evaluation."""
    differences = {(d["task"], d["rival"]): d for d in document["differences"] if d["metric"] == METRIC}
    ceilings = {c["task"]: c["value"] for c in document["ceilings"] if (c["method"], c["metric"]) == (ORACLE, METRIC)}
    tasks = []
    for task in dict.fromkeys(task for task, _ in differences):
        methods = {r["method"]: r for r in document["rows"] if (r["task"], r["metric"]) == (task, METRIC)}
        best = max((row for method, row in methods.items() if method != OURS), key=lambda row: row["value"])
        paired = differences[task, best["method"]]
        ratio = paired["ratio"]
        tasks.append(
            TaskResult(
                task,
                best["n"],
                interval(methods[OURS]),
                best["method"],
                interval(best),
                None if ratio["value"] is None else interval(ratio),
                AHEAD if paired["low"] > 0 else BEHIND if paired["high"] < 0 else LEVEL,
                ceilings[task],
            )
        )
    kinds = [
        KindResult(k["kind"], k["offers"], k["promised"], interval(k["came"]), k["error"], k["error_by_chance"])
        for k in document["kept"]
        if k["group"] == ALL
    ]
    return SetResult(name, tasks, kinds, document["skipped"])


def interval(row: Mapping[str, Any]) -> Interval:
    """The estimate of a row of the file."""
    return Interval(row["value"], row["low"], row["high"])


def totals(tasks: Sequence[TaskResult]) -> Totals:
    """How often ours is surely ahead or behind; no tasks have no median."""
    ratios = [task.ratio.value for task in tasks if task.ratio is not None]
    verdicts = [task.verdict for task in tasks]
    return Totals(
        len(tasks),
        verdicts.count(AHEAD),
        verdicts.count(BEHIND),
        sum(ratio_or_lead(task) >= CLEAR_LEAD for task in tasks),
        statistics.median(ratios) if ratios else None,
    )


def ratio_or_lead(task: TaskResult) -> float:
    """The ratio; over a baseline at zero, any sure lead is infinite and anything else none."""
    if task.ratio is not None:
        return task.ratio.value
    return math.inf if task.verdict == AHEAD else 1.0


def as_document(results: Sequence[SetResult]) -> dict[str, Any]:
    """Every figure, in values that JSON knows."""
    every = [task for result in results for task in result.tasks]
    return {
        "totals": asdict(totals(every)),
        "sets": [{**asdict(result), "totals": asdict(totals(result.tasks))} for result in results],
    }
