"""The pages of README, docs and clients/node as tests, one for each block, and the workspace in which they run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil.integration.pytest import SybilFile

from docs.blocks import page_sybil
from docs.page_run import PageRun, missing, page_environment

PAGES = ("README.md", "docs/**/*.md", "clients/node/README.md")
DEMO = "models/demo"
CHECKOUT = (
    ".venv",
    "Makefile",
    "benchmarks",
    "clients",
    "pyproject.toml",
    "requirements.txt",
    "serving",
    "tests",
    "training",
)
OF_MLFLOW = (
    "The ``noload`` loader strategy is deprecated",
    ".*Any type hint is inferred as AnyType",
    "Starting with pandas version 4.0 all arguments of all",
)
"""What MLflow warns of its own use of SQLAlchemy, types and pandas, in a python block that uses it."""
KEPT = "MERSALG_WORKSPACE"


class Pages(pytest.File):
    """All pages; this file stands for them."""

    def collect(self) -> Iterator[pytest.Collector]:
        root = self.config.rootpath
        for page in sorted(page for pattern in PAGES for page in root.glob(pattern)):
            yield Page.from_parent(self, path=page, sybils=[page_sybil(root)])


class Page(SybilFile):
    """A page, whose blocks `make test-all` runs; one that names the demo's bundle needs it."""

    def collect(self) -> Iterator[pytest.Item]:
        items = list(super().collect())
        self.needs_demo = any(map(names_demo, items))
        for item in items:
            item.add_marker("long")
            for warning in OF_MLFLOW:
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{warning}"))
            yield item


def names_demo(item: pytest.Item) -> bool:
    """Whether a block that is run names the demo's bundle."""
    region = item.example.region
    return region.parsed is not None and region.evaluator.__name__ == "run_block" and DEMO in region.parsed.source


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return Pages.from_parent(parent, path=file_path) if file_path == Path(__file__) else None


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that pages speak of, made once; nobody changes them. MERSALG_WORKSPACE names where they are kept."""
    kept = os.environ.get(KEPT)
    folder = Path(kept).absolute() if kept else tmp_path_factory.mktemp("workspace") / "shop"
    if not folder.exists():
        from docs.workspace import make_workspace

        make_workspace(folder)
    return folder


@pytest.fixture(scope="module")
def page_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageRun]:
    """A page's own copy of the workspace, in a checkout, and what runs its blocks."""
    root = request.config.rootpath
    demo = root / DEMO
    if request.node.needs_demo and not (demo / "manifest.json").exists():
        missing("make demo first")
    place = tmp_path_factory.mktemp("page")
    folder = place / "shop"
    shutil.copytree(request.getfixturevalue("workspace"), folder, symlinks=True)
    for name in CHECKOUT:
        if (root / name).exists():
            (folder / name).symlink_to(root / name)
    if demo.exists():
        shutil.copytree(demo, folder / DEMO, copy_function=linked)
    run = PageRun(folder, place, page_environment(folder))
    yield run
    run.end()
    for document in request.node.documents:
        document.namespace.clear()  # a loaded bundle is large


def linked(source: str, target: str) -> None:
    """A second name for a file; a copy on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
