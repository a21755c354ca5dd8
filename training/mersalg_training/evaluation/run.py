"""`mersalg evaluate`: a bundle on the test window, beside the baselines, on the same requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from rich.progress import Progress

from mersalg.errors import DataError
from mersalg.names import Order
from mersalg.recommender import Recommender
from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.split import Windows
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.evaluation.baselines import Baseline, Question, fit_baselines
from mersalg_training.evaluation.bundle_method import Answer, Score, Show, Shower
from mersalg_training.evaluation.coverage_at_precision import Restraint, restraint
from mersalg_training.evaluation.empty_answers import Empty, show_and_tell
from mersalg_training.evaluation.metrics import (
    COVERAGE,
    NDCG,
    OURS,
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
from mersalg_training.evaluation.order_by_value import Sold, sold_by_order
from mersalg_training.evaluation.precision_shown import Shown, shown_precision
from mersalg_training.evaluation.reliability import Kept, Promises, kept, promises
from mersalg_training.evaluation.result import KNOWN, NEW, ORACLE, Difference, Evaluation, Row
from mersalg_training.evaluation.tasks.anchored import make_tasks
from mersalg_training.evaluation.tasks.task import Task
from mersalg_training.ranking.cases import Cases, make_cases

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
