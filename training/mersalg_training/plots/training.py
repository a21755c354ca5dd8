"""Plots of a training job: loss, feature importance, recall of the candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.ticker import MaxNLocator

from mersalg_training.plots.style import COLOURS, INK, STRONG, canvas, percent_ticks, plain_axes, png

MAX_FEATURES: Final = 25


def recall_of_candidates(recall: Mapping[str, float]) -> bytes:
    """Draw the share of later purchases that each source of candidates finds, in the order given."""
    return bars(recall, "Candidates: which source finds what is bought", "share of later purchases found", percent=True)


def feature_importances(gain: Mapping[str, float]) -> bytes:
    """Draw the 25 features that save the ranker most loss, as shares of all gain."""
    total = sum(gain.values()) or 1.0
    largest = sorted(gain.items(), key=lambda item: (-item[1], item[0]))[:MAX_FEATURES]
    title = f"Feature importances (the first {len(largest)} of {len(gain)})"
    return bars({name: value / total for name, value in largest}, title, "share of the gain over all splits", True)


def bars(values: Mapping[str, float], title: str, unit: str, percent: bool) -> bytes:
    """Draw horizontal bars from the top down, each with its value."""
    figure = canvas(8.0, 1.5 + 0.27 * max(len(values), 1), title)
    axes = figure.add_subplot()
    largest = max(values.values(), default=0.0) or 1.0
    for position, value in enumerate(values.values()):
        axes.barh(position, value, height=0.7, color=STRONG)
        shown = f"{value:.1%}" if percent else f"{value:,.3g}"
        axes.text(value + 0.01 * largest, position, shown, va="center", fontsize=8.5, color=INK)
    axes.set_xlim(0, largest * 1.1)
    axes.set_ylim(max(len(values), 1) - 0.4, -0.6)
    plain_axes(axes, unit, "", grid="x")
    axes.set_yticks(range(len(values)), list(values))
    if percent:
        axes.xaxis.set_major_formatter(percent_ticks())
    return png(figure)


def training_loss(loss: Mapping[str, Sequence[float]]) -> bytes:
    """Draw the loss of each set of rows after every tree."""
    figure = canvas(8.0, 4.6, "Training: loss after every tree")
    axes = figure.add_subplot()
    for colour, (name, values) in zip(COLOURS.values(), loss.items(), strict=False):
        axes.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.8)
        if values:
            end = (len(values), values[-1])
            text = f"{name} {values[-1]:.4f}"
            axes.annotate(text, end, (6, 0), textcoords="offset points", va="center", fontsize=9, color=colour)
    longest = max((len(values) for values in loss.values()), default=1)
    axes.set_xlim(1, longest * 1.2)
    plain_axes(axes, "trees", "log loss (natural units, weighted)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return png(figure)
