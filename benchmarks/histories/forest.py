"""The ratios as a forest plot: a panel for each shop, a row for each task, a dot with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import FuncFormatter, NullLocator
from verdicts import AHEAD, BEHIND, METRIC, SetResult

from mersalg_training.plots import style

BEHIND_COLOUR = "#d55e00"
LEAST, MOST = 0.4, 2.5
"""Ends of the axis; what lies outside is an arrow at its end."""
TICKS = (0.5, 0.7, 1.0, 1.4, 2.0)
ROW, PANEL, NAMES = 0.26, 1.5, 2.9
"""Inches: a task's height, a shop's width, the width of the tasks' names."""


def draw_ratios(results: Sequence[SetResult]) -> bytes:
    """A PNG; the same figures give the same bytes. At least one shop."""
    tasks = list(dict.fromkeys(task.task for result in results for task in result.tasks))
    title = f"{METRIC} of mersalg over that of the best baseline, 95 % intervals"
    figure = style.canvas(NAMES + PANEL * len(results), ROW * len(tasks) + 1.4, title)
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        axes.axvline(1.0, color=style.QUIET, linewidth=0.9)
        for task in result.tasks:
            if task.ratio is None:
                continue
            place = tasks.index(task.task)
            colour = {AHEAD: style.STRONG, BEHIND: BEHIND_COLOUR}.get(task.verdict, style.FAINT)
            value, low, high = (min(max(x, LEAST), MOST) for x in (task.ratio.value, task.ratio.low, task.ratio.high))
            axes.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
            marker = "<" if task.ratio.value < LEAST else ">" if task.ratio.value > MOST else "o"
            axes.plot([value], [place], color=colour, marker=marker, markersize=5)
        axes.set_xscale("log")
        axes.set_xlim(LEAST * 0.95, MOST * 1.05)
        style.plain_axes(axes, "", "")
        axes.set_xticks(TICKS)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_title(result.name, fontsize=9.5, color=style.INK)
    panels[0].set_yticks(range(len(tasks)), tasks, fontsize=8.5)
    panels[0].set_ylim(len(tasks) - 0.4, -0.6)
    figure.supxlabel("blue: surely ahead; orange: surely behind; grey: level", fontsize=9, color=style.QUIET)
    return style.png(figure)
