"""Plots of a drift check: reliability then and now, and what has shifted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mersalg.names import KINDS
from mersalg_training.drift.comparison import KindNow
from mersalg_training.drift.shift import Shift
from mersalg_training.evaluation.clustered_intervals import Group, Z
from mersalg_training.plots.style import COLOURS, INK, QUIET, canvas, percent_ticks, plain_axes, png

PER_ROW = 3
"""Panels beside one another."""


def reliability_then_and_now(kinds: Sequence[KindNow]) -> bytes:
    """Draw what was promised against what came, by kind, with 99 % intervals; in grey when it was calibrated."""
    present = [kind for kind in kinds if kind.reliability]
    figure = canvas(
        3.2 * max(len(present), 1), 3.9, "Does an offer keep what its relevance promises? Now, and then (grey)"
    )
    for column, kind in enumerate(present):
        axes = figure.add_subplot(1, len(present), column + 1)
        draw_groups(axes, kind.reliability_then, QUIET, 1.2)
        draw_groups(axes, kind.reliability, COLOURS[kind.kind], 1.8)
        groups = [*kind.reliability, *kind.reliability_then]
        largest = 1.1 * max(max(group.promised, group.came) for group in groups) or 1.0
        axes.plot([0, largest], [0, largest], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        if kind.threshold is not None:
            axes.axvline(kind.threshold, color=INK, linewidth=0.8)
        axes.set_xlim(0, largest)
        axes.set_ylim(0, largest)
        plain_axes(axes, "relevance (line: threshold)", "share that came" if column == 0 else "")
        axes.set_title(kind.kind, fontsize=10, color=COLOURS[kind.kind], loc="left", weight="bold")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(percent_ticks())
    return png(figure)


def draw_groups(axes: Axes, groups: Sequence[Group], colour: str, width: float) -> None:
    """Draw one curve; no groups, nothing."""
    if groups:
        promised, came = [group.promised for group in groups], [group.came for group in groups]
        axes.errorbar(
            promised, came, yerr=[Z * group.error for group in groups], color=colour, marker="o", markersize=4,
            linewidth=width, elinewidth=0.8,
        )  # fmt: skip


def shifts(result: Sequence[Shift]) -> bytes:
    """Draw each shift as shares of the bins, then in grey and now in colour, with its index."""
    rows = max(1, -(-len(result) // PER_ROW))
    figure = canvas(3.4 * PER_ROW, 0.9 + 1.9 * rows, "What the scorer sees: then (grey) and now")
    for place, shift in enumerate(result):
        axes = figure.add_subplot(rows, PER_ROW, place + 1)
        position = np.arange(len(shift.then.counts))
        axes.bar(position - 0.2, shift.then.shares, width=0.4, color=QUIET)
        axes.bar(position + 0.2, shift.now.shares, width=0.4, color=COLOURS[KINDS[0]])
        axes.set_xticks(position, shift.then.names, rotation=45, ha="right")
        plain_axes(axes, "", "")
        axes.tick_params(labelsize=7)
        axes.yaxis.set_major_formatter(percent_ticks())
        axes.set_title(f"{shift.name}: {shift.index:.3f}, {shift.size}", fontsize=9, color=INK, loc="left")
    return png(figure)
