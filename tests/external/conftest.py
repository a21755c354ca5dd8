from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from external.object_server import KEYS, MISSING, PROGRAM, running_objects
from external.shop_server import PASSWORD, ShopServer, running_shop
from ledger.postgres_server import MISSING as NO_POSTGRES
from ledger.postgres_server import server_programs
from mersalg_training.config import Config
from small_shop import SmallShop, write_shop


def needs(module: str, extra: str) -> None:
    """Skip, by name, without a library; where everything is required, fail."""
    if os.environ.get("MERSALG_RUNTIMES") == "required":
        __import__(module)
    pytest.importorskip(module, reason=f"{module} is not installed; `pip install 'mersalg-training[{extra}]'`")


def missing(why: str) -> None:
    """Skip where a server's program is missing; where everything is required, fail."""
    if os.environ.get("MERSALG_RUNTIMES") == "required":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def files(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A job on the small shop's files: orders as Parquet, the catalogue as CSV."""
    return write_shop(small_shop, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def shop_server(small_shop: SmallShop) -> Iterator[ShopServer]:
    """A PostgreSQL server with the small shop."""
    needs("adbc_driver_postgresql", "postgres")
    programs = server_programs()
    if programs is None:
        missing(NO_POSTGRES)
    with running_shop(programs, small_shop) as server:
        yield server


@pytest.fixture
def server(shop_server: ShopServer, monkeypatch: pytest.MonkeyPatch) -> ShopServer:
    """The server, and its reader's password in the environment."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return shop_server


@pytest.fixture(scope="session")
def object_server() -> Iterator[str]:
    """The URL of an S3 server with an empty bucket."""
    needs("fsspec", "s3")
    if not PROGRAM.exists():
        missing(MISSING)
    with running_objects() as url:
        yield url


@pytest.fixture
def objects(object_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The server, as the environment names it, with its keys."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    told = {"AWS_ENDPOINT_URL": object_server, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", **KEYS}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return object_server
