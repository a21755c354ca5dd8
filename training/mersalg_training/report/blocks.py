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
class ListCard:
    """A short list under a heading."""

    title: str
    badge: str
    facts: Sequence[tuple[str, str]]
    """What is said before it."""
    entries: Sequence[tuple[str, str]]
    """A name, and what is said of it."""
    note: str = ""
    """What is said after it, or instead of it."""


@dataclass(frozen=True)
class ListCards:
    """Short lists beside each other."""

    form: ClassVar[str] = "lists"

    cards: Sequence[ListCard]


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away; what the reader unfolds is printed."""

    form: ClassVar[str] = "details"

    summary: str
    blocks: Sequence[Block]


Block = Table | Paragraph | FactList | Code | Cards | Charts | ListCards | Details


@dataclass(frozen=True)
class PageSection:
    """A part of the page with a heading."""

    key: str
    title: str
    question: str
    """What it answers, in a sentence."""
    blocks: Sequence[Block]
    opening: bool = False
    """It stands before what is told at a glance, and on the first page of print."""
