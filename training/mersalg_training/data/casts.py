"""SQL that casts what a shop exports: ids, numbers, and dates of one spelling a column, never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from mersalg.bundle.texts import MAX_ID_CHARACTERS, ODD_CHARACTERS
from mersalg.errors import DataError
from mersalg.ids import BLANKS, WHOLE

SURROGATES: Final = 0xD800
"""Halves of characters, which no text of DuckDB holds."""
SAMPLE: Final = 200_000
"""The spelling is chosen on the first so many lines."""

TIMES: Final = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "day/month/year": tuple(f"%d{mark}%m{mark}%Y{time}" for mark in "/.-" for time in TIMES),
    "month/day/year": tuple(f"%m{mark}%d{mark}%Y{time}" for mark in "/.-" for time in TIMES),
    "yearmonthday": ("%Y%m%d", "%Y%m%d%H%M", "%Y%m%d%H%M%S"),
}
"""Tried where ISO 8601 does not read the column."""


def timestamp_sql(connection: duckdb.DuckDBPyConnection, view: str, column: str) -> tuple[str, str | None]:
    """SQL for the column as a TIMESTAMP, NULL where it is none, and a note where the spelling is not ISO 8601.

    A time with a zone becomes UTC; one without is taken as it is. Nothing before 1970 is a date of purchase, nor is an
    infinite one. DataError if day and month cannot be told apart.
    """
    kind = str(connection.execute(f"SELECT column_type FROM (DESCRIBE SELECT {column} FROM {view})").fetchall()[0][0])
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return sane(f"CAST({column} AS TIMESTAMP)"), None
    text = f"trim(CAST({column} AS VARCHAR))"
    iso = f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
    ways = {"ISO 8601": iso, **{name: spelled(text, formats) for name, formats in SPELLINGS.items()}}
    counts = connection.execute(
        f"SELECT {', '.join(f'count({sane(way)})' for way in ways.values())} "
        f"FROM (SELECT {column} FROM {view} LIMIT {SAMPLE})"
    ).fetchall()[0]
    read = dict(zip(ways, counts, strict=True))
    best = max(read, key=lambda name: read[name])
    if best == "day/month/year" and read["month/day/year"] == read[best]:
        raise DataError(
            f"{column}: the first {read[best]} dates can be day/month or month/day. Say which in the configuration:\n"
            f"[data.columns]\n  {column} = \"try_strptime(THE_COLUMN, '%d/%m/%Y')\""
        )
    return sane(ways[best]), None if best == "ISO 8601" else f"{column} is spelled {best}"


def spelled(text: str, formats: tuple[str, ...]) -> str:
    """SQL for a text that starts with a digit, in the first format that reads it."""
    listed = ", ".join(f"'{form}'" for form in formats)
    return f"CASE WHEN regexp_matches({text}, '^[0-9]') THEN try_strptime({text}, [{listed}]) END"


def sane(timestamp: str) -> str:
    """SQL for a timestamp that a purchase can have; NULL for any other."""
    return f"CASE WHEN isfinite({timestamp}) AND {timestamp} >= TIMESTAMP '1970-01-01' THEN {timestamp} END"


def is_unusable(column: str) -> str:
    """SQL for whether a text could not be a product id of a bundle: too long, or with characters that do not show."""
    ranges = "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ODD_CHARACTERS if first != SURROGATES)
    return f"(length({column}) > {MAX_ID_CHARACTERS} OR regexp_matches({column}, '[{ranges}]'))"


def id_text(column: str) -> str:
    """SQL for an id or a label as text, as `mersalg.ids.id_text` reads it, with NULL where that is empty.

    A truth value stays one, as the label that it is.
    """
    text = f"regexp_replace(CAST({column} AS VARCHAR), '^[{BLANKS}]+|[{BLANKS}]+$', '', 'g')"
    text = f"regexp_replace({text}, '^{WHOLE}$', '\\1')"
    no_number = f"typeof({column}) IN ('DOUBLE', 'FLOAT') AND NOT isfinite(TRY_CAST({column} AS DOUBLE))"
    return f"CASE WHEN {no_number} OR contains({text}, chr(0)) THEN NULL ELSE nullif({text}, '') END"


def float_notes(connection: duckdb.DuckDBPyConnection, view: str, columns: Sequence[str]) -> list[str]:
    """A sentence for each of the columns in which ids end in `.0`, as a table writes numbers with gaps between them."""
    found = ", ".join(
        f"coalesce(bool_or(regexp_full_match(trim(CAST({column} AS VARCHAR)), '{WHOLE}')), false)" for column in columns
    )
    (ends,) = connection.execute(f"SELECT {found} FROM {view}").fetchall()
    return [f"{name}: ids as 17850.0 are read as 17850" for name, end in zip(columns, ends, strict=True) if end]


def number(text: str) -> str:
    """SQL for a finite number, NULL for anything else."""
    value = f"TRY_CAST(trim({text}) AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def truth(column: str) -> str:
    """SQL for a condition: true for true, 1, yes and their kind; false for all else and for NULL."""
    return f"coalesce(lower(trim(CAST({column} AS VARCHAR))) IN ('true', 't', 'yes', 'y', '1'), false)"


def is_told(column: str) -> str:
    """SQL for whether a column tells anything: false for NULL, for blanks, and for false, 0, no and their kind."""
    return f"coalesce(lower(trim(CAST({column} AS VARCHAR))) NOT IN ('', 'false', 'f', 'no', 'n', '0'), false)"
