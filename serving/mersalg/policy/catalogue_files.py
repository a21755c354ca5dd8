"""A catalogue from a file: CSV, JSON Lines, or Parquet where pyarrow is installed.

A CSV has a header; an empty cell is unknown, a list is written with semicolons, `attributes` is a JSON object.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mersalg.errors import DataError, shown
from mersalg.policy.catalogue import LISTS, NUMBERS, Catalogue, is_read
from mersalg.table import import_pyarrow, plain_type

FORMS: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
PIECE: Final = 4096


def read_catalogue(path: str | Path) -> Catalogue:
    """The catalogue of a file. DataError names the file, the product and the fact."""
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in FORMS:
        raise DataError(f"{file}: expected a name that ends in {', '.join(FORMS)}, got {suffix or 'no suffix'!r}")
    if not file.is_file():
        raise DataError(f"{file}: expected a file of products, got {'a folder' if file.exists() else 'nothing'}")
    read = {".csv": rows_of_csv, ".parquet": rows_of_parquet}.get(suffix, rows_of_json_lines)
    try:
        return Catalogue(read(file))
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    except (UnicodeDecodeError, OSError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read: {error}") from None


def rows_of_csv(path: Path) -> Iterator[dict[str, Any]]:
    """A mapping a row, its cells read as their facts want them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if "product_id" not in (reader.fieldnames or ()):
            got = reader.fieldnames or "no header"
            raise DataError(f"product_id: expected a column of this name, got {got}; commas part columns")
        for number, row in enumerate(reader, start=1):
            if None in row or None in row.values():
                raise DataError(f"row {number}: expected {len(reader.fieldnames or ())} cells, got another number")
            yield {name: read_cell(name, cell, row["product_id"]) for name, cell in row.items()}


def read_cell(name: str, cell: str, product_id: str) -> Any:
    """A cell of a CSV; an empty one is None."""
    if not cell.strip():
        return None
    try:
        if name in NUMBERS:
            return float(cell)
        if name == "attributes":
            return json.loads(cell)
    except (ValueError, RecursionError):
        wanted = "a number with a point" if name in NUMBERS else "a JSON object"
        raise DataError(f"catalogue, product {product_id!r}: {name}: expected {wanted}, got {shown(cell)}") from None
    return [part.strip() for part in cell.split(";") if part.strip()] if name in LISTS else cell


def rows_of_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """A mapping a line; empty lines are passed over."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"line {number}: expected a JSON object, got {error}") from None
                if not isinstance(row, dict):
                    raise DataError(f"line {number}: expected a JSON object, got {shown(row)}")
                yield row


def rows_of_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """A mapping a row; columns that are no fact are named, and their cells not read."""
    arrow, parquet = import_pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if "product_id" not in names:
                raise DataError(f"product_id: expected a column of this name, got {', '.join(names)}")
            columns = [name for name in names if is_read(name)]
            unread = dict.fromkeys(name for name in names if not is_read(name))
            for batch in file.iter_batches(batch_size=PIECE, columns=columns):
                types = [(field.name, plain_type(arrow, field.type)) for field in batch.schema]
                table = arrow.Table.from_batches([batch]).cast(arrow.schema(types), safe=False)
                for row in table.to_pylist():
                    yield {name: plain_value(name, value) for name, value in row.items()} | unread
                    unread = {}
    except arrow.ArrowException as error:
        raise DataError(f"cannot be read as Parquet: {error}") from None


def plain_value(name: str, value: Any) -> Any:
    """An Arrow map, which comes as a list of pairs, as a mapping; anything else as it is."""
    return dict(value) if name == "attributes" and isinstance(value, list) else value
