"""Links of Markdown, made to hold in the site: to a page, or to a copy of the file that is meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

LINK: Final = re.compile(
    r"(?P<open>!?\[(?P<text>(?:[^\[\]\\]|\\.|\[[^\]]*\])*)\]\()<?(?P<target>[^)>\s]+)>?(?P<close>[^)]*\))"
)
CODE: Final = re.compile(
    r"^(?P<fence>```+|~~~+).*?^(?P=fence)[^\n]*$|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)", re.M | re.S
)
ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:")
FILES: Final = "files"
"""The folder of the site with what pages link to beside pages."""
OF_SITE: Final = f"/{FILES}/"
"""How a link begins to a file that the site alone has."""


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed that is no code; code within a link's text counts as the link's."""
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f"\0{len(kept) - 1}\0"

    changed = change(CODE.sub(hide, text))
    return re.sub("\0(\\d+)\0", lambda match: kept[int(match.group(1))], changed)


def follow_links(text: str, origin: Path, name: str, pages: Mapping[Path, str], root: Path) -> tuple[str, set[Path]]:
    """The page's text with links that hold in the site, and the files that they need.

    `origin` is where the text stands in the repository, `name` the page's in the site, `pages` the page of each file.
    A link to a folder leads to its README; where that is no page the words alone stay.
    """
    files: set[Path] = set()

    def changed(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if ELSEWHERE.match(target) or not target:
            return match.group()
        if target.startswith(OF_SITE):
            return f"{match['open']}{relative(target.removeprefix('/'), name)}{match['close']}"
        path = Path(os.path.normpath(origin.parent / unquote(target)))
        if path.is_dir() and path / "README.md" in pages:
            path /= "README.md"
        if path in pages:
            place = f"{pages[path]}.md"
        elif path.is_file():
            files.add(path)
            place, anchor = f"{FILES}/{path.relative_to(root).as_posix()}", ""
        else:
            return match["text"]
        link = relative(place, name) + (f"#{anchor}" if anchor else "")
        return f"{match['open']}{link}{match['close']}"

    return outside_code(text, lambda plain: LINK.sub(changed, plain)), files


def relative(place: str, name: str) -> str:
    """The way to a place of the site from a page of it."""
    return os.path.relpath(place, PurePosixPath(name).parent).replace(os.sep, "/")
