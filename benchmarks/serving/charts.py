"""The first table as a picture: from the median to the 99th percentile of each contender, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from comparison import Row
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mersalg_training.plots.style import FAINT, INK, QUIET, RULE, STRONG


def draw_side_by_side(rows: Sequence[Row], file: Path) -> None:
    """An SVG, the quickest on top: a dot at p50, a line to p99; ours in colour."""
    ordered = sorted(rows, key=lambda row: -row.micros["p50"])
    figure = Figure(figsize=(8.6, 0.42 * len(rows) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(ordered):
        colour = STRONG if row.name in ("recommend", "graph", "batch", "serve") else FAINT
        p50, p99 = row.micros["p50"] / 1e3, row.micros["p99"] / 1e3
        axes.plot([p50, p99], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
        axes.plot([p50], [place], color=colour, marker="o", markersize=7)
        axes.annotate(
            f"{p50:.2f}", (p50, place), (0, 7), textcoords="offset points", ha="center", fontsize=8, color=INK
        )
    names = [row.title.replace("`", "") + ("" if row.gives == "offers" else " (ids only)") for row in ordered]
    axes.set_yticks(range(len(ordered)), names, fontsize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.6, len(ordered) - 0.2)
    quiet(axes, "ms a request: p50 (dot) to p99 (end of the line), one thread")
    save(figure, file)


def draw_frontier(points: Sequence[tuple[str, float, float, float, float]], task: str, file: Path) -> None:
    """An SVG of name, p50 in ms, quality and an interval; those that nobody beats in both are joined."""
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    best = [p for p in points if not any(o[1] <= p[1] and o[2] >= p[2] and o != p for o in points)]
    best.sort(key=lambda point: point[1])
    axes.plot([p[1] for p in best], [p[2] for p in best], color=STRONG, linewidth=1.4)
    for point in points:
        name, p50, value, low, high = point
        colour = STRONG if point in best else FAINT
        axes.plot([p50, p50], [low, high], color=colour, linewidth=0.8, alpha=0.6)
        axes.plot([p50], [value], color=colour, marker="o", markersize=6)
        axes.annotate(name, (p50, value), (6, 4), textcoords="offset points", fontsize=8, color=INK)
    axes.set_ylabel(f"NDCG@10, {task}; 95 % of the difference to the first", fontsize=9, color=QUIET)
    axes.margins(x=0.12)
    quiet(axes, "p50 of one recommend, ms")
    save(figure, file)


def quiet(axes: Axes, label: str) -> None:
    """Few lines, and what the x axis shows."""
    axes.set_xlabel(label, fontsize=9, color=QUIET)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=INK)


def save(figure: Figure, file: Path) -> None:
    """The same bytes for the same figure; texts stay texts."""
    FigureCanvasSVG(figure)
    with mpl.rc_context({"svg.hashsalt": "mersalg", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
