"""Timestamps of a request: ages in days of history lines.

A naive timestamp is taken as it is; one with a time zone is turned into UTC. Within a request they are all of one
sort. Pure functions of their arguments, except that a missing `at` is the clock's.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mersalg.errors import RequestError

EXPECTED: Final = "a datetime or an ISO 8601 text such as '2017-06-01T12:30:00'"
SECONDS_A_DAY: Final = 86_400.0
FORM: Final = re.compile(
    r"\d{4}(?P<dash>-?)\d\d(?P=dash)\d\d"
    r"(?:[T ](?!24)\d\d(?:(?P<colon>:?)\d\d(?:(?P=colon)\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d(?::?[0-5]\d)?)?)?",
    re.ASCII,
)
"""The calendar dates of ISO 8601, alone or with a clock and a zone: as every client of a bundle reads them."""


def read_time(value: object, field: str) -> datetime:
    """A plain datetime: naive as it is, with a time zone in UTC. Subclasses (of pandas) lose their nanoseconds."""
    if isinstance(value, str):
        if FORM.fullmatch(value) is None:
            raise RequestError(field, EXPECTED, value)
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise RequestError(field, EXPECTED, value) from None
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if not isinstance(value, datetime) or value != value:  # noqa: PLR0124 - pandas' NaT is a datetime that is not itself
        raise RequestError(field, EXPECTED, value)
    if type(value) is not datetime:
        value = datetime.combine(value.date(), value.time(), tzinfo=value.tzinfo)
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise RequestError(field, "a time whose UTC lies in the years 1 to 9999", value) from None


def days_between(at: datetime | None, times: Sequence[Any]) -> npt.NDArray[np.float64]:
    """(n_lines,) days from each ordered_at of a history to `at`; negative in the future. None is now.

    `at` has gone through `read_time`; the times have not.
    """
    try:
        days = in_days(at or datetime.now(UTC).replace(tzinfo=None), times, plain=False)
        if np.isfinite(days).all():
            return days
    except (TypeError, AttributeError, ValueError, OverflowError):
        pass  # a text, a time zone or a wrong value: read each below, and name the wrong one
    if set(map(type, times)) != {str}:
        return days_of_any(at, times, range(len(times)))
    once = list(dict.fromkeys(times))  # the lines of an order have one text
    first = dict(zip(reversed(times), range(len(times) - 1, -1, -1), strict=True))
    days_of = dict(zip(once, days_of_any(at, once, map(first.__getitem__, once)).tolist(), strict=True))
    return np.fromiter(map(days_of.__getitem__, times), dtype=np.float64, count=len(times))


def days_of_any(at: datetime | None, times: Sequence[Any], positions: Iterable[int]) -> npt.NDArray[np.float64]:
    """The days of `days_between` for times of any sort, at positions of a history by which a refusal names them."""
    places = [f"history[{position}].ordered_at" for position in positions]
    read = [read_time(value, place) for value, place in zip(times, places, strict=True)]
    aware = read[0].tzinfo is not None
    for value, time, place in zip(times, read, places, strict=True):
        if (time.tzinfo is not None) != aware:
            raise RequestError(place, zone_like(aware, places[0]), value)
    if at is None:
        at = datetime.now(UTC) if aware else datetime.now(UTC).replace(tzinfo=None)
    if (at.tzinfo is not None) != aware:
        raise RequestError("at", zone_like(aware, places[0]), at)
    return in_days(at, read, plain=True)


def in_days(at: datetime, times: Sequence[Any], *, plain: bool) -> npt.NDArray[np.float64]:
    """(n_lines,) days from each time to `at`; whether all are naive or in UTC is known where they are plain."""
    if at.tzinfo is not None and not plain:  # equal times of a zone may lie an hour apart, where clocks are put back
        return np.fromiter(seconds_between(at, times), dtype=np.float64, count=len(times)) / SECONDS_A_DAY
    once = list(dict.fromkeys(times))  # the lines of an order have one time
    seconds = dict(zip(once, seconds_between(at, once), strict=True))
    return np.fromiter(map(seconds.__getitem__, times), dtype=np.float64, count=len(times)) / SECONDS_A_DAY


def seconds_between(at: datetime, times: Iterable[Any]) -> Iterable[float]:
    """The seconds from each time to `at`."""
    return map(timedelta.total_seconds, map(operator.sub, repeat(at), times))


def zone_like(aware: bool, other: str) -> str:
    """The words of a refusal to mix times with and without a time zone."""
    return f"a time {'with' if aware else 'without'} a time zone, as {other} has" + ("" if aware else " none")
