"""Where a log of offers lies: a table, or JSON Lines as a service writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.data.external.opening import address_of, open_table
from mersalg_training.data.purchases import reading
from mersalg_training.data.sources import CSV, PARQUET, DataSource, identifier, literal, source_of, suffix

JSON_LINES: Final = (".jsonl", ".ndjson")


def open_log(connection: duckdb.DuckDBPyConnection, location: str, encoding: str) -> tuple[DataSource, int]:
    """A log of offers as a source, and how many of its lines are torn, as a kill leaves them; they are passed over.

    JSON Lines are a table of text with a column for each key that a line has.
    """
    files = json_lines(location)
    if not files:
        return open_table(connection, "offers", location, encoding), 0
    torn = 0
    for path in files:
        with path.open("rb") as file:
            torn += sum(bool(line.strip()) and not line.rstrip().endswith(b"}") for line in file)
    listed = f"[{', '.join(literal(str(path)) for path in files)}]"
    options = "format = 'newline_delimited', ignore_errors = true"
    with reading("--offers"):
        keys = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects({listed}, {options}) ORDER BY 1"
        ).fetchall()
        columns = ", ".join(f"{identifier(key)}: 'VARCHAR'" for (key,) in keys) or "arm: 'VARCHAR'"
        relation = f"read_json({listed}, {options}, columns = {{{columns}}})"
        return source_of(connection, "offers", location, relation, is_text=True), torn


def json_lines(location: str) -> list[Path]:
    """The files of JSON Lines of a location, sorted: itself, or those of a folder; none where it is another table."""
    if address_of("offers", location) is not None:
        return []
    path = Path(location).expanduser()
    if path.suffix.lower() in JSON_LINES and not path.is_dir():
        if not path.is_file():
            raise DataError(f"--offers {location}: expected a file of exposures, got nothing")
        return [path]
    listed = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else []
    files = [file for file in listed if not file.name.startswith((".", "_"))]
    result = [file for file in files if file.suffix.lower() in JSON_LINES]
    if result and (others := [file.name for file in files if suffix(file) in PARQUET + CSV]):
        raise DataError(f"--offers {location}: holds JSON Lines and {others[0]}; keep one form in a folder")
    return result
