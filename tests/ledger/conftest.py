from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.postgres_server import MISSING, running_server, server_programs
from mersalg_service.ledger import Key, key_of_file, make_key, make_ledger


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed; `pip install 'mersalg[ledger]'`")
    programs = server_programs()
    if programs is None:
        pytest.skip(MISSING)
    with running_server(programs) as url:
        yield url


@pytest.fixture
def new_postgres(postgres_server: str) -> str:
    """The URL of a new, empty database of the server."""
    import psycopg

    name = f"ledger_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def new_sqlite(tmp_path: Path) -> str:
    """The URL of a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of each sort."""
    name = "new_sqlite" if request.param == "sqlite" else "new_postgres"
    return str(request.getfixturevalue(name))


@pytest.fixture
def url(new_url: str, key_file: Path) -> str:
    """The URL of a new ledger with the key of `key_file`."""
    make_ledger(new_url, key_of_file(key_file)).close()
    return new_url


@pytest.fixture(autouse=True)
def no_key_of_my_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees, or makes, a key in the place of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("MERSALG_LEDGER_KEY", raising=False)
    monkeypatch.delenv("MERSALG_LEDGER_KEY_FILE", raising=False)


@pytest.fixture
def key() -> Key:
    return Key(b"a key of the tests, nowhere else", "the test")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    make_key(tmp_path / "secret" / "key")
    return tmp_path / "secret" / "key"
