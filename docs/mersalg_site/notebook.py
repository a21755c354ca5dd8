"""A notebook as Markdown: its words, its code, and what that printed when it ran; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import nbformat


def notebook_as_markdown(text: str) -> str:
    """The cells in their order; a figure is an image within the page."""
    cells = nbformat.reads(text, as_version=4).cells  # type: ignore[no-untyped-call]
    return "\n\n".join(part for cell in cells for part in parts_of_cell(cell)) + "\n"


def parts_of_cell(cell: Mapping[str, Any]) -> Iterator[str]:
    """The words of a cell, or its code and its outputs."""
    if cell["cell_type"] == "markdown":
        yield cell["source"]
        return
    yield fenced("python", cell["source"])
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            yield f"![The figure that this cell draws](data:image/png;base64,{data['image/png'].strip()})"
        else:
            yield fenced("text", output.get("text") or data["text/plain"])


def fenced(language: str, source: str) -> str:
    """A block of code."""
    return f"```{language}\n{source.rstrip()}\n```"
