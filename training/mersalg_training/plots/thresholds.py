"""Plots of thresholds: reliability of what is shown by group, and what each threshold costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from mersalg.names import KINDS, Kind
from mersalg_training.calibration.scored_offers import ScoredOffers, Tradeoff
from mersalg_training.calibration.thresholds import Threshold
from mersalg_training.evaluation.metrics import wilson
from mersalg_training.plots.evaluation import reliability_groups
from mersalg_training.plots.style import COLOURS, QUIET, canvas, percent_ticks, plain_axes, png

GROUPS: Final = (("with a history", True, "o"), ("without", False, "s"))
COSTS: Final = (("precision", "bought of what is shown"), ("coverage", "requests that see one"), ("recall", "kept"))
MIN_OFFERS: Final = 30
"""Fewer offers draw no curve."""


def reliability_by_group(shown: ScoredOffers) -> bytes:
    """Draw, by kind, how often the relevance of the offers came true, with and without a history, with 95 % intervals.

    A row of panels for the best offer of its kind and request, one for the others. A kind without offers is left out.
    """
    present = [kind for k, kind in enumerate(KINDS) if np.any(shown.kind == k)]
    figure = canvas(3.1 * max(len(present), 1), 6.4, "Calibration by place, with and without a history")
    grid = figure.add_gridspec(2, max(len(present), 1))
    for row, (name, of_place) in enumerate((("best of its kind", shown.place == 0), ("others", shown.place > 0))):
        for column, kind in enumerate(present):
            axes = figure.add_subplot(grid[row, column])
            draw_groups(axes, shown.take(of_place).of_kind(kind), kind)
            axes.set_title(f"{kind}, {name}", fontsize=9.5, color=COLOURS[kind], loc="left")
            plain_axes(axes, "promised" if row else "", "bought" if column == 0 else "")
    return png(figure)


def draw_groups(axes: Axes, shown: ScoredOffers, kind: Kind) -> None:
    """Draw a curve for each of GROUPS with enough offers."""
    largest = 0.01
    for name, known, marker in GROUPS:
        rows = shown.known == known
        if rows.sum() < MIN_OFFERS:
            continue
        promised, came, n = reliability_groups(shown.relevance[rows].astype(np.float64), shown.label[rows] > 0.5)
        low, high = wilson(came, n)
        axes.errorbar(
            promised, came, yerr=[came - low, high - came], marker=marker, markersize=4, elinewidth=0.9, capsize=0,
            linewidth=1.2, color=COLOURS[kind] if known else QUIET, label=f"{name} (n = {int(n.sum()):,})",
        )  # fmt: skip
        largest = max(largest, 1.06 * float(max(promised.max(), high.max())))
    axes.plot([0, largest], [0, largest], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(0, largest)
    axes.set_ylim(0, largest)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent_ticks())
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=7.5, frameon=False)


def tradeoff_curves(thresholds: Mapping[Kind, Threshold]) -> bytes:
    """Draw precision, coverage and recall of each kind against the threshold; a dot marks the chosen one."""
    present = [kind for kind in KINDS if kind in thresholds and thresholds[kind].tradeoffs]
    figure = canvas(11.0, 4.2, "What a threshold costs, on customers who had no part in choosing it")
    grid = figure.add_gridspec(1, len(COSTS))
    for column, (name, title) in enumerate(COSTS if present else ()):
        axes = figure.add_subplot(grid[0, column])
        for kind in present:
            draw_cost(axes, thresholds[kind].tradeoffs, thresholds[kind].threshold, kind, name)
        plain_axes(axes, "threshold", "")
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(percent_ticks())
        axes.yaxis.set_major_formatter(percent_ticks())
        if column == 0:
            axes.legend(fontsize=8, frameon=False)
    return png(figure)


def draw_cost(axes: Axes, rows: Sequence[Tradeoff], threshold: float | None, kind: Kind, name: str) -> None:
    """Draw one measure of one kind."""
    at = np.maximum([row.threshold for row in rows], 1e-4)
    values = [getattr(row, name) for row in rows]
    axes.plot(at, values, color=COLOURS[kind], linewidth=1.6, label=kind)
    chosen = [(x, y) for x, y, row in zip(at, values, rows, strict=True) if row.threshold == threshold]
    for x, y in chosen:
        axes.plot(x, y, "o", color=COLOURS[kind], markersize=7)
