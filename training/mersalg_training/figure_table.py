"""A table of figures: one value, laid out for a terminal, in Markdown, and by `report.blocks` on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class FigureTable:
    """Figures as texts, under their columns. No text is markup."""

    title: str
    """What is shown, without a full stop; empty = it is said elsewhere."""
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = ()
    """Columns of words, besides the first: they stand at the left, figures at the right."""
    notes: Sequence[str] = ()
    """Sentences below it."""


def as_text(table: FigureTable) -> RenderableType:
    """For a terminal; compact, so that a line of results fits 120 columns."""
    laid = Table(title=table.title or None, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    laid.show_edge = False
    for place, column in enumerate(table.columns):
        laid.add_column(Text(column), justify="left" if place in (0, *table.words) else "right")
    for row in table.rows:
        laid.add_row(*map(Text, row))
    return Group(laid, *map(Text, table.notes))


def as_markdown(table: FigureTable) -> str:
    """In Markdown, without a line's end behind it: the title as a sentence, the table, a paragraph for each note."""
    rule = ["---" if place in (0, *table.words) else "---:" for place in range(len(table.columns))]
    lines = [f"| {' | '.join(cells)} |" for cells in (table.columns, rule, *table.rows)]
    return "\n\n".join([*([f"{table.title}."] if table.title else []), "\n".join(lines), *table.notes])
