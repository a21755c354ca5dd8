"""The blocks of a Markdown page, each with what runs it: nothing that is fenced goes unexamined.

A fence is ```` ```python ````, `console`, `toml`, `json` or `js`; `text` is the output of the python or js block
directly above it, and alone is not run. `<!-- skip: next, reason -->` skips the next block, and
`<!-- invisible-code-block: python` holds code that a reader does not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

from docs.page_run import PageRun
from docs.tables import check_json, check_toml

FENCES: Final = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n]*)\n"))
INVISIBLE: Final = DirectiveInHTMLCommentLexer("invisible-code-block", r"\w+")
SKIPS: Final = DirectiveInHTMLCommentLexer("skip")
LANGUAGES: Final = ("python", "console", "toml", "json", "js")
WITH_OUTPUT: Final = ("python", "js")


def page_sybil(root: Path) -> Sybil:
    """The parser of pages; the namespace of each block holds `page_run`, which runs it."""
    return Sybil([read_blocks], pattern="*.md", path=str(root), fixtures=["page_run"])


def read_blocks(document: Document) -> Iterator[Region]:
    """Every block of a page in its order, with its evaluator."""
    skip: Region | None = None
    regions = ordered(document)
    for place, region in enumerate(regions):
        if "directive" in region.lexemes and region.lexemes["directive"] == "skip":
            if skip is not None:
                yield refused(skip, "no block stands between this skip and the next")
            skip = region
            continue
        language = language_of(region)
        output = directly_below(document, region, regions[place + 1 :]) if language in WITH_OUTPUT else None
        region.parsed = (language, region.lexemes["source"], output)
        if skip is not None:
            yield skipped(region, skip)
            skip = None
        elif language in LANGUAGES:
            region.evaluator = run_block
            yield region
        elif language != "text":
            expected = ", ".join([*LANGUAGES, "text"])
            told = f"is labelled {language!r}" if language else "has no label"
            yield refused(region, f"the fence {told}: expected one of {expected}, or above it <!-- skip: next, why -->")
    if skip is not None:
        yield refused(skip, "no block follows this skip")


def ordered(document: Document) -> list[Region]:
    """The fences and comments of a page; a comment within a fence is text."""
    fences = list(FENCES(document))
    comments = [*INVISIBLE(document), *SKIPS(document)]
    outside = [one for one in comments if not any(fence.start < one.start < fence.end for fence in fences)]
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


def skipped(region: Region, skip: Region) -> Region:
    """The block, which is skipped for the reason that stands above it."""
    told = f"{skip.lexemes['arguments'] or ''} {skip.lexemes['source']}"
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
    language, source, output = example.parsed
    run: PageRun = example.namespace.pop("page_run")
    if language == "python":
        return run.python(source, example, output)
    if language == "console":
        return run.console(source)
    if language == "js":
        return run.js(source, output)
    return check_toml(source, run.folder) if language == "toml" else check_json(source)
