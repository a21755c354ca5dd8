"""What the pictures of a page are made of: dots with intervals in tables, and curves in charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Strip:
    """A dot and its interval on a line as wide as its cell; all places in percent of the width."""

    value: float
    low: float | None
    high: float | None
    """None = no interval is known."""
    mark: float | None
    """Where a line of reference stands; None = none."""
    beyond: bool
    """The dot lies beyond the edge that it is drawn at."""


@dataclass(frozen=True)
class Point:
    """A point of a curve in the chart's own units, its interval included."""

    x: float
    y: float
    low: float | None
    high: float | None
    text: str
    """What it says, for a pointer that rests on it."""
    chosen: bool = False


@dataclass(frozen=True)
class Curve:
    """Points in the order in which they are joined."""

    name: str
    tone: Literal["first", "second"]
    points: Sequence[Point]


@dataclass(frozen=True)
class Tick:
    """A place of an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class PlotLine:
    """A straight line, and what it says at its end."""

    x1: float
    y1: float
    x2: float
    y2: float
    text: str
    form: Literal["diagonal", "level"]


@dataclass(frozen=True)
class Chart:
    """A small picture with two axes."""

    key: str
    """Of letters, digits and hyphens; no other chart of the page has it."""
    title: str
    chosen: Sequence[str]
    """What the chosen points say."""
    told: str
    """The picture in words, for who does not see it."""
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    curves: Sequence[Curve]
    lines: Sequence[PlotLine]
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    """The edges of the plotted area."""
