from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import duckdb
import numpy as np
import pytest

from mersalg.errors import DataError
from mersalg_training.config import SplitConfig
from mersalg_training.data.split import Windows, read_order_days, split_windows, to_day, window_sizes
from mersalg_training.data.timeline import Float64

FIRST = datetime(2024, 1, 1, 9, 30)


def split(days: int, **given: int) -> Windows:
    """The windows of a history of so many days, whose last order is late on its last day."""
    last = datetime(2024, 1, 1, 23, 59) + timedelta(days=days - 1)
    return split_windows(
        FIRST, last, SplitConfig.model_validate({f"{name}_days": count for name, count in given.items()})
    )


def lengths(windows: Windows) -> dict[str, int]:
    return {name: (end - start).days for name, (start, end) in windows.bounds().items()}


def test_without_days_each_window_takes_its_share_of_the_span() -> None:
    assert lengths(split(100)) == {"fit": 65, "rank": 15, "calibrate": 10, "test": 10}


def test_given_days_count_from_the_end() -> None:
    windows = split(100, test=7, calibrate=14, rank=21)
    assert lengths(windows) == {"fit": 58, "rank": 21, "calibrate": 14, "test": 7}
    assert windows.to == datetime(2024, 1, 1) + timedelta(days=100)


def test_windows_start_at_midnight_touch_and_reach_past_the_last_order() -> None:
    windows = split(40)
    bounds = list(windows.bounds().values())
    assert bounds[0][0] == datetime(2024, 1, 1)
    assert all(end == start for (_, end), (start, _) in pairwise(bounds))
    assert windows.to == datetime(2024, 2, 10)


def test_no_test_days_hold_nothing_back() -> None:
    windows = split(100, test=0)
    assert windows.test_from == windows.to
    assert lengths(windows) == {"fit": 75, "rank": 15, "calibrate": 10}


@pytest.mark.parametrize("days", range(5, 40))
def test_no_window_is_ever_empty(days: int) -> None:
    assert min(lengths(split(days)).values()) >= 1
    assert sum(lengths(split(days)).values()) == days


def test_a_history_of_less_than_five_days_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least 5 days, got 4 \(2024-01-01 to 2024-01-04\)"):
        split(4)


def test_windows_that_leave_nothing_to_fit_are_refused_with_the_days_needed() -> None:
    with pytest.raises(
        DataError, match=r"take 60 days \(rank 20, calibrate 20, test 20\) of a history of 60.*\s61 days"
    ):
        split(60, rank=20, calibrate=20, test=20)
    assert lengths(split(61, rank=20, calibrate=20, test=20))["fit"] == 1


def days_of(*orders: tuple[int, int]) -> Float64:
    """Days since 1970-01-01 of orders at noon: (day of the history, how many)."""
    start = (datetime(2024, 1, 1, 12) - datetime(1970, 1, 1)) / timedelta(days=1)
    return np.concatenate([np.full(n, start + day) for day, n in orders])


def split_by(orders: Float64, days: int = 100, **given: int) -> Windows:
    last = datetime(2024, 1, 1, 23, 59) + timedelta(days=days - 1)
    config = SplitConfig.model_validate({f"{name}_days": count for name, count in given.items()})
    return split_windows(FIRST, last, config, orders)


def test_steady_orders_leave_the_windows_as_they_are_by_days() -> None:
    assert split_by(days_of(*((day, 7) for day in range(100)))) == split(100)


def test_a_shop_that_grows_gets_windows_by_orders() -> None:
    # Nine orders of ten fall into the last twenty days: by days the ranker would see none of them.
    orders = days_of(*((day, 1) for day in range(80)), *((day, 36) for day in range(80, 100)))
    assert lengths(split_by(orders)) == {"fit": 90, "rank": 4, "calibrate": 3, "test": 3}
    shares = [np.mean((orders >= to_day(start)) & (orders < to_day(end))) for start, end in bounds(split_by(orders))]
    assert shares[1:] == pytest.approx([0.15, 0.10, 0.10], abs=0.05)


def bounds(windows: Windows) -> list[tuple[datetime, datetime]]:
    return list(windows.bounds().values())


def test_a_shop_that_shrinks_gets_wider_windows() -> None:
    orders = days_of(*((day, 50) for day in range(50)), *((day, 1) for day in range(50, 100)))
    assert lengths(split_by(orders))["test"] > 10


def test_a_window_of_monthly_orders_starts_on_the_day_after_an_order() -> None:
    months = days_of((0, 500), *((30 * month, 50) for month in range(1, 10)))
    windows = split_by(months, days=271)
    first = datetime(2024, 1, 1)
    assert [(time - first).days % 30 for time in (windows.rank_from, windows.calibrate_from, windows.test_from)] == [
        1
    ] * 3


def test_a_burst_of_orders_is_not_cut_in_two() -> None:
    # Month ends of two days each, most orders on the second.
    months = days_of((0, 500), *((30 * month + late, 10 + 40 * late) for month in range(1, 10) for late in (0, 1)))
    windows = split_by(months, days=272)
    first = datetime(2024, 1, 1)
    starts = (windows.rank_from, windows.calibrate_from, windows.test_from)
    assert [(time - first).days % 30 for time in starts] == [2] * 3


def test_configured_days_stay_where_orders_are_uneven() -> None:
    orders = days_of(*((day, 1) for day in range(80)), *((day, 36) for day in range(80, 100)))
    found = lengths(split_by(orders, test=0, rank=20))
    assert found["rank"] == 20
    assert "test" not in found
    assert found["calibrate"] < 10


def test_orders_of_two_days_leave_nothing_to_fit() -> None:
    with pytest.raises(DataError, match="leave none to fit"):
        split_by(days_of((0, 5), (99, 5)))


def test_windows_are_json_as_in_the_manifest() -> None:
    assert split(100).to_json() == {
        "fit_from": "2024-01-01T00:00:00",
        "rank_from": "2024-03-06T00:00:00",
        "calibrate_from": "2024-03-21T00:00:00",
        "test_from": "2024-03-31T00:00:00",
        "to": "2024-04-10T00:00:00",
    }


def database(*days: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE lines (customer_id VARCHAR, order_id VARCHAR, ordered_at TIMESTAMP)")
    for order, day in enumerate(days):
        connection.execute(
            "INSERT INTO lines VALUES ('anna', $1, $2), (NULL, $1, $2)",
            [order, datetime(2024, 1, 1) + timedelta(days=day)],
        )
    return connection


def test_sizes_count_each_line_in_one_window_and_a_bound_in_the_later() -> None:
    sizes = window_sizes(database(0, 1, 65, 80, 90, 99), split(100))
    assert [(size.window, size.lines, size.orders, size.customers) for size in sizes] == [
        ("fit", 4, 2, 1),
        ("rank", 2, 1, 1),
        ("calibrate", 2, 1, 1),
        ("test", 4, 2, 1),
    ]


def test_a_window_without_orders_is_named() -> None:
    with pytest.raises(DataError, match=r"window calibrate, 2024-03-21 to 2024-03-30; set split\.calibrate_days"):
        window_sizes(database(0, 70, 99), split(100))


def test_the_days_of_orders_are_read_once_an_order() -> None:
    assert read_order_days(database(3, 9)).tolist() == [19723.0 + 3, 19723.0 + 9]
