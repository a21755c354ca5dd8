"""`mersalg evaluate`: a bundle on the test window, beside the baselines, on the same requests."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mersalg.errors import DataError, MersalgError
from mersalg.names import Order
from mersalg.recommender import Recommender, load
from mersalg_training.acceptance.arguments import add_offers_arguments, evaluate_offers_command
from mersalg_training.anchored_tasks import make_tasks
from mersalg_training.answers import THREADS, Answer, Score, Show, Shower, bundle_scorer, bundle_shower, time_to_day
from mersalg_training.attributes import Attributes, read_attributes
from mersalg_training.baselines import Baseline, Question, fit_baselines
from mersalg_training.by_value import Sold, sold_by_order, value_shower
from mersalg_training.card import OURS
from mersalg_training.cases import Cases, make_cases
from mersalg_training.config import Config
from mersalg_training.contract import apply_contract
from mersalg_training.empty_answers import Empty, show_and_tell
from mersalg_training.evaluation import KNOWN, NEW, ORACLE, Difference, Evaluation, Row
from mersalg_training.evaluation_file import evaluation_document
from mersalg_training.kept import Kept, Promises, kept, promises
from mersalg_training.metrics import (
    COVERAGE,
    NDCG,
    PRECISION,
    RECALL,
    Estimate,
    K,
    Resamples,
    candidate_recall,
    coverage,
    difference,
    mean,
    perfect_order,
    request_metrics,
    resample_customers,
    target_worth,
)
from mersalg_training.progress import results_console
from mersalg_training.purchases import open_purchases
from mersalg_training.restraint import Restraint, restraint
from mersalg_training.shown import Shown, shown_precision
from mersalg_training.split import Windows
from mersalg_training.tasks import Task
from mersalg_training.timeline import UNKNOWN, Float64, Int64, Timeline, read_timeline
from mersalg_training.tracking import open_run
from mersalg_training.trained_config import bundle_config

QUERIES: Final = 2000
"""Most requests of a task."""
KEPT_REQUESTS: Final = 10
"""A promise takes many offers to check: so many times the requests of a task."""
LEAST_OF_A_GROUP: Final = 30
"""New and known customers are told apart where there are so many requests of each."""


@dataclass(frozen=True)
class Bench:
    """What every method is measured with."""

    timeline: Timeline
    attributes: Attributes
    score: Score
    baselines: Sequence[Baseline]


def evaluate(
    score: Score,
    timeline: Timeline,
    attributes: Attributes,
    windows: Windows,
    config: Config,
    *,
    show: Show | None = None,
    show_by_value: Show | None = None,
    restrain: Recommender | None = None,
    queries: int = QUERIES,
    every_baseline: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Every task by every method, and with `show` what is bought of what the thresholds let through.

    With `show_by_value`, too, the order by value stands beside that by relevance.

    With `restrain`, the bundle, how many carts see an offer at an equal precision, beside the baselines.

    The same config gives the same requests and draws, whatever `score` answers. `show` needs label.horizon_days.
    DataError if there is no test window, or no order in it.
    """
    window = test_window(timeline, windows)
    progress = progress or Progress(disable=True)
    for_tasks, for_ties, for_draws, for_shown, for_kept, for_restraint = np.random.default_rng(config.seed).spawn(6)
    step = progress.add_task("Making requests", total=None)
    tasks, _ = make_tasks(timeline, attributes, window, config.kinds, queries, for_tasks, config.label.horizon_days)
    progress.update(step, description="Fitting baselines")
    skipped: dict[str, str] = {}
    baselines = fit_baselines(
        timeline,
        attributes,
        window[0],
        for_ties,
        everything=every_baseline,
        tell=lambda name, done, of: progress.update(step, description=f"Fitting {name}", completed=done, total=of),
        skip=skipped.__setitem__,
    )
    bench = Bench(timeline, attributes, score, baselines)
    asked = [task for task in tasks if len(task.cases)]
    rankings = len(asked) * (1 + len(baselines))
    progress.update(step, completed=0, total=rankings + (show is not None))
    rows: list[Row] = []
    differences: list[Difference] = []
    ceilings: list[Row] = []
    for task in asked:
        progress.update(step, description=task.label)
        found, compared, reachable = judge_task(bench, task, for_draws, lambda: progress.advance(step))
        rows += found
        differences += compared
        ceilings += reachable
    progress.update(step, description="Thresholds")
    shown, sold, empty = judge_shown(show, show_by_value, timeline, attributes, window, config, queries, for_shown)
    progress.update(step, description="Promises")
    restrained: list[Restraint] = []
    if restrain is not None:
        progress.update(step, description="Restraint")
        restrained = restraint(restrain, timeline, baselines, asked, for_restraint)
    came, promised = judge_kept(show, timeline, attributes, window, config, queries, for_kept)
    progress.update(step, description="Evaluated", completed=rankings + (show is not None))
    without_requests = [task.label for task in tasks if not len(task.cases)]
    return Evaluation(
        rows, differences, shown, without_requests, ceilings, sold, skipped, came, promised, restrained, empty
    )


def test_window(timeline: Timeline, windows: Windows) -> tuple[float, float]:
    """First and end day of the test window; DataError if it is empty."""
    if windows.test_from >= windows.to:
        raise DataError(
            "evaluate: expected a test window, got none (split.test_days = 0 held nothing back); "
            "train with split.test_days of 1 or more to evaluate"
        )
    first_day, end_day = time_to_day(windows.test_from), time_to_day(windows.to)
    if not np.any((timeline.order_day >= first_day) & (timeline.order_day < end_day)):
        raise DataError(
            f"evaluate: expected orders from {windows.test_from:%Y-%m-%d} to {windows.to:%Y-%m-%d}, got none; "
            "give the purchases that the bundle was trained on, --set data.orders=PATH"
        )
    return first_day, end_day


def judge_task(
    bench: Bench, task: Task, random: np.random.Generator, ranked_one: Callable[[], None]
) -> tuple[list[Row], list[Difference], list[Row]]:
    """The rows of one task for every method, how far the bundle is from each baseline, and what it could reach.

    Where upsells alone are asked for, the baselines are told so, as the bundle is by the request's kinds.
    ranked_one is called when a method has ranked.
    """
    question: Question | None = "upsell" if task.kinds == ("upsell",) else None
    worth = target_worth(bench.timeline, bench.attributes, task.cases)
    draws = resample_customers(task.cases.customer, task.cases.order, random)
    ours = permitted(bench.score, task)
    lists = {OURS: ours}
    ranked_one()
    for baseline in bench.baselines:
        lists[baseline.name] = baseline.rank(task.cases, task.restriction, K, question)
        ranked_one()
    values = {method: request_metrics(ranked, task.cases.target, worth) for method, ranked in lists.items()}
    if not task.by_precision:
        values = {method: {name: v for name, v in of.items() if name != PRECISION} for method, of in values.items()}
    rows = []
    for method, ranked in lists.items():
        rows += [Row(task.label, method, name, mean(found, draws)) for name, found in values[method].items()]
        share = coverage(ranked, task.restriction.catalogue)
        rows.append(Row(task.label, method, COVERAGE, Estimate(share, share, share, len(task.cases))))
    compared = [
        Difference(task.label, rival, name, difference(found, values[rival][name], draws))
        for rival in lists
        if rival != OURS
        for name, found in values[OURS].items()
    ]
    return rows + group_rows(bench.timeline, task, values, random), compared, ceilings_of(task, ours, draws)


def permitted(score: Score, task: Task) -> list[Int64]:
    """The bundle's ranking of each case without what the restriction forbids, as no baseline ranks that either.

    Where the candidates are few, the request names them.
    """
    ranked = []
    for case, answer in enumerate(score(task.cases, task.kinds, task.restriction.forbidden, task.restriction.few)):
        products = np.array([product for _, product in answer], dtype=np.int64)
        ranked.append(products[task.restriction.mask(case)[products]])
    return ranked


def ceilings_of(task: Task, ours: Sequence[Int64], draws: Resamples) -> list[Row]:
    """What the bundle's own candidates hold, and what a perfect order of them would reach: no rival of anybody."""
    target = task.cases.target
    perfect = request_metrics(perfect_order(ours, target), target, {})
    names = (RECALL, NDCG, PRECISION) if task.by_precision else (RECALL, NDCG)
    rows = [Row(task.label, ORACLE, name, mean(perfect[name], draws)) for name in names]
    held = candidate_recall(ours, target)
    return rows + [Row(task.label, OURS, name, mean(found, draws)) for name, found in held.items()]


def group_rows(
    timeline: Timeline, task: Task, values: Mapping[str, Mapping[str, Float64]], random: np.random.Generator
) -> list[Row]:
    """The same figures for requests of new customers, without an order before, and of known ones.

    That is what they are, and not what the request shows: a hidden history makes nobody new.
    """
    customer, order = task.cases.customer, task.cases.order
    past = (customer != UNKNOWN) & (order > timeline.customer_start[np.maximum(customer, 0)])
    if min(np.count_nonzero(past), np.count_nonzero(~past)) < LEAST_OF_A_GROUP:
        return []
    rows = []
    for group, inside in ((NEW, ~past), (KNOWN, past)):
        draws = resample_customers(customer[inside], order[inside], random)
        for method, metrics in values.items():
            for name, found in metrics.items():
                rows.append(Row(f"{task.label}, {group}", method, name, mean(found[inside], draws)))
    return rows


def judge_shown(
    show: Show | None,
    show_by_value: Show | None,
    timeline: Timeline,
    attributes: Attributes,
    window: tuple[float, float],
    config: Config,
    queries: int,
    random: np.random.Generator,
) -> tuple[list[Shown], list[Sold], list[Empty]]:
    """What is shown for requests of the test window in the mix of moments that a bundle is trained on.

    And, of the same requests, what the order by value sells beside that by relevance, and why others see nothing.
    """
    if show is None:
        return [], [], []
    cases = shown_cases(timeline, attributes, window, config, 2 * queries, random)
    if not len(cases):
        return [], [], []
    answers, empty = show_and_tell(show, cases) if isinstance(show, Shower) else (show(cases), [])
    shown = shown_precision(cases, answers, random)
    if show_by_value is None:
        return shown, [], empty
    by_order: dict[Order, list[Answer]] = {"relevance": answers, "value": show_by_value(cases)}
    return shown, sold_by_order(timeline, attributes, cases, by_order, random), empty


def shown_cases(
    timeline: Timeline,
    attributes: Attributes,
    window: tuple[float, float],
    config: Config,
    most: int,
    random: np.random.Generator,
) -> Cases:
    """Requests of the test window in the mix of moments that a bundle is trained on."""
    horizon_days = config.label.horizon_days
    if horizon_days is None:
        raise DataError(
            "evaluate: label.horizon_days: expected the days that training resolved, got null; "
            "set it: --set label.horizon_days=14"
        )
    types, unknown = attributes.product_type, len(attributes.product_types)
    return make_cases(timeline, types, unknown, *window, horizon_days, most, random)


def judge_kept(
    show: Show | None,
    timeline: Timeline,
    attributes: Attributes,
    window: tuple[float, float],
    config: Config,
    queries: int,
    random: np.random.Generator,
) -> tuple[list[Kept], Promises | None]:
    """Whether what a bundle shows is as relevant as it says, on KEPT_REQUESTS times as many requests as a task."""
    if not isinstance(show, Shower):
        return [], None
    cases = shown_cases(timeline, attributes, window, config, KEPT_REQUESTS * queries, random)
    if not len(cases):
        return [], None
    shown = promises(show, cases)
    return kept(shown, cases, random), shown


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mersalg evaluate`."""
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        action="append",
        default=[],
        help="set a key over the bundle's own configuration, for example data.orders=PATH",
    )
    parser.add_argument("--queries", type=int, default=QUERIES, help=f"most requests of a task (default: {QUERIES})")
    parser.add_argument(
        "--baselines", action="store_true", help="beside every baseline, the two-stage model included; takes minutes"
    )
    parser.add_argument(
        "--restraint", action="store_true", help="also how many carts see an offer at an equal realised precision"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure as JSON")
    add_offers_arguments(parser)


def evaluate_command(args: argparse.Namespace) -> int:
    """Evaluate a bundle on the test window that its manifest names; print tables, log a run, write JSON where asked.

    With --offers it is evaluated on a log of offers instead.
    """
    if args.offers is not None:
        return evaluate_offers_command(args)
    if args.queries < 1:
        raise MersalgError(f"--queries: expected a whole number from 1, got {args.queries}")
    recommender = load(args.bundle, threads=THREADS)
    config, windows = bundle_config(recommender.manifest, str(args.bundle), args.overrides)
    with Console(stderr=True).status(f"Reading {config.data.orders}"):
        purchases = open_purchases(config.data)
        report = apply_contract(purchases, config.contract)
        timeline, attributes = read_timeline(purchases.connection), read_attributes(purchases.connection)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        found = evaluate(
            bundle_scorer(recommender, timeline),
            timeline,
            attributes,
            windows,
            config,
            show=bundle_shower(recommender, timeline),
            show_by_value=value_shower(recommender, timeline),
            restrain=recommender if args.restraint else None,
            queries=args.queries,
            every_baseline=args.baselines,
            progress=progress,
        )
    console = results_console()
    if report.digest != recommender.manifest["data"]["digest"]:
        console.print("Note  these are not the purchases that the bundle was trained on (the digests differ)")
    console.print(found.render())
    if args.json is not None:
        write_json(args.json, evaluation_document(recommender.manifest, found))
    console.print(f"Run  {log_run(recommender, config, args, found)}", highlight=False)
    return 0


def log_run(recommender: Recommender, config: Config, args: argparse.Namespace, found: Evaluation) -> str:
    """Log the evaluation as a run of its own, tagged with the run that trained the bundle; where it is."""
    from mersalg_training.report_run import log_evaluation, log_report  # noqa: PLC0415  # it draws by matplotlib

    manifest = recommender.manifest
    with open_run(config.tracking, f"{config.name}-evaluation") as run:
        run.set_tags({"mersalg.bundle": manifest["name"], "mersalg.trained_by": manifest["run_id"] or "not tracked"})
        run.log_params({"queries": args.queries, "baselines": "all" if args.baselines else "quick"})
        run.log_metrics({name: value for name, value in found.metrics().items() if np.isfinite(value)})
        log_evaluation(run, found, manifest)
        log_report(run, recommender.folder, found)
        return run.where


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write the evaluation; MersalgError if the file cannot be written."""
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise MersalgError(f"--json {path}: cannot be written: {error.strerror}") from None
