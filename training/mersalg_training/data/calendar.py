"""Times as days since 1970-01-01, and back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1)


def day_to_time(day: float) -> datetime:
    """Days since 1970-01-01 as a naive time, to the microsecond."""
    return EPOCH + timedelta(days=day)


def time_to_day(time: datetime) -> float:
    """A naive time as days since 1970-01-01."""
    return (time - EPOCH) / timedelta(days=1)
