"""The pages of the site: those of docs, and those that lie elsewhere in the repository and belong to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mersalg_site.generated import GENERATED
from mersalg_site.links import follow_links, outside_code
from mersalg_site.notebook import notebook_as_markdown
from mersalg_site.parts import without_empty

ADOPTED: Final = {
    "examples/index": "examples/README.md",
    "examples/corner_shop": "examples/corner_shop/README.md",
    "examples/fastapi_shop": "examples/fastapi_shop/README.md",
    "examples/node_shop": "examples/node_shop/README.md",
    "examples/mcp_tool": "examples/mcp_tool/README.md",
    "examples/notebook": "examples/notebook/README.md",
    "examples/choose_a_floor": "examples/notebook/choose_a_floor.ipynb",
    "deploy": "deploy/README.md",
    "reference/bundle": "models/README.md",
    "reference/node": "clients/node/README.md",
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "security": "SECURITY.md",
}
"""Page of the site -> the file that it is made of."""
SAME: Final = {"README.md": "index"}
"""Files that say in the repository what a page says in the site."""
MARK: Final = re.compile(r"<!-- generated: (\w+)(?: (\w+))? -->")
COMMENT: Final = re.compile(r"<!--.*?-->\n?", re.DOTALL)
FENCED: Final = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)
OF_FOLDER: Final = "\n```{toctree}\n:glob:\n:hidden:\n\n*\n```\n"
"""The table of contents of an adopted folder's first page."""


@dataclass(frozen=True)
class Page:
    """A page of the site as Markdown."""

    name: str
    """Its path in the site, without a suffix."""
    origin: Path
    text: str
    files: frozenset[Path] = frozenset()
    """What it links to beside pages."""

    @property
    def title(self) -> str:
        """The first heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return plain(found.group(1)) if found else self.name

    @property
    def summary(self) -> str:
        """The first sentence of the first paragraph."""
        paragraphs = re.split(r"\n{2,}", FENCED.sub("", self.text))
        first = next((part for part in paragraphs if re.match(r"[A-Za-z`*]", part)), "")
        return re.split(r"(?<=[.?!])\s", plain(" ".join(first.split())))[0]


def plain(text: str) -> str:
    """Words without links, marks of code and backslashes."""
    return re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("\\_", "_").replace("`", "").replace("**", "")


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Each page's name and file."""
    docs = root / "docs"
    for path in sorted(docs.rglob("*.md")):
        yield path.relative_to(docs).with_suffix("").as_posix(), path
    for name, file in ADOPTED.items():
        yield name, root / file


def read_pages(root: Path) -> list[Page]:
    """Every page with its generated parts, without comments, and with links that hold in the site."""
    found = dict(sources(root))
    places = {path: name for name, path in found.items()} | {root / file: name for file, name in SAME.items()}
    pages = []
    for name, path in found.items():
        page = read_page(name, path)
        whole = without_empty(page.text, found.keys() - {name}, name[: name.rfind("/") + 1])
        text, files = follow_links(whole, path, name, places, root)
        pages.append(replace(page, text=text, files=frozenset(files)))
    return pages


def read_page(name: str, path: Path) -> Page:
    """A page with its generated parts, and without the comments that say how its blocks run."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = notebook_as_markdown(text)
    text = outside_code(text, lambda words: MARK.sub(lambda mark: GENERATED[mark[1]](*filter(None, [mark[2]])), words))
    text += OF_FOLDER if name in ADOPTED and name.endswith("/index") else ""
    return Page(name, path, outside_code(text, lambda words: COMMENT.sub("", words)))
