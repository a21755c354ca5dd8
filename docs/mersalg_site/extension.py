"""What Sphinx does for this site besides HTML: Markdown beside each page, llms.txt, and words that the search knows."""

from __future__ import annotations

import re
import shutil
from typing import Any, Final

from sphinx.application import Sphinx

from mersalg_site.links import FILES
from mersalg_site.twins import GLOSSARY, as_glossary, llms_text, read_source, twin

MODULE: Final = re.compile(r"~?\b(?:[a-z_]\w*\.)+(?=[A-Z])|~(?:\w+\.)+")
"""What stands before the name of a type."""


class Documented:
    """What autodoc says of each object, as Markdown, in the order in which it says it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._signatures: dict[str, str] = {}

    def signature(self, _: Sphinx, __: str, name: str, *told: Any) -> tuple[str | None, str | None]:
        """Keep a signature, without the modules of its types; autodoc gives object, options, arguments and result."""
        arguments, result = (MODULE.sub("", text or "") for text in told[2:4])
        self._signatures[name] = f"{arguments}{f' -> {result}' if result else ''}"
        return arguments or None, result or None

    def docstring(self, _: Sphinx, __: str, name: str, *told: Any) -> None:
        """Keep a docstring; autodoc gives object, options and lines."""
        text = "\n".join(told[2]).strip()
        self.texts[name] = f"`{name}{self._signatures.get(name, '')}`\n\n{text}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it all."""
    documented = Documented()

    def add_twins(app: Sphinx, error: Exception | None) -> None:
        if error is None:
            pages = {page.name: page for page in read_source(app.srcdir)}
            shutil.copytree(app.srcdir / FILES, app.outdir / FILES, dirs_exist_ok=True)
            (app.outdir / "llms.txt").write_text(llms_text(list(pages.values())), encoding="utf-8")
            for name, page in pages.items():
                (app.outdir / f"{name}.md").write_text(twin(page, pages, documented.texts), encoding="utf-8")

    app.connect("autodoc-process-signature", documented.signature)
    app.connect("autodoc-process-docstring", documented.docstring)
    app.connect("source-read", read_glossary)
    app.connect("html-page-context", name_twin)
    app.connect("build-finished", add_twins)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def read_glossary(_: Sphinx, name: str, source: list[str]) -> None:
    """Make a glossary of the table of words."""
    if name == GLOSSARY:
        source[0] = as_glossary(source[0])


def name_twin(app: Sphinx, name: str, _: str, context: dict[str, Any], __: object) -> None:
    """Say in the head of a page where its Markdown is."""
    if name in app.env.found_docs:
        own = name.rpartition("/")[2]
        context["metatags"] += f'<link rel="alternate" type="text/markdown" href="{own}.md">'
