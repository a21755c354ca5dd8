"""The four parts of the site, as the table of contents of docs/index.md says them."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Final

TOCTREE: Final = re.compile(r"^```\{toctree\}\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
CAPTION: Final = re.compile(r"^:caption: (.+)$", re.MULTILINE)
START: Final = "index"
"""The landing page, which is in no part."""


def without_empty(text: str, names: Collection[str], folder: str) -> str:
    """The text whose tables of contents name no pattern that fits nothing, which Sphinx takes for a mistake."""

    def fits(line: str) -> bool:
        return "*" not in line or any(fnmatchcase(name, f"{folder}{line.strip()}") for name in names)

    def kept(tree: re.Match[str]) -> str:
        return "\n".join(line for line in tree.group().split("\n") if fits(line))

    return TOCTREE.sub(kept, text)


def parts_of(index: str, names: Collection[str]) -> dict[str, list[str]]:
    """Caption -> the pages below it, in their order; `how-to/index` brings what else lies in how-to."""
    parts: dict[str, list[str]] = {}
    for tree in TOCTREE.findall(index):
        caption = CAPTION.search(tree)
        listed: list[str] = parts.setdefault(caption.group(1) if caption else "", [])
        for entry in (line.strip() for line in tree.splitlines() if line.strip() and not line.startswith(":")):
            found = [name for name in sorted(names) if fnmatchcase(name, entry)]
            if entry.endswith("/index"):
                folder = entry.removesuffix("index")
                found += [name for name in sorted(names) if name.startswith(folder) and name != entry]
            listed += [name for name in found if not any(name in earlier for earlier in parts.values())]
    return parts
