"""Quality against time: each bundle's NDCG@10 on one task, and its p50 on the requests of that task.

    python benchmarks/serving frontier models/small models/large --until 2017-11-26 --plot frontier.svg

A bundle is asked about orders that nothing in it has counted: those of its own test window, before --until. To choose
between variants without a look at the test window of the bundle that is shipped, train them with a longer one, and let
--until be where the shipped one's begins:

    mersalg train configs/demo.toml --out models/small --set split.test_days=74 --set ranker.trees=30
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import markdown_tables
import numpy as np
from charts import draw_frontier
from interleaved import OpenContender, interleaved_times, summary
from real_requests import Source, open_source
from threadpoolctl import threadpool_limits

import mersalg
from mersalg.errors import ConfigError, MersalgError
from mersalg_training.data.calendar import time_to_day
from mersalg_training.evaluation.bundle_method import BundleMethod, CaseRequests
from mersalg_training.evaluation.metrics import (
    NDCG,
    Estimate,
    K,
    Resamples,
    difference,
    mean,
    request_metrics,
    resample_customers,
)
from mersalg_training.evaluation.tasks.anchored import make_tasks
from mersalg_training.evaluation.tasks.task import Task

TASK = "completion, all"


@dataclass(frozen=True)
class Point:
    """A bundle on the frontier."""

    bundle: str
    settings: dict[str, Any]
    """Trees, leaves, candidates."""
    micros: dict[str, float]
    """p50, p90, p99, mean of one `recommend`, and cpu."""
    ndcg: Estimate
    more: Estimate
    """NDCG above that of the first bundle, request by request."""
    size_megabytes: float


def main(argv: Sequence[str]) -> int:
    args = arguments(argv)
    try:
        points = measure(args, lambda text: print(text, file=sys.stderr, flush=True))
    except MersalgError as error:
        print(f"benchmarks/serving frontier: {error}", file=sys.stderr)
        return 2
    print(f"{markdown_tables.versions()}\n\n{markdown_tables.machine()}\n\n    {markdown_tables.command()}\n")
    print(f"NDCG@10 of *{args.task}*, {points[0].ndcg.n} requests, with 95 % intervals over customers.\n")
    print(told(points))
    if args.out is not None:
        args.out.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")
    if args.plot is not None:
        draw_frontier([drawn(each, points[0]) for each in points], args.task, args.plot)
    return 0


def drawn(each: Point, first: Point) -> tuple[str, float, float, float, float]:
    """Name, ms, quality, and the interval of the paired difference to the first, laid at the first's quality."""
    low, high = (first.ndcg.value + end for end in (each.more.low, each.more.high))
    return Path(each.bundle).name, each.micros["p50"] / 1e3, each.ndcg.value, low, high


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/serving frontier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="the first is what others stand beside")
    parser.add_argument("--until", type=datetime.fromisoformat, required=True, help="only orders before this time")
    parser.add_argument("--task", default=TASK, help=f"one of those of `mersalg evaluate` (default: {TASK})")
    parser.add_argument("--queries", type=int, default=1000, help="most requests of the task")
    parser.add_argument("--requests", type=int, default=300, help="of the task that are timed")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    return parser.parse_args(argv)


def measure(args: argparse.Namespace, say: Callable[[str], None]) -> list[Point]:
    """Open all bundles, ask all the same requests for quality, and in turn for time."""
    recommenders = {str(folder): mersalg.load(folder) for folder in args.bundles}
    say("Reading purchases")
    manifest = dict(next(iter(recommenders.values())).manifest)
    source = open_source(manifest, str(args.bundles[0]))
    check_windows(recommenders, manifest)
    task = task_before(source, args)
    draws = resample_customers(task.cases.customer, task.cases.order, np.random.default_rng([source.config.seed, 3]))
    made = CaseRequests(source.purchased.timeline)
    timed = range(min(args.requests, len(task.cases)))
    requests = [made.make(task.cases, case, task.kinds) for case in timed]
    values = {}
    for name, recommender in recommenders.items():
        say(f"Asking {name}")
        values[name] = ndcg(recommender, source, task)
    asked = {
        name: OpenContender(lambda request, by=recommender: by.recommend(**request), requests)
        for name, recommender in recommenders.items()
    }
    with threadpool_limits(1):
        micros = interleaved_times(asked, args.repeats)
    first = next(iter(values.values()))
    return [point(name, recommenders[name], summary(micros[name]), values[name], first, draws) for name in recommenders]


def check_windows(recommenders: dict[str, mersalg.Recommender], manifest: dict[str, Any]) -> None:
    """ConfigError where bundles were not trained on the same purchases up to the same time."""
    expected = {"data": manifest["data"]["digest"], "test_from": manifest["windows"]["test_from"]}
    for name, recommender in recommenders.items():
        found = recommender.manifest
        got = {"data": found["data"]["digest"], "test_from": found["windows"]["test_from"]}
        if got != expected:
            raise ConfigError(
                f"{name}: expected a bundle of the same purchases and windows as the first, {expected}, got {got}; "
                "train it with the same configuration and split.test_days"
            )


def task_before(source: Source, args: argparse.Namespace) -> Task:
    """The task on the orders from the bundles' test window to --until; ConfigError where there is none."""
    purchased, config = source.purchased, source.config
    window = time_to_day(purchased.windows.test_from), time_to_day(min(args.until, purchased.windows.to))
    if window[0] >= window[1]:
        raise ConfigError(
            f"--until: expected a time after {purchased.windows.test_from:%Y-%m-%d}, where the bundles' counts end, "
            f"got {args.until:%Y-%m-%d}; train them with a larger split.test_days"
        )
    random, horizon = np.random.default_rng([config.seed, 2]), config.label.horizon_days
    tasks, _ = make_tasks(purchased.timeline, purchased.attributes, window, config.kinds, args.queries, random, horizon)
    found = {task.label: task for task in tasks if len(task.cases)}
    if args.task not in found:
        raise ConfigError(f"--task: expected one of {'; '.join(found)}, got {args.task}")
    return found[args.task]


def ndcg(recommender: mersalg.Recommender, source: Source, task: Task) -> np.ndarray:
    """(n,) NDCG@10 of each request, as `mersalg evaluate` measures it."""
    bundle = BundleMethod(recommender, source.purchased.timeline)
    return request_metrics(bundle.rank(task.cases, task.restriction, K, task.kinds), task.cases.target, {})[NDCG]


def point(
    name: str,
    recommender: mersalg.Recommender,
    micros: dict[str, float],
    values: np.ndarray,
    first: np.ndarray,
    draws: Resamples,
) -> Point:
    """One bundle's place."""
    manifest = recommender.manifest
    ranker, retrieve = manifest["config"]["ranker"], manifest["config"]["retrieve"]
    settings = {"trees": ranker["trees"], "leaves": ranker["leaves"]}
    settings |= {key: retrieve[f"{key}_candidates"] for key in ("own", "new", "unsold")}
    size = manifest["files"]["scorer.onnx"]["size"] / 1e6
    return Point(name, settings, micros, mean(values, draws), difference(values, first, draws), size)


def told(points: Sequence[Point]) -> str:
    """A line a bundle."""
    head = [
        "bundle",
        "trees",
        "leaves",
        "own + new + unsold",
        "p50 ms",
        "p99 ms",
        "CPU p50 ms",
        "MB",
        "NDCG@10",
        "above the first",
    ]
    rows = []
    for each in points:
        of = each.settings
        rows.append(
            [
                Path(each.bundle).name,
                str(of["trees"]),
                str(of["leaves"]),
                f"{of['own']} + {of['new']} + {of['unsold']}",
                *(markdown_tables.number(each.micros[name] / 1e3, 2) for name in ("p50", "p99", "cpu")),
                markdown_tables.number(each.size_megabytes, 1),
                f"{each.ndcg.value:.4f} ({each.ndcg.low:.4f} to {each.ndcg.high:.4f})",
                f"{each.more.value:+.4f} ({each.more.low:+.4f} to {each.more.high:+.4f})",
            ]
        )
    return markdown_tables.table(head, rows)
