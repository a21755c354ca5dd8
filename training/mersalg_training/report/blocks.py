"""What a page is made of. A section holds blocks; `page.html.jinja` knows how each of them looks.

Every text is plain and untrusted: it is escaped where it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from mersalg_training.figure_table import FigureTable
from mersalg_training.report.pictures import Chart, Strip

Tone = Literal["", "good", "level", "bad", "ours"]
"""What a cell or a card says, beside its words: never a colour alone."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    strip: Strip | None = None
    tone: Tone = ""
    note: str = ""
    """What is said of it in a word or two."""


@dataclass(frozen=True)
class HeadedRows:
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
    groups: Sequence[HeadedRows]
    words: Sequence[int] = ()
    """Columns, besides the first, whose cells are words."""

    @property
    def left(self) -> set[int]:
        """Columns that stand at the left: the first, words, and figures with a strip."""
        strips = {n for group in self.groups for row in group.rows for n, cell in enumerate(row) if cell.strip}
        return {0, *self.words} | strips


def as_block(table: FigureTable) -> Table:
    """A table of figures as a block, without its notes."""
    rows = [[Cell(text) for text in row] for row in table.rows]
    return Table(table.title, table.columns, [HeadedRows(rows)], table.words)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    form: ClassVar[str] = "paragraph"

    text: str
    weight: Literal["", "note", "warning"] = ""


@dataclass(frozen=True)
class FactList:
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


Block = Table | Paragraph | FactList | Code | Cards | Charts | Samples | Details


@dataclass(frozen=True)
class PageSection:
    """A part of the page with a heading."""

    key: str
    title: str
    question: str
    """What it answers, in a sentence."""
    blocks: Sequence[Block]
