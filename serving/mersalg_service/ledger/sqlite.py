"""A ledger's database in one file, by the standard library. Several processes of one machine may write to it.

A transaction begins with BEGIN IMMEDIATE, so that it is the only one that writes, and sees all that was committed
before. Write-ahead logging with synchronous=FULL: what is committed is on the disk. A file system that is shared over a
network breaks SQLite's locks; use PostgreSQL there.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from mersalg.errors import LedgerError

WAIT_SECONDS: Final = 120.0
"""How long a transaction waits for those before it."""


class SqliteTransaction:
    """Runs statements on the connection of a SqliteDatabase."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql, values).fetchall()

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement and give the number of rows that it changed."""
        return self.connection.execute(sql, values).rowcount

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self.connection.executemany(sql, rows)


class SqliteDatabase:
    """One file and one connection to it."""

    lock_rows = ""
    share_rows = ""
    find_table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"

    def __init__(self, file: str, *, new: bool) -> None:
        self.name = f"sqlite:///{file}"
        if ":memory:" in file:
            raise LedgerError(f"{self.name}: a ledger in memory forgets whom it wrote to; name a file")
        path = Path(file)
        if not path.parent.is_dir():
            raise LedgerError(f"{self.name}: the folder {path.parent} does not exist; make it first")
        self.turn = threading.Lock()
        try:
            os.close(os.open(path, os.O_RDWR | (os.O_CREAT if new else 0), 0o600))
            self.connection = sqlite3.connect(path, WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute("PRAGMA secure_delete = ON")
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"{self.name}: cannot be opened as a SQLite database: {error}") from None

    def transaction(self) -> AbstractContextManager[SqliteTransaction]:
        """The only transaction that writes."""
        return self.begin("BEGIN IMMEDIATE")

    transaction_of_one = transaction

    def snapshot(self) -> AbstractContextManager[SqliteTransaction]:
        """A transaction that only reads, beside the one that writes."""
        return self.begin("BEGIN")

    @contextmanager
    def begin(self, statement: str) -> Iterator[SqliteTransaction]:
        """A transaction that begins so."""
        with self.turn:
            try:
                self.connection.execute(statement)
                yield SqliteTransaction(self.connection)
                self.connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise LedgerError(f"{self.name}: {error}; nothing of this step was kept, it may be run again") from None
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    def scrub(self) -> None:
        """Empty the write-ahead log, so that no page of it holds what was deleted; waits for readers."""
        with self.turn:
            try:
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                raise LedgerError(f"{self.name}: deleted, but still in the write-ahead log: {error}") from None

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        self.connection.close()
