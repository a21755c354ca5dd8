"""Claims: one table of figures is laid out for a terminal, in Markdown and on a page, and no text of it is markup."""

from __future__ import annotations

from rich.console import Console

from mersalg_training.figure_table import FigureTable, as_markdown, as_text
from mersalg_training.report.blocks import as_block

TABLE = FigureTable(
    "What is bought", ["kind", "offers", "why"], [["add-on", "9", "new"], ["upsell [red]", "1,234", "old"]], [2],
    ["Of few customers."],
)  # fmt: skip


def printed(table: FigureTable) -> list[str]:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(as_text(table))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_terminal_shows_figures_at_the_right_words_at_the_left_and_text_as_it_is() -> None:
    title, head, _, first, second, note = printed(TABLE)
    assert title == "What is bought"
    assert head.split() == ["kind", "offers", "why"]
    assert first == "add-on             9  new"
    assert second == "upsell [red]   1,234  old"
    assert note == "Of few customers."


def test_markdown_holds_the_same_figures() -> None:
    assert as_markdown(TABLE) == (
        "What is bought.\n\n| kind | offers | why |\n| --- | ---: | --- |\n| add-on | 9 | new |\n"
        "| upsell [red] | 1,234 | old |\n\nOf few customers."
    )


def test_without_a_title_none_is_shown() -> None:
    untitled = FigureTable("", ["a"], [["1"]])
    assert as_markdown(untitled).startswith("| a |")
    assert printed(untitled)[0] == "a"


def test_a_page_shows_the_same_figures() -> None:
    block = as_block(TABLE)
    assert (block.caption, list(block.columns), block.left) == ("What is bought", ["kind", "offers", "why"], {0, 2})
    assert [[cell.text for cell in row] for row in block.groups[0].rows] == TABLE.rows
