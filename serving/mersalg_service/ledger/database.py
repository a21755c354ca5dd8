"""The seam between a ledger and the database that keeps it: plain SQL with `?` for values, in transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from mersalg.errors import LedgerError

FORMS: Final = "sqlite:///file.db, sqlite:////an/absolute/file.db or postgresql://user@host/database"
NO_LEDGER: Final = (
    "expected a ledger, found none. If there has been one, find it first: a new one knows nobody who was written to or "
    "opted out. `mersalg ledger init URL` makes a new one"
)


class Transaction(Protocol):
    """A running transaction; it is committed when its block ends well, and undone when it does not."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement and give the number of rows that it changed."""

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""


class Database(Protocol):
    """An open database. One object is safe to share between threads, which take turns; it does not survive a fork."""

    name: str
    """What it is called in messages: without a password."""
    lock_rows: str
    """What a SELECT ends with to hold its rows for this transaction alone; empty where a transaction holds all."""
    share_rows: str
    """The same, held together with other transactions that only look."""
    find_table: str
    """A query that gives a row where there is a table of the name that it is given."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees what others committed before it took its locks."""

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads, and waits for no writer."""

    def transaction_of_one(self) -> AbstractContextManager[Transaction]:
        """A transaction of which only one runs at a time on the whole database: for the schema, batches and wishes."""

    def scrub(self) -> None:
        """Take what was deleted off the disk as well, where the database does not do so by itself."""

    def close(self) -> None:
        """Close the connection; a second time does nothing."""


def open_database(url: str, *, new: bool) -> Database:
    """The database of a URL; with `new` SQLite's file is made. LedgerError when it cannot be opened."""
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgresql", "postgres") and separator:
        from mersalg_service.ledger.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(url)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from mersalg_service.ledger.sqlite import SqliteDatabase  # noqa: PLC0415

        if not new and not Path(rest[1:]).exists():
            raise LedgerError(f"{url}: {NO_LEDGER}")
        return SqliteDatabase(rest[1:], new=new)
    shown = f"{scheme}://..." if separator else url
    raise LedgerError(f"ledger: expected a URL such as {FORMS}, got {shown!r}")
