"""The Markdown beside each page of HTML, and llms.txt, which lists it (https://llmstxt.org)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mersalg_site.links import FILES, relative
from mersalg_site.pages import Page
from mersalg_site.parts import START, TOCTREE, parts_of

OF_CODE: Final = re.compile(r"^```\{eval-rst\}\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
NAMED: Final = re.compile(r"^\.\. auto\w+:: (\S+)", re.MULTILINE)
GLOSSARY: Final = "reference/glossary"
ROW: Final = re.compile(r"^\| (?P<word>[^|]+) \| (?P<field>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)


def read_source(folder: Path) -> list[Page]:
    """The pages of a folder that `write_source` filled."""
    return [
        Page(path.relative_to(folder).with_suffix("").as_posix(), path, path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.md"))
        if path.relative_to(folder).parts[0] != FILES
    ]


def llms_text(pages: Sequence[Page]) -> str:
    """The list of all pages, by part, each with its first sentence."""
    by_name = {page.name: page for page in pages}
    start = by_name[START]
    lines = [f"# {start.title}", "", f"> {start.summary}", "", f"- [{start.title}]({START}.md): the same in one screen"]
    for part, names in parts_of(start.text, by_name.keys()).items():
        lines += ["", f"## {part}", ""]
        told = [(name, by_name[name].title, by_name[name].summary) for name in names]
        lines += [f"- [{title}]({name}.md)" + (f": {summary}" if summary else "") for name, title, summary in told]
    return "\n".join(lines) + "\n"


def twin(page: Page, pages: Mapping[str, Page], documented: Mapping[str, str]) -> str:
    """A page as plain Markdown: a table of contents is a list, and what autodoc says stands as text."""

    def contents(match: re.Match[str]) -> str:
        return "\n".join(entries(match.group(), page, pages)) + "\n"

    def described(match: re.Match[str]) -> str:
        names = NAMED.findall(match.group(1))
        own = [
            text
            for name in names
            for whole, text in documented.items()
            if whole == name or whole.startswith(f"{name}.")
        ]
        return "\n\n".join(own) + "\n"

    return OF_CODE.sub(described, TOCTREE.sub(contents, page.text))


def entries(tree: str, page: Page, pages: Mapping[str, Page]) -> Iterator[str]:
    """The pages of a table of contents as a list with links."""
    folder = page.name.rpartition("/")[0]
    inside = {name.removeprefix(f"{folder}/") if folder else name: name for name in pages if name.startswith(folder)}
    for part, names in parts_of(tree, inside.keys() - {page.name.rpartition("/")[2]}).items():
        if part:
            yield f"\n{part}:\n"
        for name in names:
            yield f"- [{pages[inside[name]].title}]({relative(f'{inside[name]}.md', page.name)})"


def as_glossary(text: str) -> str:
    """The table of words as a glossary of Sphinx, which its search and its index know."""
    start = text.index("\n| word |")
    told = "".join(
        f"{row['word'].strip()}\n  {row['meaning'].strip()} (*{row['field'].strip()}*)\n\n"
        for row in ROW.finditer(text)
        if row["word"].strip() not in ("word", "---")
    )
    return f"{text[:start]}\n```{{glossary}}\n{told.rstrip()}\n```\n"
