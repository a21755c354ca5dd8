"""The look that all plots share, and how one becomes a PNG."""

from __future__ import annotations

import io
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from mersalg.names import KINDS, Kind

INK, QUIET, RULE = "#222222", "#6b6b6b", "#dddddd"


STRONG, FAINT = "#0072b2", "#b4b4b4"


COLOURS: Final[dict[Kind, str]] = dict(zip(KINDS, ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"), strict=True))


def canvas(width: float, height: float, title: str) -> Figure:
    """Make a figure of so many inches with a title at the left."""
    figure = Figure(figsize=(width, height), dpi=130, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12.5, color=INK, weight="bold")
    return figure


def plain_axes(axes: Axes, x: str, y: str, grid: str = "both") -> None:
    """Label the axes and leave only a light grid behind the data."""
    axes.set_xlabel(x, fontsize=9.5, color=QUIET)
    axes.set_ylabel(y, fontsize=9.5, color=QUIET)
    axes.tick_params(which="both", labelsize=8.5, colors=QUIET, length=0)
    axes.set_axisbelow(True)
    axes.grid(True, axis="x" if grid == "x" else "both", color=RULE, linewidth=0.7)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def percent_ticks() -> FuncFormatter:
    """Write the ticks of a share in percent, with as many digits as they need."""
    return FuncFormatter(lambda share, _: f"{100 * share:.3g}%")


def png(figure: Figure) -> bytes:
    """Render a figure; nothing in the bytes depends on the time or the version of the library."""
    if not figure.axes:
        figure.text(0.02, 0.5, "nothing to draw", fontsize=10, color=QUIET)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.18, metadata={"Software": None})
    return buffer.getvalue()
