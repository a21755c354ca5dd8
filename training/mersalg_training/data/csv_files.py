"""CSV files made ready for DuckDB: in UTF-8, not empty, and of lines that it can look at within a moment."""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from mersalg.errors import DataError

MAX_HEAD_LINES: Final = 20_480
"""DuckDB finds the separator and the quotes on so many lines, each tried in many ways."""
MAX_HEAD_BYTES: Final = 2**26
"""No more is looked at."""
MAX_LINE_BYTES: Final = 2_000_000
"""DuckDB's own limit; a longer line in the head would keep it busy for minutes before it says so."""


def check_head(key: str, file: Path) -> None:
    """DataError where a file is empty, is UTF-16, or has a line among the first that is too long.

    key: the configuration's key that names the file, for messages.
    """
    where = f"{key}: {file.name}"
    try:
        with opened(file) as stream:
            seen = 0
            for number in range(1, MAX_HEAD_LINES + 1):
                line = stream.readline(MAX_LINE_BYTES + 1)
                seen += len(line)
                if number == 1:
                    check_header(where, line)
                if len(line) > MAX_LINE_BYTES:
                    raise DataError(
                        f"{where}: line {number} is longer than {MAX_LINE_BYTES:,} bytes; expected one order line or "
                        "product a line. Look for a quote that is not closed or for a broken export"
                    )
                if not line or seen > MAX_HEAD_BYTES:
                    return
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where}: cannot be read: {error}") from None


def check_header(where: str, line: bytes) -> None:
    """DataError where the first line is none, or is UTF-16, with a mark at its beginning or without one."""
    if not line:
        raise DataError(f"{where}: the file is empty; expected a header and lines. Export it again or take it out")
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f'{where}: is UTF-16, not UTF-8; set data.encoding = "utf-16"')
    if b"\0" in line:
        name = "utf-16-be" if line.startswith(b"\0") else "utf-16-le"
        raise DataError(f'{where}: seems to be UTF-16, not UTF-8; set data.encoding = "{name}"')


def in_utf8(key: str, files: Sequence[Path], encoding: str, folder: Path) -> list[Path]:
    """Copies of the files in UTF-8, in a folder; DataError where one is not of the encoding."""
    copies = []
    for number, file in enumerate(files):
        copy = folder / str(number) / file.name[: -len(".gz") if is_packed(file) else None]
        copy.parent.mkdir()
        try:
            with (
                opened(file) as stream,
                io.TextIOWrapper(stream, encoding=encoding, newline="") as text,
                copy.open("w", encoding="utf-8", newline="") as out,
            ):
                shutil.copyfileobj(text, out, 2**20)
        except UnicodeError as error:
            reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
            raise DataError(f'{key}: {file.name}: is not as data.encoding = "{encoding}" says: {reason}') from None
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{key}: {file.name}: cannot be read: {error}") from None
        copies.append(copy)
    return copies


def opened(file: Path) -> IO[bytes]:
    """A file's bytes, unpacked where its name says `.gz`."""
    return gzip.open(file, "rb") if is_packed(file) else file.open("rb")  # type: ignore[return-value]


def is_packed(file: Path) -> bool:
    """Whether a file is packed by gzip, as its name says."""
    return file.suffix.lower() == ".gz"
