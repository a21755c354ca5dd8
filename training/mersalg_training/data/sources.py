"""Where a table lies: files found on disk or in an installed package, as a relation that DuckDB scans."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mersalg.errors import DataError

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
FORMS = "a Parquet or CSV file, a glob, a folder of one of both, or package:NAME/PATH inside an installed package"


@dataclass(frozen=True)
class DataSource:
    """A table of the shop as it is."""

    key: str
    """The configuration's key that names it, for messages: `data.orders` or `data.products`."""
    location: str
    relation: str
    """DuckDB's table function over the files; every column of a CSV is text, so that nothing is lost."""
    columns: tuple[str, ...]
    is_text: bool
    shape: str
    """A temporary table of no rows with the same columns: expressions are bound to it without reading a file."""


def open_source(connection: duckdb.DuckDBPyConnection, key: str, location: str) -> DataSource:
    """Find the files of a location and their columns.

    Several files are one table: columns are matched by name, one that a file lacks is NULL there. A CSV needs a
    header; its separator and quotes are found by DuckDB's sniffer. DataError if nothing is there or it is not readable.
    """
    files = find_files(key, location)
    listed = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    is_text = suffix(files[0]) in CSV
    relation = (
        f"read_csv({listed}, all_varchar = true, header = true, union_by_name = true)"
        if is_text
        else f"read_parquet({listed}, union_by_name = true)"
    )
    try:
        return source_of(connection, key, location, relation, is_text)
    except duckdb.Error as error:
        raise DataError(
            f"{key} = {location!r}: cannot be read as {'CSV' if is_text else 'Parquet'}: {error}"
        ) from error


def source_of(
    connection: duckdb.DuckDBPyConnection, key: str, location: str, relation: str, is_text: bool
) -> DataSource:
    """A relation as a source; duckdb.Error where it cannot be read."""
    shape = "shape_of_" + key.replace(".", "_")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {shape} AS SELECT * FROM {relation} LIMIT 0")
    columns = tuple(row[0] for row in connection.execute(f"DESCRIBE {shape}").fetchall())
    return DataSource(key, location, relation, columns, is_text, shape)


def find_files(key: str, location: str) -> list[Path]:
    """The files of a location, sorted, all Parquet or all CSV; DataError names what is there instead."""
    if "://" in location:
        raise DataError(f"{key} = {location!r}: expected {FORMS}; addresses are not read, bring the files here first")
    path = package_file(key, location) if location.startswith("package:") else Path(location).expanduser()
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and suffix(file) in PARQUET + CSV]
        files = [
            file for file in files if not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        ]
    elif path.is_file():
        files = [path]
    else:
        pattern = path.relative_to(path.anchor).as_posix()
        files = [file for file in Path(path.anchor).glob(pattern) if file.is_file()]
    if not files:
        raise DataError(f"{key} = {location!r}: found no file; expected {FORMS}, seen from {Path.cwd()}")
    strange = sorted(file.name for file in files if suffix(file) not in PARQUET + CSV)
    if strange:
        raise DataError(
            f"{key} = {location!r}: expected files that end in {', '.join(PARQUET + CSV)}, got {strange[0]}"
        )
    if len({suffix(file) in CSV for file in files}) > 1:
        raise DataError(f"{key} = {location!r}: holds Parquet and CSV; name one of them with a glob, as in */*.parquet")
    return sorted(files)


def package_file(key: str, location: str) -> Path:
    """The path of `package:NAME/PATH`, found without importing the package."""
    package, _, inside = location.removeprefix("package:").partition("/")
    if not package.isidentifier() or not inside:
        raise DataError(f"{key} = {location!r}: expected package:NAME/PATH with the name that Python imports")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"{key} = {location!r}: the Python package {package} is not installed; "
            f"python -m pip install {package.replace('_', '-')}"
        )
    places = [Path(place) / inside for place in spec.submodule_search_locations]
    return next((place for place in places if place.exists()), places[0])


def suffix(file: Path) -> str:
    """The ending that tells the format, `.csv.gz` as one."""
    return "".join(file.suffixes[-2:]).lower() if file.suffix.lower() == ".gz" else file.suffix.lower()


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'
