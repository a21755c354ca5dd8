"""A bundle on the test window, beside the baselines, on the same requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from rich.progress import Progress

from mersalg.errors import DataError
from mersalg.names import Order
from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.split import Windows
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.evaluation import QUERIES
from mersalg_training.evaluation.baselines import fit_baselines
from mersalg_training.evaluation.beyond_best_sellers import (
    BEST_SELLER_SHARE,
    GINI,
    best_sellers,
    best_sellers_in,
    gini,
    hit_weights,
    orders_holding,
    propensity_scored,
)
from mersalg_training.evaluation.bundle_method import RANKED, BundleAnswer, BundleMethod
from mersalg_training.evaluation.coverage_at_precision import coverage_at_precision
from mersalg_training.evaluation.empty_answers import count_empty
from mersalg_training.evaluation.follow_on import judge_follow_on
from mersalg_training.evaluation.methods import RankingMethod, ScoringMethod
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
    ratio,
    request_metrics,
    resample_customers,
    target_worth,
)
from mersalg_training.evaluation.order_by_value import sales_by_order
from mersalg_training.evaluation.precision_shown import shown_precision
from mersalg_training.evaluation.reliability import reliability, shown_offers
from mersalg_training.evaluation.result import KNOWN, NEW, ORACLE, Difference, EvaluationResult, Row
from mersalg_training.evaluation.tasks.anchored import make_tasks
from mersalg_training.evaluation.tasks.task import Task
from mersalg_training.ranking.cases import Cases, make_cases

KEPT_REQUESTS: Final = 10
"""A promise takes many offers to check: so many times the requests of a task."""
MIN_GROUP_REQUESTS: Final = 30
"""New and known customers are told apart where there are so many requests of each."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How much an evaluation asks."""

    queries: int = QUERIES
    """Most requests of a task."""
    every_baseline: bool = False
    """Beside the quick baselines every other one, the two-stage model included."""
    coverage_at_precision: bool = False
    """Also how many carts see an offer at an equal precision, by methods that tell their scores."""


DEFAULT_OPTIONS: Final = EvaluationOptions()


@dataclass(frozen=True)
class Contest:
    """A method and its rivals, and what is known of the products that they rank."""

    timeline: Timeline
    attributes: Attributes
    method: RankingMethod
    baselines: Sequence[RankingMethod]
    before_day: float
    """Methods know what lies before this day (since 1970-01-01)."""

    @cached_property
    def holding(self) -> Int64:
        """(n_products,) the orders before the day that hold each product."""
        return orders_holding(self.timeline, self.before_day)

    @cached_property
    def weight(self) -> Float64:
        """(n_products,) what a hit on a product counts where hits are propensity-scored."""
        return hit_weights(self.holding, int(np.count_nonzero(self.timeline.order_day < self.before_day)))


def evaluate(
    method: RankingMethod,
    timeline: Timeline,
    attributes: Attributes,
    windows: Windows,
    config: Config,
    options: EvaluationOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Every task by every method, and of a bundle what is bought of what its thresholds let through.

    Where a bundle knows what a sale brings, the order by value stands beside that by relevance.

    The same config gives the same requests and draws, whatever the method answers. A bundle needs label.horizon_days.
    DataError if there is no test window, or no order in it.
    """
    window = test_window(timeline, windows)
    progress = progress or Progress(disable=True)
    random = np.random.default_rng(config.seed)
    for_tasks, for_ties, for_draws, for_shown, for_kept, for_restraint, for_follow_on = random.spawn(7)
    step = progress.add_task("Making requests", total=None)
    queries, horizon_days = options.queries, config.label.horizon_days
    tasks, _ = make_tasks(timeline, attributes, window, config.kinds, queries, for_tasks, horizon_days)
    progress.update(step, description="Fitting baselines")
    skipped: dict[str, str] = {}
    baselines = fit_baselines(
        timeline,
        attributes,
        window[0],
        for_ties,
        everything=options.every_baseline,
        tell=lambda name, done, of: progress.update(step, description=f"Fitting {name}", completed=done, total=of),
        skip=skipped.__setitem__,
    )
    asked = [task for task in tasks if len(task.cases)]
    total = len(asked) * (1 + len(baselines)) + 1
    progress.update(step, completed=0, total=total)
    contest = Contest(timeline, attributes, method, baselines, window[0])
    rows, differences, ceilings = list[Row](), list[Difference](), list[Row]()
    for task in asked:
        progress.update(step, description=task.label)
        result, compared, reachable = judge_task(contest, task, for_draws, lambda: progress.advance(step))
        rows += result
        differences += compared
        ceilings += reachable
    without_requests = [task.label for task in tasks if not len(task.cases)]
    evaluation = EvaluationResult(rows, differences, [], without_requests, ceilings, skipped=skipped)
    if isinstance(method, BundleMethod):
        progress.update(step, description="Thresholds")
        cases = shown_cases(timeline, attributes, window, config, 2 * queries, for_shown)
        evaluation = with_shown(evaluation, method, attributes, cases, for_shown)
        progress.update(step, description="Promises")
        cases = shown_cases(timeline, attributes, window, config, KEPT_REQUESTS * queries, for_kept)
        evaluation = with_kept(evaluation, method, cases, for_kept)
        progress.update(step, description="Follow-on")
        days = horizon_of(config)
        rows_shown = judge_follow_on(method, attributes, window, days, queries, for_follow_on)
        evaluation = replace(evaluation, follow_on=rows_shown)
    if options.coverage_at_precision and isinstance(method, ScoringMethod):
        progress.update(step, description="Coverage at precision")
        evaluation = replace(evaluation, restraint=coverage_at_precision(method, baselines, asked, for_restraint))
    progress.update(step, description="Evaluated", completed=total)
    return evaluation


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
    contest: Contest, task: Task, random: np.random.Generator, ranked_one: Callable[[], None]
) -> tuple[list[Row], list[Difference], list[Row]]:
    """The rows of one task for every method, how far the method is from each baseline, and what it could reach.

    Of the method all that it ranks is taken. ranked_one is called when a method has ranked.
    """
    worth = target_worth(contest.timeline, contest.attributes, task.cases)
    draws = resample_customers(task.cases.customer, task.cases.order, random)
    ours = contest.method.rank(task.cases, task.restriction, RANKED, task.kinds)
    lists = {OURS: ours}
    ranked_one()
    for baseline in contest.baselines:
        lists[baseline.name] = baseline.rank(task.cases, task.restriction, K, task.kinds)
        ranked_one()
    target, is_best_seller = task.cases.target, best_sellers(contest.holding)
    values = {
        method: request_metrics(ranked, target, worth) | propensity_scored(ranked, target, contest.weight)
        for method, ranked in lists.items()
    }
    if not task.by_precision:
        values = {method: {name: v for name, v in of.items() if name != PRECISION} for method, of in values.items()}
    rows = []
    for method, ranked in lists.items():
        rows += [Row(task.label, method, name, mean(result, draws)) for name, result in values[method].items()]
        share = ratio(*best_sellers_in(ranked, is_best_seller), draws)
        rows.append(Row(task.label, method, BEST_SELLER_SHARE, share))
        for name, of_lists in ((COVERAGE, coverage), (GINI, gini)):
            value = of_lists(ranked, task.restriction.catalogue)
            rows.append(Row(task.label, method, name, Estimate(value, value, value, len(task.cases))))
    compared = [
        Difference(
            task.label,
            rival,
            name,
            difference(result, values[rival][name], draws),
            ratio(result, values[rival][name], draws) if name == NDCG else None,
        )
        for rival in lists
        if rival != OURS
        for name, result in values[OURS].items()
    ]
    return rows + group_rows(contest.timeline, task, values, random), compared, ceilings_of(task, ours, draws)


def ceilings_of(task: Task, ours: Sequence[Int64], draws: Resamples) -> list[Row]:
    """What the bundle's own candidates hold, and what a perfect order of them would reach: no rival of anybody."""
    target = task.cases.target
    perfect = request_metrics(perfect_order(ours, target), target, {})
    names = (RECALL, NDCG, PRECISION) if task.by_precision else (RECALL, NDCG)
    rows = [Row(task.label, ORACLE, name, mean(perfect[name], draws)) for name in names]
    held = candidate_recall(ours, target)
    return rows + [Row(task.label, OURS, name, mean(result, draws)) for name, result in held.items()]


def group_rows(
    timeline: Timeline, task: Task, values: Mapping[str, Mapping[str, Float64]], random: np.random.Generator
) -> list[Row]:
    """The same figures for requests of new customers, without an order before, and of known ones.

    That is what they are, and not what the request shows: a hidden history makes nobody new.
    """
    customer, order = task.cases.customer, task.cases.order
    past = (customer != UNKNOWN) & (order > timeline.customer_start[np.maximum(customer, 0)])
    if min(np.count_nonzero(past), np.count_nonzero(~past)) < MIN_GROUP_REQUESTS:
        return []
    rows = []
    for group, inside in ((NEW, ~past), (KNOWN, past)):
        draws = resample_customers(customer[inside], order[inside], random)
        for method, metrics in values.items():
            for name, result in metrics.items():
                rows.append(Row(f"{task.label}, {group}", method, name, mean(result[inside], draws)))
    return rows


def shown_cases(
    timeline: Timeline,
    attributes: Attributes,
    window: tuple[float, float],
    config: Config,
    most: int,
    random: np.random.Generator,
) -> Cases:
    """Requests of the test window in the mix of moments that a bundle is trained on."""
    types, unknown = attributes.product_type, len(attributes.product_types)
    return make_cases(timeline, types, unknown, *window, horizon_of(config), most, random)


def horizon_of(config: Config) -> float:
    """The days after payment within which a purchase counts; DataError where training did not resolve them."""
    if config.label.horizon_days is None:
        raise DataError(
            "evaluate: label.horizon_days: expected the days that training resolved, got null; "
            "set it: --set label.horizon_days=14"
        )
    return config.label.horizon_days


def with_shown(
    evaluation: EvaluationResult,
    bundle: BundleMethod,
    attributes: Attributes,
    cases: Cases,
    random: np.random.Generator,
) -> EvaluationResult:
    """With what is shown for the cases, and why others see nothing; and what the order by value sells of the same."""
    if not len(cases):
        return evaluation
    answers = list(bundle.show(cases))
    shown, sold = shown_precision(cases, answers, random), []
    if bundle.knows_value:
        by_order: dict[Order, list[BundleAnswer]] = {
            "relevance": answers,
            "value": list(bundle.show(cases, order="value")),
        }
        sold = sales_by_order(bundle.timeline, attributes, cases, by_order, random)
    return replace(evaluation, shown=shown, sold=sold, empty=count_empty(cases, answers))


def with_kept(
    evaluation: EvaluationResult, bundle: BundleMethod, cases: Cases, random: np.random.Generator
) -> EvaluationResult:
    """With whether what the bundle shows for the cases is as relevant as it says."""
    if not len(cases):
        return evaluation
    shown = shown_offers(bundle, cases)
    return replace(evaluation, kept=reliability(shown, cases, random), promises=shown)
