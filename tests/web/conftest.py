from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from web.parity import make_corpus
from web.programs import MissingError, find_browser, find_client, find_node
from web.runtimes import Found

REQUESTS = 500


@dataclass(frozen=True)
class Golden:
    """A corpus of the small shop's requests with Python's answers."""

    bundle: Path
    corpus: Path
    here: Found


def found(find: Callable[[], Any]) -> Any:
    """A program; where it is missing the test is skipped, and fails where CI has to have it."""
    try:
        return find()
    except MissingError as missing:
        if os.environ.get("MERSALG_RUNTIMES") == "required":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def node() -> list[str]:
    """The command of Node; the npm package's development packages are there."""
    found(find_client)
    return found(find_node)


@pytest.fixture(scope="session")
def browser(node: list[str]) -> str:
    """The path of a browser."""
    return found(find_browser)


@pytest.fixture(scope="session")
def golden(trained_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    corpus = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    return Golden(trained_bundle, corpus, make_corpus(trained_bundle, corpus, REQUESTS, seed=3))
