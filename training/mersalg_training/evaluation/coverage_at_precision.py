"""How many carts see an offer at an equal realised precision: what restraint costs each method.

Each method gets one threshold on its own score, over the first DEPTH of each list: the lowest at which the wanted share
of what is shown is bought. The share of carts that then see anything tells how much of the work it can do without
pushing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.evaluation.methods import RankingMethod, ScoringMethod
from mersalg_training.evaluation.metrics import LEVEL, OURS, Estimate, Resamples, resample_customers
from mersalg_training.evaluation.tasks.task import Task

DEPTH: Final = 20
"""So many of each list can be shown."""
WANTED: Final[Mapping[str, tuple[float, ...]]] = {
    "completion, all": (0.1, 0.2, 0.3, 0.5),
    "completion, explore": (0.1, 0.2),
}
"""Realised precisions, by task."""
MIN_OFFERS: Final = 30
"""A precision of fewer offers is none."""
DRAWS: Final = 200
"""Resamples of the customers."""
TITLE: Final = "Carts that see an offer at an equal realised precision"


@dataclass(frozen=True)
class Lists:
    """What one method would show, (n,) each: the first DEPTH of every request."""

    score: Float64
    hit: npt.NDArray[np.bool_]
    case: Int64


@dataclass(frozen=True)
class CoverageAtPrecision:
    """How many carts a method serves at a precision."""

    task: str
    method: str
    wanted: float
    coverage: Estimate | None
    """The share of carts that see an offer, with its 95 % interval over customers; None = not reached."""
    ratio: Estimate | None
    """The bundle's coverage over the method's, on the same draws; None for the bundle itself and where either is not
    reached."""


def coverage_at_precision(
    bundle: ScoringMethod, baselines: Sequence[RankingMethod], tasks: Sequence[Task], random: np.random.Generator
) -> list[CoverageAtPrecision]:
    """A row for each task of WANTED, method and precision; of baselines that tell their scores."""
    rows = []
    for task in tasks:
        if task.label not in WANTED or not len(task.cases):
            continue
        lists = {OURS: first_of_lists(bundle, task)}
        for baseline in baselines:
            if isinstance(baseline, ScoringMethod):
                lists[baseline.name] = first_of_lists(baseline, task)
        draws = resample_customers(task.cases.customer, task.cases.order, random, DRAWS)
        for wanted in WANTED[task.label]:
            rows += compare(task.label, lists, wanted, draws, len(task.cases))
    return rows


def first_of_lists(method: ScoringMethod, task: Task) -> Lists:
    """The first DEPTH of a method's list for each request, by its own score."""
    scored = method.scored(task.cases, task.restriction, DEPTH, task.kinds)
    case = np.repeat(np.arange(len(scored)), [len(products) for products, _ in scored])
    hits = [np.isin(products, task.cases.target[row]) for row, (products, _) in enumerate(scored)]
    return Lists(np.concatenate([scores for _, scores in scored]).astype(np.float64), np.concatenate(hits), case)


def compare(
    task: str, lists: Mapping[str, Lists], wanted: float, draws: Resamples, n_cases: int
) -> list[CoverageAtPrecision]:
    """Every method at one precision, on the same resamples of the customers."""
    weights = np.vstack([np.ones(n_cases), draws.times[:, draws.cluster]])
    result = {method: coverages(of_method, wanted, weights) for method, of_method in lists.items()}
    ours = result[OURS]
    return [
        CoverageAtPrecision(
            task,
            method,
            wanted,
            estimate(values, n_cases),
            None if method == OURS else estimate(ours / values, n_cases),
        )
        for method, values in result.items()
    ]


def coverages(lists: Lists, wanted: float, weights: Float64) -> Float64:
    """(n_draws,) the weighted share of carts that see an offer at the lowest threshold of the wanted precision.

    weights: (n_draws, n_cases) how often each cart counts; NaN where no threshold reaches it with MIN_OFFERS offers.
    Offers of one score stand or fall together.
    """
    order = np.argsort(-lists.score, kind="stable")
    score, hit, case = lists.score[order], lists.hit[order], lists.case[order]
    last_of_score = np.flatnonzero(np.append(np.diff(score) != 0.0, True))[: len(score)]
    first_of_case = np.zeros(len(case), dtype=np.bool_)
    first_of_case[np.unique(case, return_index=True)[1]] = True
    result = np.full(len(weights), np.nan)
    for draw, weight in enumerate(weights):
        offers = np.cumsum(weight[case])[last_of_score]
        hits = np.cumsum(weight[case] * hit)[last_of_score]
        seen = np.cumsum(weight[case] * first_of_case)[last_of_score]
        holds = np.flatnonzero((hits >= wanted * offers) & (offers >= MIN_OFFERS))
        if len(holds):
            result[draw] = seen[holds[-1]] / weight.sum()
    return result


def estimate(values: Float64, n: int) -> Estimate | None:
    """The first value with the interval of the others; None where it, or more than half of them, is not reached."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or 2 * len(drawn) < len(values) - 1:
        return None
    low, high = np.percentile(drawn, LEVEL)
    return Estimate(float(values[0]), float(low), float(high), n)
