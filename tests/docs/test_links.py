"""Every relative link of a Markdown file leads to something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(
    r"!?\[(?:[^\]\\]|\\.)*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)|<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\""
)
FENCED = re.compile(r"^(```+|~~~+).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)
ELSEWHERE = {".venv", ".floor", "node_modules", ".git", "mlruns", ".pytest_cache", "build"}


def pages() -> Iterator[Path]:
    """The Markdown files of the project, without those of bundles and packages."""
    for path in sorted(ROOT.rglob("*.md")):
        place = path.relative_to(ROOT)
        if not ELSEWHERE.intersection(place.parts) and path.name != "CARD.md":
            yield path


def broken(path: Path) -> list[str]:
    """The relative links of a page that lead to no file, or to no heading of it."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    found = []
    for link in (first or second for first, second in LINK.findall(text)):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(link)
    return found


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them, and those that HTML names."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(text)]
    made = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain]
    return {*made, *re.findall(r"\b(?:id|name)=\"([^\"]+)\"", text)}


@pytest.mark.parametrize("path", list(pages()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    assert broken(path) == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Here it is\n[a](page.md) [b](none.md) [c](#here-it-is) [d](#nowhere) [e](page.md#else) "
        '![f](none.png) [g](https://example.org/none) [h](none.md "title") <img src="lost.svg">\n'
        "```\n[i](fenced.md)\n```\n"
    )
    assert broken(page) == ["none.md", "#nowhere", "page.md#else", "none.png", "none.md", "lost.svg"]
