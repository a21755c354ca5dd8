"""The result of an evaluation, and its figures under flat names, as MLflow takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.evaluation.coverage_at_precision import CoverageAtPrecision
from mersalg_training.evaluation.empty_answers import EmptyAnswers
from mersalg_training.evaluation.follow_on import FollowOnShown
from mersalg_training.evaluation.metrics import OURS, Estimate
from mersalg_training.evaluation.order_by_value import SalesByOrder
from mersalg_training.evaluation.precision_shown import ShownPrecision
from mersalg_training.evaluation.reliability import Reliability

ORACLE: Final = "oracle over candidates"
"""The method that puts the bundle's own candidates into the best order there is: its ceiling, not its rival."""
NEW, KNOWN = "new customers", "known customers"
"""The groups of requests that some tasks are told apart by."""


@dataclass(frozen=True)
class Row:
    """One figure of one method."""

    task: str
    """`next basket, repeat`; of some tasks also for `new customers` and `known customers`."""
    method: str
    metric: str
    estimate: Estimate

    @property
    def value(self) -> float:
        """The figure."""
        return self.estimate.value

    @property
    def low(self) -> float:
        """The lower end of its 95 % interval."""
        return self.estimate.low

    @property
    def high(self) -> float:
        """The upper end."""
        return self.estimate.high

    @property
    def n(self) -> int:
        """Requests."""
        return self.estimate.n


@dataclass(frozen=True)
class Difference:
    """How much more the bundle reaches than a baseline, on the same requests and the same draws."""

    task: str
    rival: str
    metric: str
    estimate: Estimate
    ratio: Estimate | None = None
    """The bundle's mean over the baseline's, on the same draws; of NDCG alone, None for other metrics."""

    @property
    def ahead(self) -> bool:
        """The whole interval is above zero."""
        return self.estimate.low > 0.0


@dataclass(frozen=True)
class EvaluationResult:
    """What was found on a test window."""

    rows: Sequence[Row]
    differences: Sequence[Difference]
    shown: Sequence[ShownPrecision]
    """Empty where the thresholds were not asked for."""
    without_requests: Sequence[str]
    """Tasks for which the window holds no request."""
    ceilings: Sequence[Row] = ()
    """By task, what the bundle's candidates hold and what a perfect order of them would reach."""
    sold: Sequence[SalesByOrder] = ()
    """What is shown by relevance and by value, and bought; empty where that was not asked for."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Baseline -> why it could not be fitted."""
    kept: Sequence[Reliability] = ()
    """What the relevance of what is shown promised, and what came of it; empty where that was not asked for."""
    promises: ScoredOffers | None = None
    """The offers behind it, for a plot."""
    restraint: Sequence[CoverageAtPrecision] = ()
    """How many carts see an offer at an equal precision; empty where that was not asked for."""
    empty: Sequence[EmptyAnswers] = ()
    """Why requests were shown nothing, of the same requests as `shown`; empty where that was not asked for."""
    follow_on: Sequence[FollowOnShown] = ()
    """Whether what is shown follows on, beside a plain rule; empty where that was not asked for."""

    def figures(self, metric: str) -> dict[str, dict[str, Row]]:
        """Task -> method -> its row."""
        result: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            if row.metric == metric:
                result.setdefault(row.task, {})[row.method] = row
        return result

    def against_best(self, task: str, metric: str) -> Difference | None:
        """The difference to the baseline of the highest value; None where no baseline was asked."""
        rivals = [row for row in self.figures(metric)[task].values() if row.method != OURS]
        if not rivals:
            return None
        best = max(rivals, key=lambda row: row.value).method
        result = (d for d in self.differences if (d.task, d.rival, d.metric) == (task, best, metric))
        return next(result, None)

    def metrics(self) -> dict[str, float]:
        """The figures under flat names, as MLflow takes them: `test/completion.explore/ndcg_at_10` is the bundle's.

        A baseline's is `test/completion.explore/baseline.popularity/ndcg_at_10`, the ceiling
        `test/completion.explore/oracle_over_candidates/ndcg_at_10`; what the thresholds show is under
        `test/shown.cart.cross-sell/`, what the two orders of offers sell under `test/shown_by.value/`, and whether what
        is shown follows on under `test/follow_on.anonymous/`.
        """
        result = {}
        for row in self.ceilings:
            method = "" if row.method == OURS else f"{metric_key(row.method)}/"
            result[f"test/{metric_key(row.task)}/{method}{metric_key(row.metric)}"] = row.value
        for row in self.rows:
            method = "" if row.method == OURS else f"baseline.{metric_key(row.method)}/"
            result[f"test/{metric_key(row.task)}/{method}{metric_key(row.metric)}"] = row.value
        for offered in self.shown:
            under = f"test/shown.{offered.moment}.{offered.kind}"
            result[f"{under}/offers"] = float(offered.offers)
            result[f"{under}/share_of_requests"] = offered.seen.value
            if offered.precision is not None:
                result[f"{under}/precision"] = offered.precision.value
        for sold in self.sold:
            under = f"test/shown_by.{sold.order}"
            if sold.precision is not None:
                result[f"{under}/precision"] = sold.precision.value
            result |= {f"{under}/{metric_key(name)}": estimate.value for name, estimate in sold.worth.items()}
        for checked in self.kept:
            under = f"test/kept.{checked.kind}.{metric_key(checked.group)}"
            values = {"offers": checked.offers, "promised": checked.promised, "bought": checked.came.value}
            values |= {"calibration_error": checked.error, "calibration_error_by_chance": checked.error_by_chance}
            result |= {f"{under}/{name}": float(value) for name, value in values.items()}
        for followed in self.follow_on:
            method = "" if followed.method == OURS else f"baseline.{metric_key(followed.method)}/"
            under = f"test/follow_on.{metric_key(followed.history)}/{method}"
            result |= {f"{under}{name}": value for name, value in followed.metrics().items()}
        return result


def metric_key(text: str) -> str:
    """A label as part of an MLflow name: `next basket, repeat` is `next_basket.repeat`, `NDCG@10` is `ndcg_at_10`."""
    plain = text.lower().replace("@", "_at_").replace(", ", ".")
    return re.sub(r"[^a-z0-9._-]+", "_", plain)
