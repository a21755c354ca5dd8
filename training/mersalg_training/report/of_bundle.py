"""What a bundle itself says was measured of it: the tables of its card, and the metrics of its manifest.

The card holds every method with its interval. The metrics hold what is shown and kept without one: an estimate whose
interval is unknown has NaN for its ends, and 0 requests. Nothing here is paired.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from mersalg.names import KINDS, MOMENTS, ORDERS
from mersalg_training.evaluation.metrics import DEPTHS, NDCG, OURS, RECALL, Estimate, wilson
from mersalg_training.evaluation.order_by_value import MARGIN, REVENUE, Sold
from mersalg_training.evaluation.precision_shown import EVERY, Shown
from mersalg_training.evaluation.reliability import GROUPS, Kept
from mersalg_training.evaluation.result import ORACLE, Evaluation, Row, metric_key

RESULTS: Final = "## Results"
NUMBER: Final = r"(-?[0-9]+(?:\.[0-9]+)?)"
FIGURE: Final = re.compile(rf"{NUMBER} \({NUMBER} to {NUMBER}\)")


def own_evaluation(manifest: Mapping[str, Any], card: str) -> Evaluation:
    """The figures that a bundle carries; empty where it was not evaluated."""
    rows = card_rows(card)
    metrics: Mapping[str, float] = manifest["metrics"]
    return Evaluation(
        rows=rows,
        differences=[],
        shown=list(shown_rows(metrics)),
        without_requests=[],
        ceilings=[row for task in dict.fromkeys(r.task for r in rows) for row in ceilings(metrics, task)],
        sold=list(sold_rows(metrics)),
        kept=list(kept_rows(metrics)),
    )


def card_rows(card: str) -> list[Row]:
    """The results of a card as `mersalg_training.export.card` writes them; none where it holds none."""
    _, found, text = card.partition(f"\n{RESULTS}\n")
    rows: list[Row] = []
    task, metrics = "", list[str]()
    for line in text.split("\n## ")[0].splitlines() if found else ():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("### "):
            task = line.removeprefix("### ")
        elif line.startswith("| method |"):
            metrics = cells[1:]
        elif line.startswith("| "):
            figures = zip(metrics, map(FIGURE.fullmatch, cells[1:]), strict=False)
            rows += [Row(task, cells[0], metric, estimate_of(figure)) for metric, figure in figures if figure]
    return rows


def estimate_of(figure: re.Match[str]) -> Estimate:
    """`0.1917 (0.1699 to 0.2144)` as an estimate."""
    value, low, high = map(float, figure.groups())
    return Estimate(value, low, high, 0)


def alone(value: float) -> Estimate:
    """A figure without an interval."""
    return Estimate(value, math.nan, math.nan, 0)


def ceilings(metrics: Mapping[str, float], task: str) -> Iterator[Row]:
    """What the candidates of a task hold, and what a perfect order of them would reach."""
    under = f"test/{metric_key(task)}"
    for method, way, names in (
        (ORACLE, f"{under}/{metric_key(ORACLE)}", (RECALL, NDCG)),
        (OURS, under, [f"candidate recall@{depth}" for depth in DEPTHS]),
    ):
        for name in names:
            value = metrics.get(f"{way}/{metric_key(name)}")
            if value is not None:
                yield Row(task, method, name, alone(value))


def shown_rows(metrics: Mapping[str, float]) -> Iterator[Shown]:
    """What is shown of each kind at each moment."""
    for moment in (EVERY, *MOMENTS):
        for kind in (EVERY, *KINDS):
            under = f"test/shown.{moment}.{kind}"
            if not known(metrics, under, "offers", "share_of_requests"):
                continue
            offers, precision = int(metrics[f"{under}/offers"]), metrics.get(f"{under}/precision")
            yield Shown(
                moment=moment,
                kind=kind,
                requests=0,
                offers=offers,
                relevant=0 if precision is None else round(precision * offers),
                precision=None if precision is None else by_offer(precision, offers),
                seen=alone(metrics[f"{under}/share_of_requests"]),
            )


def kept_rows(metrics: Mapping[str, float]) -> Iterator[Kept]:
    """What was promised of each kind and group, and what came."""
    for kind in KINDS:
        for group in GROUPS:
            under = f"test/kept.{kind}.{metric_key(group)}"
            if known(
                metrics, under, "offers", "promised", "bought", "calibration_error", "calibration_error_by_chance"
            ):
                offers = int(metrics[f"{under}/offers"])
                yield Kept(
                    kind=kind,
                    group=group,
                    offers=offers,
                    promised=metrics[f"{under}/promised"],
                    came=by_offer(metrics[f"{under}/bought"], offers),
                    error=metrics[f"{under}/calibration_error"],
                    error_by_chance=metrics[f"{under}/calibration_error_by_chance"],
                )


def sold_rows(metrics: Mapping[str, float]) -> Iterator[Sold]:
    """What each order of the offers sells a request."""
    for order in ORDERS:
        under = f"test/shown_by.{order}"
        names = (REVENUE, MARGIN)
        worth = {
            name: metrics[f"{under}/{metric_key(name)}"] for name in names if f"{under}/{metric_key(name)}" in metrics
        }
        if worth:
            precision = metrics.get(f"{under}/precision")
            told = None if precision is None else alone(precision)
            yield Sold(order, 0, 0, 0, told, {name: alone(value) for name, value in worth.items()}, {})


def known(metrics: Mapping[str, float], under: str, *names: str) -> bool:
    """Whether all of these metrics are there."""
    return all(f"{under}/{name}" in metrics for name in names)


def by_offer(share: float, offers: int) -> Estimate:
    """A share of so many offers with its interval (Wilson), as if no two of them were of one customer."""
    if offers < 1 or not 0.0 <= share <= 1.0:
        return alone(share)
    low, high = wilson(np.array([share]), np.array([offers]))
    return Estimate(share, float(low[0]), float(high[0]), 0)
