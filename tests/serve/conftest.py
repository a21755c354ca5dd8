from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mersalg import Recommender, load
from serve.running import Running, running
from toy_bundle import write_bundle


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole toy bundle that no test changes."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "toy")


@pytest.fixture(scope="session")
def toy(toy_folder: Path) -> Recommender:
    """The loaded toy bundle."""
    return load(toy_folder)


@pytest.fixture(scope="session")
def service(toy_folder: Path) -> Iterator[Running]:
    """A service of the toy bundle that no test changes."""
    with running(toy_folder) as started:
        yield started
