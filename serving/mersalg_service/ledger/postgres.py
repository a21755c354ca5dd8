"""A ledger's database on a PostgreSQL server, by psycopg 3 (the extra `ledger`), for processes of several machines.

READ COMMITTED with row locks: a transaction first locks the customers that it is about, in the order of their hashes,
so that two of the same customer follow each other, no two wait for each other, and what is read after that is what the
one before has committed. `synchronous_commit` is on, whatever the server's own setting.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from mersalg.errors import LedgerError

THE_ONE: Final = 0x6D65727361
"""The advisory lock of `transaction_of_one`."""
CONNECT_SECONDS: Final = 15


class PostgresTransaction:
    """Runs statements on a cursor; `?` stands for a value."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        result: list[tuple[Any, ...]] = self.cursor.execute(sql.replace("?", "%s"), values).fetchall()
        return result

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement and give the number of rows that it changed."""
        return int(self.cursor.execute(sql.replace("?", "%s"), values).rowcount)

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self.cursor.executemany(sql.replace("?", "%s"), rows)


class PostgresDatabase:
    """One connection to a server."""

    lock_rows = " FOR UPDATE"
    share_rows = " FOR SHARE"
    find_table = "SELECT 1 WHERE to_regclass(?) IS NOT NULL"

    def __init__(self, url: str) -> None:
        try:
            import psycopg  # noqa: PLC0415
        except ImportError:
            raise LedgerError(
                "postgresql:// needs psycopg, which is not installed; `pip install 'mersalg[ledger]'`, or use sqlite:///"
            ) from None
        self.error = psycopg.Error
        self.turn = threading.Lock()
        self.name = "postgresql"
        try:
            self.connection = psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="mersalg ledger"
            )
            self.connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            self.connection.execute("SET synchronous_commit = on")
        except psycopg.Error as error:
            raise LedgerError(f"postgresql: cannot connect: {first_line(error)}") from None
        info = self.connection.info
        self.name = f"postgresql://{info.host}:{info.port}/{info.dbname}"

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """A transaction; only the rows that it locks are its own."""
        with self.turn:
            try:
                with self.connection.transaction(), self.connection.cursor() as cursor:
                    yield PostgresTransaction(cursor)
            except self.error as error:
                raise LedgerError(
                    f"{self.name}: {first_line(error)}; nothing of this step is certain, it may be run again"
                ) from None

    def snapshot(self) -> AbstractContextManager[PostgresTransaction]:
        """A transaction that only reads; a reader never waits here."""
        return self.transaction()

    @contextmanager
    def transaction_of_one(self) -> Iterator[PostgresTransaction]:
        """A transaction that waits for every other one of this sort."""
        with self.transaction() as transaction:
            transaction.rows("SELECT pg_advisory_xact_lock(?)", [THE_ONE])
            yield transaction

    def scrub(self) -> None:
        """Nothing: the server's autovacuum takes deleted rows off the disk."""

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        self.connection.close()


def first_line(error: Exception) -> str:
    """What the server said, without the lines that repeat the statement or its values."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
