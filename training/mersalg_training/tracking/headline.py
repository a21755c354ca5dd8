"""The few figures that runs and models are compared by, under names that stay; all others are in `metrics.csv`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any, Final

from mersalg.names import ORDERS
from mersalg_training.evaluation.metrics import NDCG, OURS, Estimate
from mersalg_training.evaluation.order_by_value import REVENUE
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.result import EvaluationResult

TASKS: Final = {
    "completion, all": "completion",
    "completion, explore": "completion_explore",
    "completion, explore, other category": "completion_explore_other_category",
    "next basket, all": "next_basket",
    "next basket, explore": "next_basket_explore",
    "upsell, in type": "upsell",
    "replacement, due": "replacement",
}
"""Task -> what its figure is called."""
ANY: Final = "any"
"""All kinds of offer together."""
ENDS: Final = ("/low", "/high")
"""Of an interval."""
BYTES_OF_MEGABYTE: Final = 1e6


def headline(
    manifest: Mapping[str, Any], evaluation: EvaluationResult | None, latency_ms: float | None = None
) -> dict[str, float]:
    """Name -> figure; one with an interval also has NAME/low and NAME/high, its 95 % bootstrap interval.

    `ndcg/TASK` is NDCG@10 on the test window; `shown/KIND` the share of requests that see an offer of the kind,
    `came/KIND` the share of these offers that was bought; `certified/KIND` what is certified of it, and none where
    nothing is. What was not measured is left out. The intervals come last.
    """
    result = {} if evaluation is None else {**of_tasks(evaluation), **of_shown(evaluation)}
    result |= {f"certified/{key(c['kind'])}": float(c["precision"]) for c in manifest["certificates"]}
    result["size_mb"] = sum(file["size"] for file in manifest["files"].values()) / BYTES_OF_MEGABYTE
    if latency_ms is not None:
        result["latency_ms"] = latency_ms
    finite = {name: value for name, value in result.items() if math.isfinite(value)}
    return dict(sorted(finite.items(), key=lambda item: item[0].endswith(ENDS)))  # MLflow lists them in this order


def of_tasks(evaluation: EvaluationResult) -> dict[str, float]:
    """NDCG@10 of the tasks that matter most."""
    figures = evaluation.figures(NDCG)
    result: dict[str, float] = {}
    for task, name in TASKS.items():
        row = figures.get(task, {}).get(OURS)
        if row is not None:
            result |= with_interval(f"ndcg/{name}", row.estimate)
    return result


def of_shown(evaluation: EvaluationResult) -> dict[str, float]:
    """What is seen at the thresholds, how much of it is bought, and what that brings."""
    result: dict[str, float] = {}
    for row in evaluation.shown:
        if row.moment == EVERY:
            result |= with_interval(f"shown/{key(row.kind)}", row.seen)
            if row.precision is not None:
                result |= with_interval(f"came/{key(row.kind)}", row.precision)
    by_relevance = next((row for row in evaluation.sold if row.order == ORDERS[0]), None)
    if by_relevance is not None and REVENUE in by_relevance.worth:
        result |= with_interval("revenue_per_request", by_relevance.worth[REVENUE])
    return result


def with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    """A figure and its interval."""
    return dict(zip((name, *(name + end for end in ENDS)), (estimate.value, estimate.low, estimate.high), strict=True))


def key(kind: str) -> str:
    """A kind as part of a name."""
    return ANY if kind == EVERY else kind.replace("-", "_")


def as_csv(figures: Mapping[str, float]) -> str:
    """Every figure, a line each, sorted by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "value"])
    writer.writerows(sorted((name, repr(float(value))) for name, value in figures.items()))
    return text.getvalue()
