"""The windows of a training job: who fits, ranks, calibrates and tests is told by time alone, never drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import duckdb
import numpy as np

from mersalg.errors import DataError
from mersalg_training.config import SplitConfig
from mersalg_training.data.timeline import Float64

Window = Literal["fit", "rank", "calibrate", "test"]

MIN_DAYS: Final = 5
"""A shorter history has no windows worth the name."""
SHARES: Final[dict[str, float]] = {"rank": 0.15, "calibrate": 0.10, "test": 0.10}
"""Of the span or of the orders, where the configuration gives no days."""
UNEVEN: Final = 1.6
"""Times that a window's share of the orders may be above or below its share of the days."""
DAY: Final = timedelta(days=1)
EPOCH: Final = datetime(1970, 1, 1)


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
        result: dict[Window, tuple[datetime, datetime]] = {
            "fit": (self.fit_from, self.rank_from),
            "rank": (self.rank_from, self.calibrate_from),
            "calibrate": (self.calibrate_from, self.test_from),
        }
        return result if self.test_from == self.to else {**result, "test": (self.test_from, self.to)}

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


def split_windows(first: datetime, last: datetime, config: SplitConfig, order_days: Float64 | None = None) -> Windows:
    """The windows of a history from its first to its last order, in whole days.

    The last day counts whole. A window without configured days takes its share of the span; where that is far from
    its share of the orders (`unevenness`), all such windows take their shares of the orders instead.
    order_days: (n,) days since 1970-01-01 of all orders, in any order; None = the span alone decides.
    DataError if there are fewer than MIN_DAYS days, or if the windows leave none to fit.
    """
    start, to = midnight(first), midnight(last) + DAY
    span = (to - start).days
    if span < MIN_DAYS:
        raise DataError(
            f"split: expected orders of at least {MIN_DAYS} days, got {span} ({start:%Y-%m-%d} to {last:%Y-%m-%d})"
        )
    given = given_days(config)
    windows = windows_of(start, to, {name: span_share(span, name) if n is None else n for name, n in given.items()})
    if order_days is not None and unevenness(windows, config, order_days) is not None:
        windows = windows_of(start, to, lengths_by_orders(to, given, order_days))
    return windows


def given_days(config: SplitConfig) -> dict[str, int | None]:
    """The configured days of each window, the latest first."""
    return {"test": config.test_days, "calibrate": config.calibrate_days, "rank": config.rank_days}


def windows_of(start: datetime, to: datetime, length: dict[str, int]) -> Windows:
    """The windows of these days; DataError if they leave none to fit."""
    span, taken = (to - start).days, sum(length.values())
    if taken >= span:
        asked = ", ".join(f"{name} {length[name]}" for name in SHARES)
        raise DataError(
            f"split: the windows take {taken} days ({asked}) of a history of {span} and leave none to fit; give at "
            f"least {taken + 1} days of orders, or set split.rank_days, split.calibrate_days, split.test_days lower"
        )
    test_from = to - length["test"] * DAY
    calibrate_from = test_from - length["calibrate"] * DAY
    return Windows(start, calibrate_from - length["rank"] * DAY, calibrate_from, test_from, to)


def unevenness(windows: Windows, config: SplitConfig, order_days: Float64) -> str | None:
    """Which window without configured days is the farthest from its share of the orders; None where each is near it.

    order_days as in `split_windows`. Near: at most UNEVEN times the share, and at least one over UNEVEN of it.
    """
    days = given_days(config)
    held = {
        name: float(np.mean((order_days >= to_day(first)) & (order_days < to_day(end))))
        for name, (first, end) in windows.bounds().items()
        if name != "fit" and days[name] is None
    }
    off = {name: max(share / SHARES[name], SHARES[name] / max(share, 1e-9)) for name, share in held.items()}
    worst = max(off, key=lambda name: off[name], default=None)
    if worst is None or off[worst] <= UNEVEN:
        return None
    return f"{held[worst]:.0%} of the orders lie in the {SHARES[worst]:.0%} of the days of the window {worst}"


def lengths_by_orders(to: datetime, given: dict[str, int | None], order_days: Float64) -> dict[str, int]:
    """The days of each window, from the end: those given, else the fewest that hold its share of the orders.

    A window starts on the day after an order, so that what is known before it is as fresh as a shop's last order. Where
    orders come in bursts, as at month ends, it starts between two of them: it is widened until the day of orders before
    it is at least half of the usual pause away.
    """
    ordered = np.sort(np.floor(order_days))
    burst = np.unique(ordered)
    pause = np.diff(burst, prepend=-np.inf)
    burst = burst[pause >= np.median(pause) / 2.0]
    result: dict[str, int] = {}
    end = to_day(to)
    for name, days in given.items():
        left = ordered[ordered < end]
        few = max(1, round(SHARES[name] * len(ordered)))
        first = left[-few] if few <= len(left) else end - 1.0
        first = max(burst[burst <= first], default=first)
        before = left[left < first]
        start = before[-1] + 1.0 if len(before) else first
        result[name] = int(end - start) if days is None else days
        end -= result[name]
    return result


def read_order_days(connection: duckdb.DuckDBPyConnection) -> Float64:
    """(n_orders,) days since 1970-01-01 of the orders of the table `lines`."""
    result = connection.execute(
        "SELECT epoch(min(ordered_at)) / 86400.0 AS day FROM lines GROUP BY order_id"
    ).fetchnumpy()
    return np.asarray(result["day"], dtype=np.float64)


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


def span_share(span: int, window: str) -> int:
    """So many days of the span as the window's share, and at least one."""
    return max(1, round(span * SHARES[window]))


def to_day(time: datetime) -> float:
    """Days since 1970-01-01 of a time without a zone."""
    return (time - EPOCH) / DAY


def midnight(time: datetime) -> datetime:
    """The start of the day."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0)
