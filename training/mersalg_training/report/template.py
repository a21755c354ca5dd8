"""One template writes every page, and escapes every text."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from mersalg_training.report.blocks import Cards, PageSection

PAGE, STYLE = "page.html.jinja", "page.css"


def write(
    title: str, told: str, cards: Cards, sections: Sequence[PageSection], words: Sequence[tuple[str, str]]
) -> str:
    """The page of some sections. Every text is escaped, for names of products are untrusted; the style is ours.

    cards: what is told at a glance, first or after the sections that open the page. words: what the page's terms mean.
    """
    page, style = (files("mersalg_training.report").joinpath(name).read_text("utf-8") for name in (PAGE, STYLE))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    opening, rest = ([section for section in sections if section.opening is opens] for opens in (True, False))
    return (
        environment.from_string(page)
        .render(
            title=title, told=told, cards_at_a_glance=cards, opening=opening, sections=rest, words=words, style=style
        )
        .lstrip()
    )
