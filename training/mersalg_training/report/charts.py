"""Charts of shares: places of points and ticks, which the page draws as SVG in its own colours and letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from matplotlib.ticker import MaxNLocator

from mersalg_training.report.pictures import Chart, Curve, PlotLine, Point, Tick

WIDTH, HEIGHT = 320.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 308.0, 10.0, 208.0
MARGIN: Final = 1.06
"""How far an axis goes on behind the last point."""


def chart(
    key: str,
    title: str,
    told: str,
    labels: tuple[str, str],
    curves: Sequence[Curve],
    *,
    square: bool = False,
    levels: Sequence[tuple[float, str]] = (),
) -> Chart:
    """A chart of curves whose points are shares; both axes begin at zero.

    labels: of the x and of the y axis. square: both axes end at the same share, and a diagonal says where they are
    equal. levels: heights at which a line crosses the chart, each with its text.
    """
    points = [point for curve in curves for point in curve.points]
    x_end = max((point.x for point in points), default=1.0) * MARGIN or 1.0
    heights = [end for point in points for end in (point.y, point.high) if end is not None]
    y_end = max([*heights, *(height for height, _ in levels)], default=1.0) * MARGIN or 1.0
    if square:
        x_end = y_end = max(x_end, y_end)

    def at_x(value: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * value / x_end, 1)

    def at_y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / y_end, 1)

    def placed(point: Point) -> Point:
        low, high = (None if end is None else at_y(end) for end in (point.low, point.high))
        return replace(point, x=at_x(point.x), y=at_y(point.y), low=low, high=high)

    lines = [PlotLine(LEFT, at_y(height), RIGHT, at_y(height), text, "level") for height, text in levels]
    if square:
        lines.append(PlotLine(LEFT, BOTTOM, RIGHT, TOP, "", "diagonal"))
    return Chart(
        key=key,
        title=title,
        chosen=[point.text for point in points if point.chosen],
        told=told,
        x_label=labels[0],
        y_label=labels[1],
        x_ticks=[Tick(at_x(value), text) for value, text in ticks(x_end)],
        y_ticks=[Tick(at_y(value), text) for value, text in ticks(y_end)],
        curves=[replace(curve, points=[placed(point) for point in curve.points]) for curve in curves],
        lines=lines,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
    )


def ticks(end: float) -> list[tuple[float, str]]:
    """Some round shares from zero to an end, and each in percent."""
    values = [float(value) for value in MaxNLocator(4).tick_values(0.0, end) if -1e-12 <= value <= end]
    return [(value, f"{100 * value:.3g}%") for value in values]
