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
EPOCH: Final = datetime(1970, 1, 1)
MICROSECOND: Final = timedelta(microseconds=1)
EXACT: Final = 2**53
"""Whole numbers below it are exact in float64; so many microseconds are 285 years."""
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


def read_times(times: Sequence[Any]) -> tuple[npt.NDArray[np.int64], bool]:
    """(n_lines,) microseconds from 1970 to each ordered_at of a history, and whether the times have a zone."""
    for start in (EPOCH, EPOCH.replace(tzinfo=UTC)):
        try:
            return micros_between(start, times), start.tzinfo is not None
        except (TypeError, AttributeError, ValueError, OverflowError):
            pass  # of the other sort, a text or a wrong value: read each below, and name the wrong one
    if set(map(type, times)) != {str}:
        return read_any(times, range(len(times)))
    first: dict[str, int] = {}  # the lines of an order have one text
    for position, text in enumerate(times):
        first.setdefault(text, position)
    micros, zoned = read_any(list(first), first.values())
    return laid_out(first, micros.tolist(), times), zoned


def read_any(times: Sequence[Any], positions: Iterable[int]) -> tuple[npt.NDArray[np.int64], bool]:
    """As `read_times`, of times of any sort, at positions of a history by which a refusal names them."""
    places = [f"history[{position}].ordered_at" for position in positions]
    read = [read_time(value, place) for value, place in zip(times, places, strict=True)]
    zoned = read[0].tzinfo is not None
    for value, time, place in zip(times, read, places, strict=True):
        if (time.tzinfo is not None) != zoned:
            raise RequestError(place, zone_like(zoned), value)
    return micros_between(EPOCH, [time.replace(tzinfo=None) for time in read]), zoned


def micros_between(start: datetime, times: Sequence[Any]) -> npt.NDArray[np.int64]:
    """(n_lines,) microseconds from `start` to each time; what is shorter than one counts as one."""
    # Equal times of a zone may lie an hour apart, where clocks are put back; else the lines of an order have one time.
    once = times if start.tzinfo is not None else dict.fromkeys(times)
    before = map(timedelta.__floordiv__, map(operator.sub, repeat(start), once), repeat(MICROSECOND))
    if once is times:
        return -np.fromiter(before, dtype=np.int64, count=len(times))
    return -laid_out(once, before, times)


def laid_out(once: Iterable[Any], micros: Iterable[int], times: Sequence[Any]) -> npt.NDArray[np.int64]:
    """(n_lines,) the number of each time; once: the times without those that come again, with their numbers."""
    of_time = dict(zip(once, micros, strict=True))
    return np.fromiter(map(of_time.__getitem__, times), dtype=np.int64, count=len(times))


def days_until(at: datetime | None, micros: npt.NDArray[np.int64], *, zoned: bool | None) -> npt.NDArray[np.float64]:
    """(n_lines,) days from what `read_times` gave to `at`, which `read_time` gave; negative in the future.

    None is now. RequestError where the one has a zone and the others have none, or the other way round.
    """
    if at is None:
        at = datetime.now(UTC)
    elif zoned is not None and (at.tzinfo is not None) != zoned:
        raise RequestError("at", zone_like(zoned), at)
    since = (at.replace(tzinfo=None) - EPOCH) // MICROSECOND - micros
    if len(since) and max(since.max(), -since.min()) >= EXACT:
        return np.array([one / 1_000_000 for one in since.tolist()]) / SECONDS_A_DAY
    return since / 1e6 / SECONDS_A_DAY


def zone_like(zoned: bool, other: str = "history[0].ordered_at has") -> str:
    """The words of a refusal to mix times with and without a time zone."""
    return f"a time {'with' if zoned else 'without'} a time zone, as {other}{'' if zoned else ' none'}"
