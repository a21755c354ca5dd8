"""What a page is made of. A section holds blocks; `page.html.jinja` knows how each of them looks.

Every text is plain and untrusted: it is escaped where it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Tone = Literal["", "good", "level", "bad", "ours"]
"""What a cell or a card says, beside its words: never a colour alone."""


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
class Cell:
    """A cell of a table."""

    text: str
    strip: Strip | None = None
    tone: Tone = ""
    note: str = ""
    """What is said of it in a word or two."""


@dataclass(frozen=True)
class Rows:
    """Rows that belong together, the first cell of each being its heading."""

    rows: Sequence[Sequence[Cell]]
    label: str = ""
    """What they have in common; empty = nothing is said."""


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    form: ClassVar[str] = "table"

    caption: str
    columns: Sequence[str]
    groups: Sequence[Rows]
    words: Sequence[int] = ()
    """Columns, besides the first, whose cells are words."""

    @property
    def left(self) -> set[int]:
        """Columns that stand at the left: the first, words, and figures with a strip."""
        strips = {n for group in self.groups for row in group.rows for n, cell in enumerate(row) if cell.strip}
        return {0, *self.words} | strips


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    form: ClassVar[str] = "paragraph"

    text: str
    weight: Literal["", "note", "warning"] = ""


@dataclass(frozen=True)
class Facts:
    """Terms and what is to be said of each."""

    form: ClassVar[str] = "facts"

    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Lines to copy, or a document."""

    form: ClassVar[str] = "code"

    label: str
    text: str


@dataclass(frozen=True)
class Card:
    """One thing in short."""

    title: str
    badge: str
    tone: Tone
    headline: str
    text: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Cards:
    """Cards beside each other."""

    form: ClassVar[str] = "cards"

    cards: Sequence[Card]


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
class Line:
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
    lines: Sequence[Line]
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    """The edges of the plotted area."""


@dataclass(frozen=True)
class Charts:
    """Charts beside each other, and what their colours mean."""

    form: ClassVar[str] = "charts"

    caption: str
    legend: Sequence[tuple[Literal["first", "second"], str]]
    charts: Sequence[Chart]


@dataclass(frozen=True)
class Sample:
    """A request and its answer."""

    title: str
    asked: Sequence[tuple[str, str]]
    offers: Table | None
    empty: str
    """Why there is no offer; empty text where there are some."""


@dataclass(frozen=True)
class Samples:
    """Requests and their answers."""

    form: ClassVar[str] = "samples"

    samples: Sequence[Sample]


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away; what the reader unfolds is printed."""

    form: ClassVar[str] = "details"

    summary: str
    blocks: Sequence[Block]


Block = Table | Paragraph | Facts | Code | Cards | Charts | Samples | Details


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    key: str
    title: str
    question: str
    """What it answers, in a sentence."""
    blocks: Sequence[Block]
