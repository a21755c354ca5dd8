"""Tables and queries of a PostgreSQL server, by the Arrow project's driver (the extra `postgres`).

Everything is read in one transaction that may not write. The password is libpq's matter: PGPASSWORD, PGSERVICE or
~/.pgpass; or it stands in the environment variable that `?password_env=` names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import duckdb

from mersalg.errors import DataError
from mersalg_training.addresses.address import ENVIRONMENT, SERVER_OPTIONS, Address
from mersalg_training.data.external.streams import Stream, first_line, source_of_rows
from mersalg_training.data.sources import DataSource, identifier

CONNECT_SECONDS: Final = 15
PLAIN: Final = frozenset(
    {"bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "date", "timestamp", "timestamptz"}
)
"""Types that come as they are; a list of one does, too. Numbers of fixed places are DECIMAL; all else is text."""
READ_ONLY: Final = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
TABLES: Final = """
    SELECT table_schema || '.' || table_name FROM information_schema.tables
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""
NO_TABLE: Final = "42P01"
NO_RIGHT: Final = "42501"
NO_SCHEMA: Final = "3F000"


def open_postgres(connection: duckdb.DuckDBPyConnection, key: str, location: str, address: Address) -> DataSource:
    """A table, view or query of a server as a source; DataError where this user cannot reach or read it."""
    return source_of_rows(connection, key, location, partial(rows_of, f"{key} = {location!r}", address))


@contextmanager
def rows_of(where: str, address: Address, columns: Sequence[str] | None, most: int | None) -> Iterator[Stream]:
    """The rows of the table or query, in one transaction that only reads."""
    relation = relation_of(address)
    with cursor_of(where, address) as (cursor, error_type):
        try:
            cursor.execute(f"SELECT * FROM {relation} LIMIT 0")
            fields = [read_as(field) for field in cursor.fetch_record_batch().schema]
            read = [field for field in fields if columns is None or field[0] in columns]
            limit = "" if most is None else f" LIMIT {most}"
            cursor.execute(f"SELECT {', '.join(sql for _, sql, _ in read)} FROM {relation}{limit}")
            batches = cursor.fetch_record_batch()
        except error_type as error:
            raise DataError(f"{where}: {refused(cursor, error, address)}") from None
        yield Stream(batches, ", ".join(scanned for _, _, scanned in read))


@contextmanager
def cursor_of(where: str, address: Address) -> Iterator[tuple[Any, type[Exception]]]:
    """A cursor in a transaction that may not write, and what the driver raises; both are closed afterwards."""
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415
    except ImportError:
        raise DataError(
            f"{where}: PostgreSQL needs adbc-driver-postgresql, which is not installed; "
            "python -m pip install 'mersalg-training[postgres]'"
        ) from None
    password = password_of(where, address)
    try:
        connection = dbapi.connect(server_uri(address, password), autocommit=True)
    except dbapi.Error as error:
        told = first_line(error).split("[libpq] ", maxsplit=1)[-1]
        raise DataError(
            f"{where}: {without(told, password)}\nIt connects as libpq does: host and user from the address or PGHOST "
            f"and PGUSER, the password from {ENVIRONMENT['postgresql']}"
        ) from None
    with connection, connection.cursor() as cursor:
        cursor.execute(READ_ONLY)
        yield cursor, dbapi.Error


def password_of(where: str, address: Address) -> str | None:
    """The password of the variable that the address names; None where it names none. DataError where it is not set."""
    name = address.options.get("password_env")
    if name is None:
        return None
    password = os.environ.get(name)
    if not password:
        raise DataError(f"{where}: expected the password in the environment variable {name}, which is not set")
    return password


def server_uri(address: Address, password: str | None) -> str:
    """The address as libpq takes it; what it does not say, libpq finds in the environment."""
    options = {name: value for name, value in address.options.items() if name in SERVER_OPTIONS}
    options = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "mersalg", **options}
    if password is not None:
        options["password"] = password
    return f"postgresql://{address.path}?" + "&".join(
        f"{name}={quote(text, safe='')}" for name, text in options.items()
    )


def relation_of(address: Address) -> str:
    """What is read, as SQL: a table by its parts, each quoted, or a query."""
    if "table" in address.options:
        return ".".join(identifier(part) for part in address.options["table"].split("."))
    return f"({address.options['query'].strip().rstrip(';')}\n) AS mersalg_query"


def read_as(field: Any) -> tuple[str, str, str]:
    """A column's name, SQL by which the server gives it, and SQL by which the database takes it.

    field: of an Arrow schema, with PostgreSQL's own type in its metadata.
    """
    name = identifier(field.name)
    metadata = field.metadata or {}
    kind = metadata.get(b"POSTGRESQL:type", metadata.get(b"ADBC:postgresql:typname", b"")).decode()
    if kind.removeprefix("_") in PLAIN:
        return field.name, name, name
    if kind != "numeric":
        return field.name, f"{name}::text AS {name}", name
    places = decimal_places(int(metadata.get(b"POSTGRESQL:typmod", b"-1")))
    if places is None:
        return field.name, f"{name}::float8 AS {name}", name
    digits, behind = places
    return field.name, f"{name}::text AS {name}", f"TRY_CAST({name} AS DECIMAL({digits}, {behind})) AS {name}"


def decimal_places(modifier: int) -> tuple[int, int] | None:
    """Digits in all and behind the point of a `numeric(p, s)`; None for a plain one, or one that no DECIMAL holds."""
    if modifier < 4:
        return None
    digits, behind = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
    return (digits, behind) if digits <= 38 and behind <= digits else None


def refused(cursor: Any, error: Exception, address: Address) -> str:
    """What the server says against reading, and what to do."""
    state = getattr(error, "sqlstate", None)
    told = first_line(error)
    table = address.options.get("table")
    cursor.execute("ROLLBACK")
    if table is not None and state in (NO_TABLE, NO_SCHEMA):
        cursor.execute(TABLES)
        tables = [row[0] for row in cursor.fetchall()]
        names = {**{name.split(".", 1)[1]: name for name in reversed(tables)}, **{name: name for name in tables}}
        near = dict.fromkeys(names[name] for name in get_close_matches(table, names, n=3))
        mend = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(tables[:10]) or 'none'}"
        return f"the database has no table {table} that this user sees; {mend}"
    if state == NO_RIGHT:
        cursor.execute("SELECT current_user")
        user = cursor.fetchone()[0]
        return f"{told}; its owner allows it by GRANT SELECT ON {table or 'each table of the query'} TO {user}"
    return f"the server refuses it: {told}"


def without(told: str, password: str | None) -> str:
    """A driver's text without a password."""
    return told if password is None else told.replace(password, "***").replace(quote(password, safe=""), "***")
