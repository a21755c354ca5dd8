"""Plots of an evaluation: reliability, precision against coverage, results by task.

Every function draws on a figure of its own with the Agg canvas: no window, no global state, the same bytes for the
same input. Colours are those of Okabe and Ito, which colour-blind readers tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from mersalg.names import KINDS, Kind
from mersalg_training.evaluation.metrics import NDCG, OURS, RECALL, Floats, wilson
from mersalg_training.evaluation.result import Row
from mersalg_training.plots.style import (
    COLOURS,
    FAINT,
    INK,
    QUIET,
    RULE,
    STRONG,
    canvas,
    percent_ticks,
    plain_axes,
    png,
)

Booleans = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]

BINS: Final = 10
"""Groups of equal size in a reliability curve."""


def reliability(predicted: Floats, bought: Booleans, kind: Int64) -> bytes:
    """Draw how often what was predicted came true, by kind, in groups of equal size, with 95 % intervals and counts.

    All three (n,): calibrated relevance, whether it was bought, position in KINDS. A kind without rows is left out.
    """
    present = [name for position, name in enumerate(KINDS) if np.any(kind == position)]
    figure = canvas(3.1 * max(len(present), 1), 4.3, "Calibration: does an offer keep what its relevance promises?")
    grid = figure.add_gridspec(2, max(len(present), 1), height_ratios=[4, 1])
    for column, name in enumerate(present):
        rows = kind == KINDS.index(name)
        curve, counts = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
        draw_reliability(curve, predicted[rows], bought[rows], name)
        largest = curve.get_xlim()[1]
        counts.hist(np.clip(predicted[rows], 0, largest), bins=24, range=(0, largest), color=COLOURS[name])
        counts.set_yscale("log")
        counts.yaxis.set_minor_formatter(NullFormatter())
        counts.set_xlim(0, largest)
        plain_axes(counts, "predicted relevance (last bar: and more)", "offers" if column == 0 else "")
        counts.xaxis.set_major_formatter(percent_ticks())
    return png(figure)


def draw_reliability(axes: Axes, predicted: Floats, bought: Booleans, name: Kind) -> None:
    """Draw the curve of one kind."""
    promised, came, n = reliability_groups(predicted, bought)
    low, high = wilson(came, n)
    largest = float(max(promised.max(), high.max())) * 1.06
    axes.plot([0, largest], [0, largest], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.errorbar(
        promised, came, yerr=[came - low, high - came], color=COLOURS[name], marker="o", markersize=4.5, linewidth=1.6,
        elinewidth=1, capsize=0,
    )  # fmt: skip
    axes.set_xlim(0, largest)
    axes.set_ylim(0, largest)
    plain_axes(axes, "", "share bought")
    axes.set_title(f"{name}  (n = {len(predicted):,})", fontsize=10, color=COLOURS[name], loc="left", weight="bold")
    axes.tick_params(labelbottom=False)
    axes.yaxis.set_major_formatter(percent_ticks())


def reliability_groups(predicted: Floats, bought: Booleans) -> tuple[Floats, Floats, Int64]:
    """Give the mean prediction, the share bought and the size of at most ten groups of equal size, ascending.

    Both inputs (n,), n >= 1; rows with the same prediction stay in the order in which they come.
    """
    groups = np.array_split(np.argsort(predicted, kind="stable"), min(BINS, len(predicted)))
    promised = np.array([predicted[group].mean() for group in groups])
    came = np.array([bought[group].mean() for group in groups])
    return promised, came, np.array([len(group) for group in groups])


def precision_against_coverage(
    predicted: Floats, bought: Booleans, kind: Int64, thresholds: Mapping[Kind, float | None]
) -> bytes:
    """Draw the share of the offers above a threshold that was bought, against the share that is above it.

    The arrays are those of `reliability`. A dot marks the chosen threshold of a kind; null (silent) has none.
    """
    figure = canvas(8.4, 5.0, "Precision against coverage: what a higher threshold buys")
    axes = figure.add_subplot()
    for position, name in enumerate(KINDS):
        rows = kind == position
        if not rows.any():
            continue
        order = np.argsort(-predicted[rows], kind="stable")
        shown = np.arange(1, len(order) + 1)
        precision = np.cumsum(bought[rows][order]) / shown
        settled = shown >= min(30, len(order))  # a share of a handful of offers is noise
        coverage = shown / len(order)
        threshold = thresholds.get(name)
        above = 0 if threshold is None else int(np.sum(predicted[rows] >= threshold))
        told = "silent" if threshold is None else f"from {threshold:.3f}"
        if above:
            told += f": {precision[above - 1]:.1%} of {above:,} bought"
            axes.plot(coverage[above - 1], precision[above - 1], "o", color=COLOURS[name], markersize=8, zorder=5)
        axes.plot(coverage[settled], precision[settled], color=COLOURS[name], linewidth=1.8, label=f"{name} {told}")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, None)
    plain_axes(axes, "coverage: share of the kind's best offers that is shown", "precision: share of them bought")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent_ticks())
    if axes.has_data():
        axes.legend(fontsize=9, title="dot: the chosen threshold", title_fontsize=9, alignment="left", edgecolor=RULE)
    return png(figure)


def results_by_task(rows: Sequence[Row]) -> bytes:
    """Draw the NDCG and recall of every method with their 95 % intervals, mersalg in blue.

    A row of panels for each task, a column for each of the two metrics, in the order in which they come.
    """
    rows = [row for row in rows if row.metric in (NDCG, RECALL)]
    tasks, metrics = list(dict.fromkeys(r.task for r in rows)), list(dict.fromkeys(r.metric for r in rows))
    methods = list(dict.fromkeys(r.method for r in rows))
    height = 1.1 + len(tasks) * (0.55 + 0.27 * len(methods))
    figure = canvas(1.6 + 3.9 * max(len(metrics), 1), height, "Test window: every method, with 95 % intervals")
    grid = figure.add_gridspec(max(len(tasks), 1), max(len(metrics), 1))
    for row, task in enumerate(tasks):
        for column, metric in enumerate(metrics):
            axes = figure.add_subplot(grid[row, column])
            result = {r.method: r for r in rows if r.task == task and r.metric == metric}
            draw_results(axes, [result.get(method) for method in methods], methods)
            axes.set_title(f"{task}: {metric}", fontsize=10, color=INK, loc="left")
            axes.tick_params(labelleft=column == 0)
    return png(figure)


def draw_results(axes: Axes, results: Sequence[Row | None], methods: Sequence[str]) -> None:
    """Draw one metric of one task, a bar for each method; a method without a value keeps its place."""
    largest = max((r.high for r in results if r is not None), default=0.0) or 1.0
    for position, result in enumerate(results):
        if result is None:
            axes.text(0.01 * largest, position, "not applicable", va="center", fontsize=8.5, color=QUIET)
            continue
        colour = STRONG if result.method == OURS else FAINT
        axes.barh(position, result.value, height=0.68, color=colour)
        axes.plot([result.low, result.high], [position, position], color=INK, linewidth=1.2, solid_capstyle="butt")
        axes.text(result.high + 0.02 * largest, position, f"{result.value:.3f}", va="center", fontsize=8.5, color=INK)
    axes.set_xlim(0, largest * 1.18)
    axes.set_ylim(len(methods) - 0.4, -0.6)
    plain_axes(axes, "", "", grid="x")
    axes.set_yticks(range(len(methods)), methods)
    axes.xaxis.set_major_locator(MaxNLocator(5))


def relevance_distribution(predicted: Floats, kind: Int64, thresholds: Mapping[Kind, float | None]) -> bytes:
    """Draw how the calibrated relevance of the retrieved offers spreads, by kind; a line marks the threshold."""
    present = [name for position, name in enumerate(KINDS) if np.any(kind == position)]
    figure = canvas(8.4, 1.2 + 1.15 * max(len(present), 1), "Relevance of what was retrieved, by kind")
    grid = figure.add_gridspec(max(len(present), 1), 1)
    smallest, edges = 1e-4, np.geomspace(1e-4, 1.0, 61)
    for row, name in enumerate(present):
        axes = figure.add_subplot(grid[row, 0])
        values = np.clip(predicted[kind == KINDS.index(name)], smallest, 1.0)
        axes.hist(values, bins=list(edges), color=COLOURS[name], weights=np.full(len(values), 1 / len(values)))
        axes.set_xscale("log")
        axes.set_xlim(smallest, 1.0)
        threshold = thresholds.get(name)
        told = "silent" if threshold is None else f"{np.mean(values >= threshold):.1%} above {threshold:.3f}"
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1.2)
        plain_axes(axes, "calibrated relevance (log scale)" if row == len(present) - 1 else "", "share")
        axes.yaxis.set_major_formatter(percent_ticks())
        axes.yaxis.set_major_locator(MaxNLocator(2))
        axes.tick_params(labelbottom=row == len(present) - 1)
        axes.text(0.01, 0.9, name, transform=axes.transAxes, va="top", fontsize=10, color=COLOURS[name], weight="bold")
        axes.text(0.01, 0.62, told, transform=axes.transAxes, va="top", fontsize=9, color=QUIET)
    return png(figure)
