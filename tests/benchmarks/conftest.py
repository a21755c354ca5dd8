"""The modules of benchmarks/serving, as `python benchmarks/serving` sees them, and what it prepares of a small shop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVING = Path(__file__).parents[2] / "benchmarks" / "serving"


@pytest.fixture(scope="session", autouse=True)
def serving_modules() -> Iterator[None]:
    """Importable for these tests alone."""
    sys.path.insert(0, str(SERVING))
    yield
    sys.path.remove(str(SERVING))


@pytest.fixture(scope="session")
def place(trained_bundle: Path, serving_modules: None, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The small shop's bundle, and all that the contenders load."""
    from contenders import Place
    from prepare import prepare

    found = Place(trained_bundle, tmp_path_factory.mktemp("serving") / "work")
    prepare(found, 120, 0, lambda text: None)
    return found
