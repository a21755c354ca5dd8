"""How much there is to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mersalg_site.parts import START, parts_of

REFERENCE: Final = "Reference"
"""The part whose words are looked up, and not counted."""
MAX_WORDS: Final = 25_000
"""Of README.md and docs outside the reference."""


def words_by_part(root: Path) -> Mapping[str, int]:
    """Part -> words of its pages in docs, as `wc -w` counts them; README.md and the landing page are one part."""
    docs = root / "docs"
    pages = {path.relative_to(docs).with_suffix("").as_posix(): count(path) for path in docs.rglob("*.md")}
    parts = parts_of((docs / f"{START}.md").read_text(encoding="utf-8"), pages.keys())
    start = {"README and start": count(root / "README.md") + pages[START]}
    return start | {part: sum(pages[name] for name in names) for part, names in parts.items()}


def count(path: Path) -> int:
    """The words of a file."""
    return len(path.read_text(encoding="utf-8").split())


def outside_reference(words: Mapping[str, int]) -> int:
    """The words that count."""
    return sum(count for part, count in words.items() if part != REFERENCE)
