"""Where a table lies: files found on disk or in an installed package, as a relation that DuckDB scans."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.data.csv_files import check_head, in_utf8

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
JSON = tuple(ending + packed for ending in (".json", ".jsonl", ".ndjson") for packed in ("", ".gz"))
FORM_ENDINGS: Final = {"Parquet": PARQUET, "CSV": CSV, "JSON": JSON}
REASONS: Final = {
    r"Expected Number of Columns: (\d+) Found: (\d+)": "{0} columns are expected there, and {1} found",
    r"Maximum line size of (\d+) bytes": "it is longer than {0} bytes; look for a quote that is not closed",
    r"[Ii]nvalid unicode|not utf-8": 'it is not UTF-8; name the encoding, as data.encoding = "windows-1252"',
    r'JSON transform error in file "(?:.*/)?(.*)", in record/value (\d+): Expected (\w+), but got (\w+)': (
        "record {1} of {0} holds {3} where {2} is expected"
    ),
    r"Parallel CSV Reader": "a line is too long; look for a quote that is not closed",
    r"[Uu]nterminated quote|quotes? (should|must) be": "a quote is not closed",
}
"""What DuckDB says of a line of a CSV or a record of JSON -> what is said here, without what it holds."""
FORMS = "a Parquet or CSV file, a glob, a folder of one of both, or package:NAME/PATH inside an installed package"


@dataclass(frozen=True)
class DataSource:
    """A table of the shop as it is."""

    key: str
    """The configuration's key that names it, for messages: `data.orders` or `data.products`."""
    location: str
    relation: str
    """The files as SQL; every column of a CSV is text, so that nothing is lost."""
    columns: tuple[str, ...]
    is_text: bool
    shape: str
    """A temporary table of no rows with the same columns: expressions are bound to it without reading a file."""
    by_file: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The columns of each file by its name, where they are not the same in all."""
    fetch: Callable[[Sequence[str], int | None], None] | None = None
    """Of a table elsewhere: makes `relation`, which is not there before, of these columns and at most so many rows."""
    pinned: str | None = None
    """The address that reads the same rows again, whatever is written later; None where there is none."""

    def fetched(self, columns: Sequence[str], most: int | None = None) -> DataSource:
        """The source with these columns read; one of files here is the same as before, and reads no row.

        most: rows of a table elsewhere; None = all.
        """
        if self.fetch is None:
            return self
        kept = tuple(columns) or self.columns[:1]
        self.fetch(kept, most)
        return replace(self, columns=kept, fetch=None)


def open_source(connection: duckdb.DuckDBPyConnection, key: str, location: str, encoding: str = "utf-8") -> DataSource:
    """Find the files of a location and their columns.

    Several files are one table: columns are matched by name, one that a file lacks is NULL there. A CSV needs a
    header; its separator and quotes are found by DuckDB's sniffer. One of another encoding than UTF-8 is read at once,
    into the database. DataError if nothing is there or it is not readable.
    """
    files = find_files(key, location)
    is_text = suffix(files[0]) in CSV
    try:
        if not is_text:
            return source_of_files(connection, key, location, files, is_text)
        if encoding.lower() in ("utf-8", "utf8"):
            for file in files:
                check_head(key, file)
            return source_of_files(connection, key, location, files, is_text)
        with tempfile.TemporaryDirectory(prefix="mersalg-") as folder:
            copies = in_utf8(key, files, encoding, Path(folder))
            return source_of_text(connection, key, location, copies)
    except duckdb.Error as error:
        raise DataError(
            f"{key} = {location!r}: cannot be read as {'CSV' if is_text else 'Parquet'}: {refused(error)}"
        ) from None
    except OSError as error:
        raise DataError(f"{key} = {location!r}: cannot be copied to {tempfile.gettempdir()}: {error}") from None


def source_of_text(
    connection: duckdb.DuckDBPyConnection, key: str, location: str, copies: Sequence[Path]
) -> DataSource:
    """Copies of CSV files as a source, read at once: they need not stay. duckdb.Error where they cannot be read."""
    for copy in copies:
        check_head(key, copy)
    table = table_of("text", key)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM {scan(copies, is_text=True)}")
    return replace(source_of_files(connection, key, location, copies, is_text=True), relation=table)


def scan(files: Sequence[Path | str], is_text: bool) -> str:
    """SQL for the rows of files."""
    listed = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    if is_text:
        return f"read_csv({listed}, all_varchar = true, header = true, union_by_name = true)"
    return f"read_parquet({listed}, union_by_name = true)"


def refused(error: duckdb.Error) -> str:
    """What DuckDB says against reading, without any text of the file."""
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    file = re.findall(r"^\s*file = (.*)$", text, re.MULTILINE)
    told = [told.format(*found.groups()) for pattern, told in REASONS.items() if (found := re.search(pattern, text))]
    if line is not None:
        where = f" of {Path(file[-1]).name}" if file else ""
        return f"line {line[1]}{where}: {told[0] if told else 'it is not as the lines before it'}"
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return "a value cannot be converted to the type of its column"
    return told[0] if told else text.split("\n", maxsplit=1)[0]


def source_of(
    connection: duckdb.DuckDBPyConnection, key: str, location: str, relation: str, is_text: bool
) -> DataSource:
    """A relation as a source; duckdb.Error where it cannot be read."""
    shape = table_of("shape", key)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {shape} AS SELECT * FROM {relation} LIMIT 0")
    return DataSource(key, location, relation, columns_of(connection, shape), is_text, shape)


def source_of_files(
    connection: duckdb.DuckDBPyConnection, key: str, location: str, files: Sequence[Path | str], is_text: bool
) -> DataSource:
    """Files as a source; duckdb.Error where they cannot be read."""
    source = source_of(connection, key, location, scan(files, is_text), is_text)
    if len(files) == 1:
        return source
    by_file = {str(file): columns_of(connection, scan([file], is_text)) for file in files}
    alike = len({frozenset(map(str.lower, columns)) for columns in by_file.values()}) == 1
    return source if alike else replace(source, by_file=by_file)


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[str, ...]:
    """The names of the columns of a relation."""
    return tuple(row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall())


def find_files(key: str, location: str, endings: Sequence[str] = PARQUET + CSV) -> list[Path]:
    """The files of a location, sorted, all of one form; DataError names what is there instead.

    endings: those that are read.
    """
    if "://" in location:
        raise DataError(f"{key} = {location!r}: expected {FORMS}; such addresses are not read, bring the files here")
    path = package_file(key, location) if location.startswith("package:") else Path(location).expanduser()
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and suffix(file) in endings]
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
    check_form(key, location, files, endings)
    return sorted(files)


def check_form(key: str, location: str, files: Sequence[PurePath], endings: Sequence[str]) -> None:
    """DataError unless all files of a location are of one form, which is read."""
    strange = sorted(file.name for file in files if suffix(file) not in endings)
    if strange:
        mend = (
            "; the JSON of a shop system is read where data.format names it" if suffix(Path(strange[0])) in JSON else ""
        )
        raise DataError(
            f"{key} = {location!r}: expected files that end in {', '.join(endings)}, got {strange[0]}{mend}"
        )
    forms = sorted(name for name, form in FORM_ENDINGS.items() if any(suffix(file) in form for file in files))
    if len(forms) > 1:
        told = " and ".join(reversed(forms))
        raise DataError(f"{key} = {location!r}: holds {told}; name one of them with a glob, as in */*.parquet")


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


def suffix(file: PurePath) -> str:
    """The ending that tells the format, `.csv.gz` as one."""
    return "".join(file.suffixes[-2:]).lower() if file.suffix.lower() == ".gz" else file.suffix.lower()


def table_of(what: str, key: str) -> str:
    """The name of a table of the database that belongs to a source."""
    return f"{what}_of_{key.replace('.', '_')}"


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'
