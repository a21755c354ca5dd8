"""A location opened as a source, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.addresses.address import Address, Scheme, read_address
from mersalg_training.data.external.delta import open_delta
from mersalg_training.data.external.iceberg import open_iceberg
from mersalg_training.data.external.object_storage import open_objects
from mersalg_training.data.external.postgres import open_postgres
from mersalg_training.data.sources import DataSource, open_source

Opener = Callable[[duckdb.DuckDBPyConnection, str, str, Address], DataSource]
OPENERS: Final[Mapping[Scheme, Opener]] = {
    "postgresql": open_postgres,
    "delta": open_delta,
    "iceberg": open_iceberg,
}


def open_table(connection: duckdb.DuckDBPyConnection, key: str, location: str, encoding: str = "utf-8") -> DataSource:
    """The table of a location: files here as `open_source` finds them, or a table elsewhere.

    Of one elsewhere the names and types of the columns are read, and no row before `fetched` asks for columns; the
    text of a CSV in object storage is read at once. DataError if nothing is there, or it may not be read.
    """
    address = address_of(key, location)
    if address is None:
        return open_source(connection, key, location, encoding)
    if address.scheme == "s3":
        return open_objects(connection, key, location, encoding)
    return OPENERS[address.scheme](connection, key, location, address)


def address_of(key: str, location: str) -> Address | None:
    """The address that a location is; None for files here, DataError, without the text, for one that does not hold."""
    try:
        return read_address(location)
    except ValueError as error:
        raise DataError(f"{key}: {error}") from None
