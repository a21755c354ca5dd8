"""Files in object storage (s3://), by pyarrow's own client, which DuckDB reads through fsspec (the extra `s3`).

Keys, region and endpoint come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
AWS_REGION and AWS_ENDPOINT_URL, or from whatever else Amazon's own client looks at.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.data.csv_files import in_utf8
from mersalg_training.data.external.streams import first_line
from mersalg_training.data.sources import (
    CSV,
    FORMS,
    PARQUET,
    DataSource,
    check_form,
    identifier,
    refused,
    source_of_files,
    source_of_text,
    suffix,
    table_of,
)
from mersalg_training.engine.database import fitting

SCHEME: Final = "s3://"
ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


def open_objects(connection: duckdb.DuckDBPyConnection, key: str, location: str, encoding: str) -> DataSource:
    """Parquet or CSV files in object storage as a source; several are one table, as files here are.

    Of Parquet the columns that are read come over when `fetched` asks for them; the text of a CSV comes at once.
    DataError if nothing is there, or it may not be read.
    """
    where = f"{key} = {location!r}"
    storage = object_storage(where)
    try:
        files = find_objects(storage, key, location)
        if suffix(PurePosixPath(files[0])) in CSV:
            with tempfile.TemporaryDirectory(prefix="mersalg-") as folder:
                copies = copy_objects(storage, files, Path(folder))
                if encoding.lower() not in ("utf-8", "utf8"):
                    utf8 = Path(folder) / "utf-8"
                    utf8.mkdir()
                    copies = in_utf8(key, copies, encoding, utf8)
                return source_of_text(connection, key, location, copies)
        if storage.protocol not in connection.list_filesystems():
            connection.register_filesystem(storage)
        source = source_of_files(connection, key, location, files, is_text=False)
    except duckdb.Error as error:
        raise DataError(f"{where}: cannot be read: {refused(error)}") from None
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {told(error)}") from None
    return fetched_by_engine(connection, source)


def fetched_by_engine(connection: duckdb.DuckDBPyConnection, source: DataSource) -> DataSource:
    """A source of which the engine copies the columns that are read, once, before anything counts them."""
    copy = table_of("copy", source.key)

    def fetch(columns: Sequence[str], most: int | None) -> None:
        limit = "" if most is None else f" LIMIT {most}"
        listed = ", ".join(map(identifier, columns))
        try:
            with fitting(connection):
                connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE {copy} AS SELECT {listed} FROM {source.relation}{limit}"
                )
        except duckdb.Error as error:
            raise DataError(f"{source.key} = {source.location!r}: cannot be read: {refused(error)}") from None

    connection.execute(f"DROP TABLE IF EXISTS {copy}")
    return replace(source, relation=copy, fetch=fetch)


def object_storage(where: str) -> Any:
    """The storage that the environment names, as a file system for DuckDB."""
    try:
        from fsspec.implementations.arrow import ArrowFSWrapper  # noqa: PLC0415
    except ImportError:
        raise DataError(
            f"{where}: object storage needs fsspec, which is not installed; "
            "python -m pip install 'mersalg-training[s3]'"
        ) from None
    from pyarrow import fs  # noqa: PLC0415

    class ObjectStorage(ArrowFSWrapper):  # type: ignore[misc]
        """pyarrow's client under the name that DuckDB asks for."""

        protocol = "s3"

    options = {"endpoint_override": first_set(ENDPOINTS), "region": first_set(REGIONS)}
    return ObjectStorage(fs.S3FileSystem(**{name: value for name, value in options.items() if value}))


def first_set(names: Sequence[str]) -> str | None:
    """The first of these environment variables that is set."""
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def find_objects(storage: Any, key: str, location: str, endings: Sequence[str] = PARQUET + CSV) -> list[str]:
    """The addresses of a location's files, sorted, all of one form; DataError names what is there instead.

    A location is one file, a glob with * and **, or a folder: its files with one of the endings, at any depth.
    """
    path = location.removeprefix(SCHEME)
    plain = re.split(r"[*?\[]", path, maxsplit=1)[0]
    # pyarrow is asked first, which raises where the storage does not answer or forbids it; fsspec says "nothing there".
    what = storage.fs.get_file_info(plain.rpartition("/")[0] if plain != path else path.rstrip("/")).type.name
    if plain != path:
        files = [PurePosixPath(name) for name in storage.glob(path) if storage.isfile(name)]
    elif what == "File":
        files = [PurePosixPath(path)]
    else:
        inside = [PurePosixPath(name) for name in storage.find(path)] if what == "Directory" else []
        files = [
            file
            for file in inside
            if suffix(file) in endings and not any(p[0] in "._" for p in file.relative_to(path.rstrip("/")).parts)
        ]
    if not files:
        raise DataError(f"{key} = {location!r}: found no file; expected {FORMS}, or the same in a bucket")
    check_form(key, location, files, endings)
    return sorted(SCHEME + str(file) for file in files)


def copy_objects(storage: Any, files: Sequence[str], folder: Path) -> list[Path]:
    """Copies of files, each under its own name, in numbered folders."""
    copies = []
    for number, file in enumerate(files):
        copy = folder / "copies" / str(number) / PurePosixPath(file).name
        copy.parent.mkdir(parents=True)
        storage.get_file(file.removeprefix(SCHEME), str(copy))
        copies.append(copy)
    return copies


def told(error: OSError) -> str:
    """What the storage says, and what it needs."""
    return (
        f"{first_line(error)}\nKeys, region and endpoint come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
        "AWS_REGION and AWS_ENDPOINT_URL"
    )


def delta_options(path: str) -> dict[str, str] | None:
    """What delta-rs does not take from the environment itself: that an endpoint there may be one of plain HTTP."""
    endpoint = first_set(ENDPOINTS)
    if not path.startswith(SCHEME) or endpoint is None:
        return None
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower()}


def iceberg_options() -> dict[str, str]:
    """The endpoint and region for pyiceberg, which finds the keys itself."""
    options = {"s3.endpoint": first_set(ENDPOINTS), "s3.region": first_set(REGIONS)}
    return {name: value for name, value in options.items() if value}
