"""A customer's history, read once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mersalg import MersalgError, Recommender, RequestError, load
from mersalg.customer import read_customer
from mersalg.requests import Request, read_request
from toy_bundle import write_bundle

AT = datetime(2017, 6, 1, 12)
FORMS: dict[str, Callable[[datetime], Any]] = {
    "datetime": lambda time: time,
    "text": datetime.isoformat,
    "with a zone": lambda time: time.replace(tzinfo=UTC),
    "pandas": pd.Timestamp,
}


def drawn_lines(n: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Lines from 400 days before AT to 40 days behind it; some are returns, some share a time, some have a price."""
    return [
        {
            "product_id": f"p{random.integers(n)}",
            "ordered_at": AT - timedelta(microseconds=int(random.integers(-40, 400)) * 86_399_999_983),
            "quantity": float(random.choice([-1.0, 0.0, 0.5, 1.0, 3.0])),
            "unit_price": random.choice([None, 1.5, 20.0]),
        }
        for _ in range(n)
    ]


def worked_out(lines: Sequence[dict[str, Any]], at: datetime) -> tuple[list[str], list[float], list[float], list[Any]]:
    """What counts of the lines at a time, line by line."""
    used = [
        (line["product_id"], (at - line["ordered_at"]).total_seconds() / 86_400.0, line["quantity"], line["unit_price"])
        for line in lines
        if line["ordered_at"] <= at and line["quantity"] > 0
    ]
    latest = sorted(range(len(used)), key=lambda place: (used[place][1], -place))[:1000]
    ids, ages, quantities, prices = zip(*(used[place] for place in sorted(latest)), strict=True)
    return list(ids), np.float32(ages).tolist(), np.float32(quantities).tolist(), list(prices)


def told(request: Request) -> tuple[list[str], list[float], list[float], Any]:
    ages, quantities = request.history_age_days.tolist(), request.history_quantity.tolist()
    return request.history, ages, quantities, request.history_unit_price


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [30, 4000])
def test_lines_count_at_any_time_as_if_they_were_read_then(form: str, n: int) -> None:
    write = FORMS[form]
    lines = drawn_lines(n, np.random.default_rng(n))
    written = [{**line, "ordered_at": write(line["ordered_at"])} for line in lines]
    customer = read_customer(written)
    for days in (-200.0, -0.123456, 0.0, 50.0, 200_000.0):
        at = AT + timedelta(days=days)
        asked_at = at.replace(tzinfo=UTC if form == "with a zone" else None)
        assert told(read_request(customer=customer, at=asked_at)) == worked_out(lines, at)
        assert told(read_request(history=written, at=asked_at)) == worked_out(lines, at)


def test_an_age_beyond_285_years_is_the_rounded_one() -> None:
    lines = [{"product_id": "a", "ordered_at": datetime(1, 1, 1, 0, 0, 0, 1)}]
    at = datetime(9999, 12, 31, 23, 59, 59, 999_998)
    days = (at - lines[0]["ordered_at"]).total_seconds() / 86_400.0  # type: ignore[operator]
    assert read_request(customer=read_customer(lines), at=at).history_age_days.tolist() == [np.float32(days)]


def test_lines_that_are_bought_stand_behind_those_of_before_and_change_nobody_else() -> None:
    lines = drawn_lines(60, np.random.default_rng(1))
    without = [{name: value for name, value in line.items() if name != "unit_price"} for line in lines]
    for first, more in ((lines[:20], lines[20:]), (lines[:20], without[20:]), (without[:20], lines[20:]), ([], lines)):
        customer = read_customer(first)
        before = told(read_request(customer=customer, at=AT))
        assert told(read_request(customer=customer.bought(more), at=AT)) == told(
            read_request(history=[*first, *more], at=AT)
        )
        assert told(read_request(customer=customer, at=AT)) == before
    assert customer.bought([]) is customer
    assert len(read_customer(lines)) == sum(line["quantity"] > 0 for line in lines)


def test_times_of_two_sorts_do_not_mix() -> None:
    line = {"product_id": "a", "ordered_at": "2017-05-01"}
    aware = {"product_id": "a", "ordered_at": "2017-05-01T00:00:00Z"}
    with pytest.raises(RequestError, match=r"^history\[0\].ordered_at: expected a time without .* those before"):
        read_customer([line]).bought([aware])
    with pytest.raises(RequestError, match=r"^at: expected a time with a time zone"):
        read_request(customer=read_customer([aware]), at=AT)
    returned = read_customer([{**aware, "quantity": -1}])
    with pytest.raises(RequestError, match=r"^at: expected a time with a time zone"):
        read_request(customer=returned, at=AT)
    assert told(read_request(customer=read_customer([]), at=AT)) == ([], [], [], [])


def test_a_customer_and_a_history_are_not_given_together(toy: Recommender) -> None:
    line = {"product_id": "milk", "ordered_at": "2017-05-01"}
    customer = toy.customer([line])
    with pytest.raises(MersalgError, match=r"^customer: expected none beside a history; .* got Customer\(1 lines\)"):
        toy.recommend(cart=["jam"], history=[line], customer=customer)
    with pytest.raises(RequestError, match=r"^request 2: customer: expected none beside a history"):
        toy.score([{"customer": customer, "history": None}, {"customer": customer, "history": iter([line])}])
    with pytest.raises(
        RequestError, match=r"^customer: expected what recommender.customer\(history\) gives, got 'anna'"
    ):
        toy.recommend(customer="anna")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=r"^history\[1\].product_id"):
        toy.customer([line, {**line, "product_id": 42}])


def test_a_customer_is_of_no_bundle(toy: Recommender, tmp_path: Path) -> None:
    lines = [{"product_id": "milk", "ordered_at": f"2017-05-0{day}"} for day in (1, 8)]
    customer = toy.customer(lines)
    other = load(write_bundle(tmp_path / "other"))
    request = {"kinds": ["more-of-same", "replacement", "cross-sell"], "at": AT}
    (wanted,) = other.score([{**request, "history": lines}], threshold=False)
    assert other.score([{**request, "customer": customer}], threshold=False) == [wanted]


def test_a_customer_cannot_be_changed() -> None:
    customer = read_customer(drawn_lines(5, np.random.default_rng(0)))
    with pytest.raises(AttributeError):
        customer.zoned = True  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        customer.micros[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        read_request(customer=customer, at=AT).history_quantity[0] = 9.0


def test_a_customer_is_asked_about_from_many_threads(toy: Recommender) -> None:
    lines = drawn_lines(2000, np.random.default_rng(3))
    customer = toy.customer(lines)
    times = [AT + timedelta(days=days) for days in range(-50, 50)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda at: told(read_request(customer=customer, at=at)), times))
    assert found == [worked_out(lines, at) for at in times]


def test_a_line_takes_about_the_memory_that_is_told() -> None:
    lines = [
        {
            "product_id": f"{1_000_000 + place}",
            "ordered_at": (AT - timedelta(days=place // 8)).isoformat(),
            "quantity": 1,
        }
        for place in range(800)
    ]
    customer = read_customer(json.loads(json.dumps(lines)))
    own = sum(map(sys.getsizeof, customer.product_ids)) + sys.getsizeof(customer.product_ids)
    taken = own + customer.micros.nbytes + customer.quantities.nbytes
    assert taken / len(customer) < 100
