"""Times as a ledger keeps them: whole microseconds since 1970 in UTC; a time without a zone is taken as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1)
MICROSECOND: Final = timedelta(microseconds=1)


def plain(time: datetime) -> datetime:
    """The time in UTC, without a zone."""
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def to_micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (plain(time) - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The time, without a zone."""
    return EPOCH + timedelta(microseconds=micros)
