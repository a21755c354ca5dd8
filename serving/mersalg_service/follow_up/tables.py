"""Tables in and out as Parquet columns or JSON Lines: order lines read by column, rows written as they are decided."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from mersalg.errors import DataError
from mersalg.table import Form, import_pyarrow, plain_type

Type = Literal["text", "whole", "real", "time", "truth"]
Row = Mapping[str, Any]
Write = Callable[[list[dict[str, Any]]], None]

PIECE: Final = 65_536
"""Rows read or written together."""


def read_parquet_columns(
    file: Path, names: Mapping[str, str], required: tuple[str, ...]
) -> Iterator[dict[str, list[Any]]]:
    """The columns of a Parquet file, in pieces, under our names: ids as texts, times as datetimes, numbers as floats.

    A column of times with a zone is in UTC and keeps that zone. DataError names a column that is required, or mapped,
    and missing.
    """
    arrow, parquet = import_pyarrow(file)
    try:
        with parquet.ParquetFile(file) as table:
            titles = table.schema_arrow.names
            for name, title in names.items():
                if title not in titles and (name in required or title != name):
                    raise DataError(
                        f"{file}: expected a column {title!r} for {name}, got {', '.join(titles[:20])}; "
                        f"--column {name}=NAME says what it is called"
                    )
            present = {name: title for name, title in names.items() if title in titles}
            for batch in table.iter_batches(batch_size=PIECE, columns=sorted(set(present.values()))):
                yield {name: plain_column(arrow, batch.column(title), name) for name, title in present.items()}
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: cannot be read as Parquet: {error}") from None


def plain_column(arrow: Any, column: Any, name: str) -> list[Any]:
    """A column as a list of plain Python values."""
    types, kind = arrow.types, column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if name.endswith("_id") and (types.is_integer(kind) or types.is_decimal(kind)):
        column = column.cast(arrow.string())
    elif name == "quantity" and (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
        column = column.cast(arrow.float64())
    else:
        column = column.cast(plain_type(arrow, kind), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def write_table(part: Path, form: Form, columns: Mapping[str, Type], rows: Iterable[dict[str, Any]]) -> None:
    """Write rows into a file of this form, in pieces."""
    remaining = iter(rows)
    with (parquet_writer if form == "parquet" else json_writer)(part, columns) as write:
        while piece := list(islice(remaining, PIECE)):
            write(piece)


@contextmanager
def parquet_writer(path: Path, columns: Mapping[str, Type]) -> Iterator[Write]:
    """Rows as Parquet, a row group a call."""
    arrow, parquet = import_pyarrow(path)
    types = {
        "text": arrow.string(), "whole": arrow.int32(), "real": arrow.float64(), "time": arrow.timestamp("us"),
        "truth": arrow.bool_(),
    }  # fmt: skip
    schema = arrow.schema([(name, types[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda rows: writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


@contextmanager
def json_writer(path: Path, columns: Mapping[str, Type]) -> Iterator[Write]:
    """Rows as JSON Lines in UTF-8, times in ISO 8601."""
    with path.open("w", encoding="utf-8") as file:

        def write(rows: list[dict[str, Any]]) -> None:
            for row in rows:
                plain = {name: iso(row[name]) for name in columns}
                file.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")

        yield write


def iso(value: Any) -> Any:
    """The value, a time as text."""
    return value.isoformat() if isinstance(value, datetime) else value
