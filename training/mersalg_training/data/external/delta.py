"""Delta tables, by delta-rs (the extra `delta`): one version of the table, of the columns that are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import duckdb

from mersalg.errors import DataError
from mersalg_training.addresses.address import Address
from mersalg_training.data.external.object_storage import delta_options
from mersalg_training.data.external.streams import Stream, first_line, source_of_rows
from mersalg_training.data.sources import DataSource, identifier


def open_delta(connection: duckdb.DuckDBPyConnection, key: str, location: str, address: Address) -> DataSource:
    """A version of a Delta table as a source, the newest one where the address names none.

    DataError where there is no Delta table, or not this version of it.
    """
    where = f"{key} = {location!r}"
    table, builder = delta_table(where, address)
    pinned = f"delta:{address.path}?version={table.version()}"
    return source_of_rows(connection, key, location, partial(rows_of, where, table, builder), pinned)


def delta_table(where: str, address: Address) -> tuple[Any, Any]:
    """The table at its version, and the library's maker of queries."""
    try:
        from deltalake import DeltaTable, QueryBuilder  # noqa: PLC0415
        from deltalake.exceptions import DeltaError, TableNotFoundError  # noqa: PLC0415
    except ImportError:
        raise DataError(
            f"{where}: a Delta table needs deltalake, which is not installed; "
            "python -m pip install 'mersalg-training[delta]'"
        ) from None
    version = int(address.options["version"]) if "version" in address.options else None
    try:
        return DeltaTable(address.path, version=version, storage_options=delta_options(address.path)), QueryBuilder
    except TableNotFoundError:
        raise DataError(f"{where}: expected the folder of a Delta table, with _delta_log in it; found none") from None
    except (DeltaError, OSError, ValueError) as error:
        asked = "" if version is None else f" at version {version}"
        raise DataError(f"{where}: cannot be opened as a Delta table{asked}: {first_line(error)}") from None


@contextmanager
def rows_of(where: str, table: Any, builder: Any, columns: Sequence[str] | None, most: int | None) -> Iterator[Stream]:
    """The rows of a version, as delta-rs reads them."""
    listed = "*" if columns is None else ", ".join(map(identifier, columns))
    limit = "" if most is None else f" LIMIT {most}"
    try:
        batches = builder().register("source", table).execute(f"SELECT {listed} FROM source{limit}")
    except Exception as error:  # noqa: BLE001  # delta-rs raises bare Exception for what its query engine refuses
        raise DataError(f"{where}: cannot be read: {first_line(error)}") from None
    yield Stream(batches)
