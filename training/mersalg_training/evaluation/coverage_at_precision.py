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

from mersalg.recommender import AnswersRequests, stream_answers
from mersalg_training.data.timeline import Float64, Int64, Timeline
from mersalg_training.evaluation.baselines import Baseline, ScoresItsRanking
from mersalg_training.evaluation.bundle_method import request_maker
from mersalg_training.evaluation.metrics import LEVEL, OURS, Estimate, Resamples, resample_customers
from mersalg_training.evaluation.tasks.task import Task

DEPTH: Final = 20
"""So many of each list can be shown."""
WANTED: Final[Mapping[str, tuple[float, ...]]] = {
    "completion, all": (0.1, 0.2, 0.3, 0.5),
    "completion, explore": (0.1, 0.2),
}
"""Realised precisions, by task."""
LEAST: Final = 30
"""A precision of fewer offers is none."""
DRAWS: Final = 200
"""Resamples of the customers."""
TITLE: Final = "Carts that see an offer at an equal realised precision"
ASKED: Final = 200
"""Offers that are asked of the bundle, so that DEPTH are left after what the task forbids."""


@dataclass(frozen=True)
class Lists:
    """What one method would show, (n,) each: the first DEPTH of every request."""

    score: Float64
    hit: npt.NDArray[np.bool_]
    case: Int64


@dataclass(frozen=True)
class Restraint:
    """How many carts a method serves at a precision."""

    task: str
    method: str
    wanted: float
    coverage: Estimate | None
    """The share of carts that see an offer, with its 95 % interval over customers; None = not reached."""
    ratio: Estimate | None
    """The bundle's coverage over the method's, on the same draws; None for the bundle itself and where either is not
    reached."""


def restraint(
    recommender: AnswersRequests,
    timeline: Timeline,
    baselines: Sequence[Baseline],
    tasks: Sequence[Task],
    random: np.random.Generator,
) -> list[Restraint]:
    """A row for each task of WANTED, method and precision; of baselines that tell their scores."""
    rows = []
    for task in tasks:
        if task.label not in WANTED or not len(task.cases):
            continue
        lists = {OURS: of_bundle(recommender, timeline, task)}
        for baseline in baselines:
            if isinstance(baseline, ScoresItsRanking):
                lists[baseline.name] = of_baseline(baseline, task)
        draws = resample_customers(task.cases.customer, task.cases.order, random, DRAWS)
        for wanted in WANTED[task.label]:
            rows += compare(task.label, lists, wanted, draws, len(task.cases))
    return rows


def of_bundle(recommender: AnswersRequests, timeline: Timeline, task: Task) -> Lists:
    """The bundle's lists by relevance; what the task forbids is excluded by the request, or dropped."""
    make_request = request_maker(timeline)
    code_of = {product_id: code for code, product_id in enumerate(timeline.product_ids)}
    cases, forbidden = task.cases, task.restriction.forbidden
    requests = (make_request(cases, case, task.kinds, forbidden, ASKED) for case in range(len(cases)))
    rows: list[tuple[float, bool, int]] = []
    for case, offers in enumerate(stream_answers(recommender, requests, threshold=False)):
        permitted, target = task.restriction.mask(case), set(cases.target[case].tolist())
        found = [(o.relevance, code_of[o.product_id]) for o in offers if o.product_id in code_of]
        allowed = [(relevance, product) for relevance, product in found if permitted[product]]
        rows += [(relevance, product in target, case) for relevance, product in allowed[:DEPTH]]
    return as_lists(rows)


def of_baseline(baseline: ScoresItsRanking, task: Task) -> Lists:
    """A baseline's lists by its own score."""
    rows: list[tuple[float, bool, int]] = []
    for case, (products, scores) in enumerate(baseline.scored(task.cases, task.restriction, DEPTH)):
        hits = np.isin(products, task.cases.target[case])
        rows += [(float(s), bool(h), case) for s, h in zip(scores.tolist(), hits.tolist(), strict=True)]
    return as_lists(rows)


def as_lists(rows: Sequence[tuple[float, bool, int]]) -> Lists:
    """Columns of the rows."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Lists(table[:, 0], table[:, 1] > 0.0, table[:, 2].astype(np.int64))


def compare(task: str, lists: Mapping[str, Lists], wanted: float, draws: Resamples, n_cases: int) -> list[Restraint]:
    """Every method at one precision, on the same resamples of the customers."""
    weights = np.vstack([np.ones(n_cases), draws.times[:, draws.cluster]])
    found = {method: coverages(of_method, wanted, weights) for method, of_method in lists.items()}
    ours = found[OURS]
    return [
        Restraint(
            task,
            method,
            wanted,
            estimate(values, n_cases),
            None if method == OURS else estimate(ours / values, n_cases),
        )
        for method, values in found.items()
    ]


def coverages(lists: Lists, wanted: float, weights: Float64) -> Float64:
    """(n_draws,) the weighted share of carts that see an offer at the lowest threshold of the wanted precision.

    weights: (n_draws, n_cases) how often each cart counts; NaN where no threshold reaches it with LEAST offers. Offers
    of one score stand or fall together.
    """
    order = np.argsort(-lists.score, kind="stable")
    score, hit, case = lists.score[order], lists.hit[order], lists.case[order]
    last_of_score = np.flatnonzero(np.append(np.diff(score) != 0.0, True))[: len(score)]
    first_of_case = np.zeros(len(case), dtype=np.bool_)
    first_of_case[np.unique(case, return_index=True)[1]] = True
    found = np.full(len(weights), np.nan)
    for draw, weight in enumerate(weights):
        offers = np.cumsum(weight[case])[last_of_score]
        hits = np.cumsum(weight[case] * hit)[last_of_score]
        seen = np.cumsum(weight[case] * first_of_case)[last_of_score]
        holds = np.flatnonzero((hits >= wanted * offers) & (offers >= LEAST))
        if len(holds):
            found[draw] = seen[holds[-1]] / weight.sum()
    return found


def estimate(values: Float64, n: int) -> Estimate | None:
    """The first value with the interval of the others; None where it, or more than half of them, is not reached."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or 2 * len(drawn) < len(values) - 1:
        return None
    low, high = np.percentile(drawn, LEVEL)
    return Estimate(float(values[0]), float(low), float(high), n)
