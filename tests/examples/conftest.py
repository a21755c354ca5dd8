from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console

from conftest import made_once
from ledger.postgres_server import MISSING, running_server, server_programs

EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = ("ranker.trees=30", "ranker.requests=1500")


@pytest.fixture(scope="session")
def corner_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with orders.csv, products.csv and bundle, made as the README says, with fewer trees."""

    def make(folder: Path) -> None:
        from mersalg_training.config import load_config
        from mersalg_training.train import train

        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(EXAMPLES / "corner_shop"))
            import_module("make_shop").make_shop(folder)
        files = [f"data.{name}={folder / name}.csv" for name in ("orders", "products")]
        config = load_config(EXAMPLES / "corner_shop" / "shop.toml", [*files, *QUICK])
        train(config, folder / "bundle", Console(quiet=True))

    return made_once(tmp_path_factory, "corner-shop", make)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real server's database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed; `pip install 'mersalg[ledger]'`")
    programs = server_programs()
    if programs is None:
        pytest.skip(MISSING)
    with running_server(programs) as url:
        yield url


@pytest.fixture
def of_fastapi_shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The modules of the FastAPI shop can be imported; they are forgotten afterwards."""
    names = ("shop", "shop_database", "follow_up")
    monkeypatch.syspath_prepend(str(EXAMPLES / "fastapi_shop"))
    yield
    for name in names:
        sys.modules.pop(name, None)
