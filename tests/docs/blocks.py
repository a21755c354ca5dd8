"""The blocks of a Markdown page, each with what runs it: nothing that is fenced goes unexamined.

A fence is ```` ```python ````, `console`, `toml`, `json` or `js`; `text` is the output of the python or js block
directly above it, and alone is not run. `js browser` runs in a browser, within the page's `html`.
`<!-- skip: next, reason -->` skips the next block, `<!-- needs: node, chromium -->` where they are missing, and
`<!-- invisible-code-block: python` holds code that a reader does not see. A directive of the site's, such as
```` ```{toctree} ````, is no block: tests/docs/test_site.py builds the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

from docs.page_run import PageRun, missing
from docs.tables import check_json, check_toml
from web.programs import MissingError, find_browser, find_client, find_node

FENCES: Final = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n]*)\n"))
INVISIBLE: Final = DirectiveInHTMLCommentLexer("invisible-code-block", r"\w+")
ABOVE: Final = DirectiveInHTMLCommentLexer("skip|needs")
LANGUAGES: Final = ("python", "console", "toml", "json", "js", "js browser")
OF_THE_SITE: Final = ("{toctree}", "{eval-rst}")
"""Directives of Sphinx."""
WITH_OUTPUT: Final = ("python", "js")
PROGRAMS: Final = {"node": (find_node, find_client), "chromium": (find_browser,)}


@dataclass(frozen=True)
class Block:
    """What a region is parsed into."""

    language: str
    source: str
    output: str | None
    """What the text block below shows."""
    html: str
    """The page's own, in which a block runs in a browser."""
    needs: tuple[str, ...] = ()
    """Names of PROGRAMS."""


def page_sybil(root: Path) -> Sybil:
    """The parser of pages; the namespace of each block holds `page_run`, which runs it."""
    return Sybil([read_blocks], pattern="*.md", path=str(root), fixtures=["page_run"])


def read_blocks(document: Document) -> Iterator[Region]:
    """Every block of a page in its order, with its evaluator."""
    above: Region | None = None
    regions = ordered(document)
    html = "\n".join(str(region.lexemes["source"]) for region in regions if language_of(region) == "html")
    ignored = ["text", "html"] if any(language_of(region) == "js browser" for region in regions) else ["text"]
    for place, region in enumerate(regions):
        if region.lexemes.get("directive") in ("skip", "needs"):
            if above is not None:
                yield refused(above, f"no block stands between this {above.lexemes['directive']} and the next")
            above = region
            continue
        language = language_of(region)
        output = directly_below(document, region, regions[place + 1 :]) if language in WITH_OUTPUT else None
        needs = names_in(above) if above is not None and above.lexemes["directive"] == "needs" else ()
        region.parsed = Block(language, str(region.lexemes["source"]), output, html, needs)
        if above is not None and not needs:
            yield skipped(region, above)
        elif language in LANGUAGES:
            region.evaluator = run_block
            yield region
        elif language not in ignored or needs:
            expected = ", ".join([*LANGUAGES, "text"])
            told = f"is labelled {language!r}" if language else "has no label"
            yield refused(region, f"the fence {told}: expected one of {expected}, or above it <!-- skip: next, why -->")
        above = None
    if above is not None:
        yield refused(above, f"no block follows this {above.lexemes['directive']}")


def ordered(document: Document) -> list[Region]:
    """The blocks and comments of a page; a comment within a fence is text."""
    whole = list(FENCES(document))
    fences = [fence for fence in whole if language_of(fence) not in OF_THE_SITE]
    comments = [*INVISIBLE(document), *ABOVE(document)]
    outside = [one for one in comments if not any(fence.start < one.start < fence.end for fence in whole)]
    return sorted([*fences, *outside], key=lambda region: region.start)


def language_of(region: Region) -> str:
    """What a fence is labelled with, or what an invisible block says."""
    return str(region.lexemes.get("language", region.lexemes.get("arguments", ""))).strip()


def directly_below(document: Document, region: Region, later: Iterable[Region]) -> str | None:
    """The text block below with nothing between, which is the output; None if there is none."""
    below = next(iter(later), None)
    if below is None or language_of(below) != "text" or document.text[region.end : below.start].strip():
        return None
    return str(below.lexemes["source"])


def told_by(comment: Region) -> str:
    """What a comment says after its name."""
    return f"{comment.lexemes['arguments'] or ''} {comment.lexemes['source']}"


def names_in(needs: Region) -> tuple[str, ...]:
    """What a block needs; nothing where a name is not one of PROGRAMS."""
    names = tuple(name.strip() for name in told_by(needs).split(","))
    return names if set(names) <= set(PROGRAMS) else ()


def skipped(region: Region, skip: Region) -> Region:
    """The block, which is skipped for the reason that stands above it."""
    told = told_by(skip)
    if skip.lexemes["directive"] == "needs":
        return refused(region, f"expected <!-- needs: some of {', '.join(PROGRAMS)} -->, got {told.strip()}")
    action, _, reason = (" ".join(part.split()) for part in told.partition(","))
    if action != "next" or not reason:
        return refused(region, f"expected <!-- skip: next, reason -->, got <!-- skip: {told.strip()} -->")

    def skip_block(example: Example) -> None:
        pytest.skip(f"{Path(example.path).name}:{example.line}: {reason}")

    region.evaluator = skip_block
    return region


def refused(region: Region, sentence: str) -> Region:
    """A block that fails with a sentence."""
    region.evaluator = lambda example: sentence
    return region


def run_block(example: Example) -> str | None:
    """Run a block; None, or what differs."""
    block: Block = example.parsed
    run: PageRun = example.namespace.pop("page_run")
    try:
        for find in (find for name in block.needs for find in PROGRAMS[name]):
            find()
    except MissingError as error:
        return missing(str(error))
    if block.language == "python":
        return run.python(block.source, example, block.output)
    if block.language == "console":
        return run.console(block.source)
    if block.language == "js":
        return run.js(block.source, block.output)
    if block.language == "js browser":
        return run.browser(block.source, block.html)
    return check_toml(block.source, run.folder) if block.language == "toml" else check_json(block.source)
