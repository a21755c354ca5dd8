"""One corpus asked in Node and in a browser."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web.browser import result_of_page
from web.programs import find_client, find_node

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Found:
    """How a runtime answered a corpus."""

    runtime: str
    """Its name and versions."""
    requests: int
    equal: int
    """Answers with the same products, kinds, anchors, order, reason and count of candidates."""
    largest: float
    """The largest difference of a relevance among those."""
    micros: list[float]
    """What the quickest answer to each request took, in microseconds."""
    load_seconds: float
    differences: list[dict[str, Any]]
    """The first that are not equal."""


def ask_node(bundle: Path, corpus: Path, seconds: float, repeats: int = 1) -> Found:
    """The corpus in Node, on onnxruntime-node."""
    find_client()
    command = [*find_node(), str(HERE / "in_node.mjs"), str(bundle.resolve()), str(corpus), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"Node ended with status {done.returncode}: {done.stderr[-3000:]}")
    return read_found(json.loads(done.stdout))


def ask_browser(bundle: Path, corpus: Path, seconds: float, repeats: int = 1) -> Found:
    """The corpus in Chromium, on onnxruntime-web."""
    places = {
        "page.html": HERE / "page.html",
        "web": HERE,
        "client": find_client(),
        "bundle": bundle.resolve(),
        "corpus": corpus,
    }
    told = result_of_page(f"page.html?repeats={repeats}", places, seconds)
    if "failed" in told:
        raise RuntimeError(f"the page failed: {told['failed']}")
    return read_found(told)


def read_found(told: dict[str, Any]) -> Found:
    """What a runtime told."""
    return Found(**{name: told[name] for name in Found.__dataclass_fields__})
