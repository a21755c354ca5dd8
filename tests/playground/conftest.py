from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from mersalg_service.playground.server import PlaygroundServer
from mersalg_service.playground.site import RUNTIME, Site, make_site
from playground.pages import find_playwright, has_runtime
from web.conftest import found

Serving = Callable[[Site], AbstractContextManager[str]]


@pytest.fixture
def no_runtime(tmp_path: Path) -> Path:
    """A folder that has the names of onnxruntime-web's files, and nothing in them."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in RUNTIME.values():
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def serving() -> Serving:
    """Serves a site at a port that the system chooses, and gives its address."""

    @contextmanager
    def served(site: Site) -> Iterator[str]:
        with PlaygroundServer(site, 0) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield server.address
            finally:
                server.shutdown()
                thread.join()

    return served


@pytest.fixture(scope="session")
def browser_tools() -> None:
    """Skip, or fail in CI, where Chromium or the packages that drive it are missing."""
    found(find_playwright)


@pytest.fixture(scope="session")
def runtime() -> Path:
    """onnxruntime-web's files as npm has put them."""
    return found(has_runtime)


@pytest.fixture
def site(trained_bundle: Path, runtime: Path) -> Site:
    """The playground of the small shop's bundle."""
    return make_site([str(trained_bundle)], runtime)
