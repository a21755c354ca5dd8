"""Ids and times as shops spell them, each with what it means: one table for everything that reads orders."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

TEXT_IDS: Final[dict[str, str | None]] = {
    "17850": "17850",
    "17850.0": "17850",
    "17850.00": "17850",
    " 17850 ": "17850",
    " 17850.0\t": "17850",
    "\u00a017850\u3000": "17850",
    "-7.0": "-7",
    "0.0": "0",
    "0042": "0042",
    "0042.0": "0042.0",
    "1.5": "1.5",
    ".0": ".0",
    "17850.": "17850.",
    "A-1.0": "A-1.0",
    "1.0.0": "1.0.0",
    "1e5": "1e5",
    "milk, fresh": "milk, fresh",
    "Ærø \u202e7": "Ærø \u202e7",
    "": None,
    " \u2009": None,
    "milk\0": None,
}
"""Spelling -> the id; None where there is none."""

TYPED_IDS: Final[tuple[tuple[int | float | Decimal | None, str | None], ...]] = (
    (17850, "17850"),
    (17850.0, "17850"),
    (1e15, "1000000000000000"),
    (0.5, "0.5"),
    (float("nan"), None),
    (float("inf"), None),
    (Decimal("17850.00"), "17850"),
    (Decimal("12345678901234567890"), "12345678901234567890"),
    (None, None),
)
"""A value of a typed column, and the id."""

TIMES: Final[dict[str, datetime | None]] = {
    "2017-06-01": datetime(2017, 6, 1),
    "2017-06-01T12:30": datetime(2017, 6, 1, 12, 30),
    "2017-06-01 12:30:15": datetime(2017, 6, 1, 12, 30, 15),
    " 2017-06-01T12:30:15 ": datetime(2017, 6, 1, 12, 30, 15),
    "2017-06-01T12:30:15.5": datetime(2017, 6, 1, 12, 30, 15, 500_000),
    "2017-06-01T12:30:15.1234567": datetime(2017, 6, 1, 12, 30, 15, 123_456),
    "1970-01-01": datetime(1970, 1, 1),
    "1969-12-31": None,
    "2017-02-30": None,
    "2017-06-01T12": None,
    "2017-06-01T120000": None,
    "2017-06-01T12:30:60": None,
    "2017-06-01X12:30:00": None,
    "2017-06-01T12:30:00,5": None,
    "2017-06-01T12:30:00\0": None,
    "2017-W22-4": None,
    "12:30": None,
    "soon": None,
    "": None,
}
"""Spelling of a column without zones -> the time."""

ZONED_TIMES: Final[dict[str, datetime | None]] = {
    "2017-06-01T12:30:00Z": datetime(2017, 6, 1, 12, 30),
    "2017-06-01T12:30:00+02:00": datetime(2017, 6, 1, 10, 30),
    "2017-06-01 12:30:00.25+02": datetime(2017, 6, 1, 10, 30, 0, 250_000),
    "2017-06-01T00:30-0930": datetime(2017, 6, 1, 10, 0),
    "2017-06-01T12:30:00 +02:00": None,
}
"""Spelling of a column with zones -> the time in UTC."""
