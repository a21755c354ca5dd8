"""Iceberg tables, by pyiceberg (the extra `iceberg`): one snapshot of the table, of the columns that are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.addresses.address import EXAMPLES, Address
from mersalg_training.data.external.object_storage import iceberg_options
from mersalg_training.data.external.streams import Stream, first_line, source_of_rows
from mersalg_training.data.sources import DataSource

METADATA: Final = ".metadata.json"


def open_iceberg(connection: duckdb.DuckDBPyConnection, key: str, location: str, address: Address) -> DataSource:
    """A snapshot of an Iceberg table as a source, the current one where the address names none.

    DataError where there is no such table, or not this snapshot of it.
    """
    where = f"{key} = {location!r}"
    table = iceberg_table(where, address.path)
    current = table.current_snapshot()
    named = address.options.get("snapshot")
    snapshot = int(named) if named else current.snapshot_id if current else None
    if named and table.snapshot_by_id(snapshot) is None:
        kept = ", ".join(str(one.snapshot_id) for one in table.metadata.snapshots[-5:])
        raise DataError(f"{where}: the table has no snapshot {named}; the latest that it keeps are {kept or 'none'}")
    pinned = None if snapshot is None else f"iceberg:{address.path}?snapshot={snapshot}"
    return source_of_rows(connection, key, location, partial(rows_of, where, table, snapshot), pinned)


def iceberg_table(where: str, path: str) -> Any:
    """The table of a metadata file, of a table's folder, or of a catalogue that pyiceberg's configuration names."""
    try:
        from pyiceberg.catalog import load_catalog  # noqa: PLC0415
        from pyiceberg.table import StaticTable  # noqa: PLC0415
    except ImportError:
        raise DataError(
            f"{where}: an Iceberg table needs pyiceberg, which is not installed; "
            "python -m pip install 'mersalg-training[iceberg]'"
        ) from None
    by_name = "/" not in path and not Path(path).exists() and path.count(".") >= 2
    try:
        if not by_name:
            return StaticTable.from_metadata(metadata_file(where, path), iceberg_options())
        catalog, *name = path.split(".")
        return load_catalog(catalog).load_table(tuple(name))
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  # a catalogue may be of any sort, each with exceptions of its own
        what = "the catalogue does not give it" if by_name else "cannot be opened as an Iceberg table"
        raise DataError(f"{where}: {what}: {type(error).__name__}: {first_line(error)}") from None


def metadata_file(where: str, path: str) -> str:
    """The metadata of a table: the file itself, or the latest of a table's folder."""
    if path.endswith(METADATA):
        return path
    folder = Path(path.removeprefix("file://")).expanduser() / "metadata"
    files = {number_of(file): file for file in folder.glob(f"*{METADATA}")}
    if not files:
        raise DataError(
            f"{where}: expected a table's {METADATA.removeprefix('.')} or the folder that holds metadata/, or a name "
            f"as {EXAMPLES['iceberg']}; found no *{METADATA}"
        )
    return str(files[max(files)])


def number_of(file: Path) -> tuple[int, float]:
    """The place of a metadata file among the others: the number that its name begins with, then its time."""
    number = re.match(r"v?(\d+)", file.name)
    return (int(number[1]) if number else -1, file.stat().st_mtime)


@contextmanager
def rows_of(
    where: str, table: Any, snapshot: int | None, columns: Sequence[str] | None, most: int | None
) -> Iterator[Stream]:
    """The rows of a snapshot, as pyiceberg reads them."""
    scan = table.scan(snapshot_id=snapshot, selected_fields=tuple(columns) if columns else ("*",), limit=most)
    try:
        batches = scan.projection().as_arrow().empty_table() if most == 0 else scan.to_arrow_batch_reader()
    except Exception as error:  # noqa: BLE001  # a file may be of any storage, each with exceptions of its own
        raise DataError(f"{where}: cannot be read: {type(error).__name__}: {first_line(error)}") from None
    yield Stream(batches)
