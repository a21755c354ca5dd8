"""The windows of a training job: who fits, ranks, calibrates and tests is told by time alone, never drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import duckdb

from mersalg.errors import DataError
from mersalg_training.config import SplitConfig

Window = Literal["fit", "rank", "calibrate", "test"]

MIN_DAYS: Final = 10
"""A shorter history has no windows worth the name."""
SHARES: Final[dict[str, float]] = {"rank": 0.15, "calibrate": 0.10, "test": 0.10}
"""Of the span, where the configuration gives no days."""
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Windows:
    """Where each window starts, at midnight; it ends where the next one starts, and the last one before `to`.

    Counts and factors come from fit_from to rank_from, the ranker's carts from rank_from to calibrate_from. Without a
    test window test_from equals `to`. Times have no zone.
    """

    fit_from: datetime
    rank_from: datetime
    calibrate_from: datetime
    test_from: datetime
    to: datetime

    def bounds(self) -> dict[Window, tuple[datetime, datetime]]:
        """Start and exclusive end of each window, the earliest first; test only where there is one."""
        found: dict[Window, tuple[datetime, datetime]] = {
            "fit": (self.fit_from, self.rank_from),
            "rank": (self.rank_from, self.calibrate_from),
            "calibrate": (self.calibrate_from, self.test_from),
        }
        return found if self.test_from == self.to else {**found, "test": (self.test_from, self.to)}

    def to_json(self) -> dict[str, str]:
        """The five times in ISO 8601, as the manifest holds them."""
        return {name: time.isoformat() for name, time in asdict(self).items()}


@dataclass(frozen=True)
class WindowSize:
    """How much lies in a window."""

    window: Window
    start: datetime
    end: datetime
    """Exclusive."""
    lines: int
    orders: int
    customers: int


def split_windows(first: datetime, last: datetime, config: SplitConfig) -> Windows:
    """The windows of a history from its first to its last order, in whole days.

    The last day counts whole. DataError if there are fewer than MIN_DAYS days, or if the windows leave none to fit.
    """
    start, to = midnight(first), midnight(last) + DAY
    span = (to - start).days
    if span < MIN_DAYS:
        raise DataError(
            f"split: expected orders of at least {MIN_DAYS} days, got {span} ({start:%Y-%m-%d} to {last:%Y-%m-%d})"
        )
    days = {"rank": config.rank_days, "calibrate": config.calibrate_days, "test": config.test_days}
    length = {name: share_of(span, SHARES[name]) if given is None else given for name, given in days.items()}
    taken = sum(length.values())
    if taken >= span:
        asked = ", ".join(f"{name} {count}" for name, count in length.items())
        raise DataError(
            f"split: the windows take {taken} days ({asked}) of a history of {span} and leave none to fit; give at "
            f"least {taken + 1} days of orders, or set split.rank_days, split.calibrate_days, split.test_days lower"
        )
    test_from = to - length["test"] * DAY
    calibrate_from = test_from - length["calibrate"] * DAY
    return Windows(start, calibrate_from - length["rank"] * DAY, calibrate_from, test_from, to)


def window_sizes(connection: duckdb.DuckDBPyConnection, windows: Windows) -> list[WindowSize]:
    """What of the table `lines` lies in each window, the earliest first; DataError names a window without orders."""
    sizes = []
    for window, (start, end) in windows.bounds().items():
        lines, orders, customers = connection.execute(
            """
            SELECT count(*), count(DISTINCT order_id), count(DISTINCT customer_id)
            FROM lines WHERE ordered_at >= $1 AND ordered_at < $2
            """,
            [start, end],
        ).fetchall()[0]
        if not orders:
            raise DataError(
                f"split: no order lies in the window {window}, {start:%Y-%m-%d} to {end - DAY:%Y-%m-%d}; "
                f"set split.{'rank' if window == 'fit' else window}_days so that it reaches some"
            )
        sizes.append(WindowSize(window, start, end, lines, orders, customers))
    return sizes


def share_of(span: int, share: float) -> int:
    """So many days of the span, and at least one."""
    return max(1, round(span * share))


def midnight(time: datetime) -> datetime:
    """The start of the day."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0)
