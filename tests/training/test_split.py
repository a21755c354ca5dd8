from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import duckdb
import pytest

from mersalg.errors import DataError
from mersalg_training.config import SplitConfig
from mersalg_training.split import Windows, split_windows, window_sizes

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


@pytest.mark.parametrize("days", range(10, 40))
def test_no_window_is_ever_empty(days: int) -> None:
    assert min(lengths(split(days)).values()) >= 1
    assert sum(lengths(split(days)).values()) == days


def test_a_history_of_less_than_ten_days_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least 10 days, got 9 \(2024-01-01 to 2024-01-09\)"):
        split(9)


def test_windows_that_leave_nothing_to_fit_are_refused_with_the_days_needed() -> None:
    with pytest.raises(
        DataError, match=r"take 60 days \(rank 20, calibrate 20, test 20\) of a history of 60.*\s61 days"
    ):
        split(60, rank=20, calibrate=20, test=20)
    assert lengths(split(61, rank=20, calibrate=20, test=20))["fit"] == 1


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
