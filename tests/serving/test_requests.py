from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from mersalg import KINDS, MersalgError, Recommender, RequestError
from mersalg.requests import encode, read_mapping, read_request
from mersalg.times import read_time

AT = datetime(2017, 6, 1, 12)
LINE = {"product_id": "milk", "ordered_at": datetime(2017, 5, 31), "quantity": 2}


def test_every_input_has_the_type_and_padding_of_the_bundle_format() -> None:
    asked = read_request(cart=["a", "b"], history=[LINE, LINE], at=AT, moment="checkout", kinds=["upsell"], limit=4)
    feeds = encode(asked, threshold=False)
    assert {name: feed.tolist() for name, feed in feeds.items()} == {
        "cart": [["a", "b"]],
        "history": [["milk", "milk"]],
        "history_age_days": [[1.5, 1.5]],
        "history_quantity": [[2, 2]],
        "exclude": [[""]],
        "moment": [2],
        "kinds": [[False, False, True, False, False]],
        "limit": [4],
        "apply_threshold": [False],
        "only": [[""]],
        "by_value": [False],
        "by_moment": [False],
    }
    empty = encode(read_request(exclude=["x"], only=["y", "z"], order="value"))
    assert empty["by_moment"].tolist() == [True], "the kinds are left to the moment"
    assert (empty["cart"].tolist(), empty["history"].tolist()) == ([[""]], [[""]])
    assert (empty["history_age_days"].tolist(), empty["history_quantity"].tolist()) == ([[0]], [[0]])
    assert (empty["exclude"].tolist(), empty["only"].tolist()) == ([["x"]], [["y", "z"]])
    assert (empty["by_value"].tolist(), empty["apply_threshold"].tolist()) == ([True], [True])
    types = ["O", "O", "float32", "float32", "O", "int64", "bool", "int64", "bool", "O", "bool", "bool"]
    for encoded in (feeds, empty):
        assert [feed.dtype for feed in encoded.values()] == [np.dtype(t) for t in types]


@pytest.mark.parametrize(
    ("at", "ordered_at"),
    [
        (AT, datetime(2017, 5, 31)),
        ("2017-06-01T12:00:00", "2017-05-31"),
        ("2017-06-01T12:00:00Z", "2017-05-31T02:00:00+02:00"),
        (AT.replace(tzinfo=UTC), datetime(2017, 5, 30, 19, tzinfo=timezone(timedelta(hours=-5)))),
        (pd.Timestamp(AT), pd.Timestamp("2017-05-31")),
        (AT, pd.Timestamp("2017-05-31")),
        (AT, np.datetime64("2017-05-31", "us")),
        (np.datetime64(AT), np.datetime64("2017-05-31", "ns")),
        (pd.Timestamp(AT, tz="UTC"), "2017-05-31T00:00:00Z"),
    ],
)
def test_every_way_to_write_a_time_gives_the_same_age(at: object, ordered_at: object) -> None:
    request = read_request(history=[{**LINE, "ordered_at": ordered_at}], at=at)  # type: ignore[arg-type]
    assert request.history_age_days.tolist() == [1.5]


def test_an_age_across_a_change_of_the_clock_is_counted_in_utc() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    line = {**LINE, "ordered_at": datetime(2017, 3, 25, 12, tzinfo=berlin)}
    request = read_request(history=[line], at=datetime(2017, 3, 26, 12, tzinfo=berlin))
    assert request.history_age_days[0] == pytest.approx(23 / 24)


def test_now_is_taken_in_the_historys_own_sort_of_time() -> None:
    now = datetime.now(UTC)
    for ordered_at in (now - timedelta(days=1), (now - timedelta(days=1)).replace(tzinfo=None)):
        request = read_request(history=[{**LINE, "ordered_at": ordered_at}])
        assert request.history_age_days[0] == pytest.approx(1, abs=1e-3)


def test_times_with_and_without_a_zone_do_not_mix() -> None:
    aware = {**LINE, "ordered_at": "2017-05-31T00:00:00Z"}
    with pytest.raises(RequestError, match=r"^history\[1\].ordered_at: expected a time without a time zone"):
        read_request(history=[LINE, aware], at=AT)
    with pytest.raises(RequestError, match=r"^at: expected a time with a time zone"):
        read_request(history=[aware], at=AT)


def test_a_line_at_the_very_moment_is_history() -> None:
    assert read_request(history=[{**LINE, "ordered_at": AT}], at=AT).history == ["milk"]


def test_a_missing_quantity_is_one() -> None:
    lines = [{"product_id": "milk", "ordered_at": AT}, {**LINE, "quantity": None}, {**LINE, "quantity": Decimal(3)}]
    assert read_request(history=lines, at=AT).history_quantity.tolist() == [1, 1, 3]


def test_lines_of_one_time_have_one_age_but_for_the_hour_that_comes_twice() -> None:
    times = [datetime(2017, 5, 31), datetime(2017, 5, 30), datetime(2017, 5, 31)]
    for form in (lambda time: time, datetime.isoformat, lambda time: time.isoformat() + "Z"):
        lines = [{**LINE, "ordered_at": form(time)} for time in times]
        ages = read_request(history=lines, at=form(AT)).history_age_days
        assert ages.tolist() == [1.5, 2.5, 1.5]
    berlin = ZoneInfo("Europe/Berlin")
    twice = [datetime(2017, 10, 29, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1)]
    assert twice[0] == twice[1]
    lines = [{**LINE, "ordered_at": time} for time in twice]
    ages = read_request(history=lines, at=datetime(2017, 10, 30, tzinfo=UTC)).history_age_days * 24
    assert ages.tolist() == pytest.approx([23.5, 22.5])


@pytest.mark.parametrize(
    ("times", "at", "field"),
    [
        (["2017-05-30", "2017-05-30", "soon", "2017-05-30", "soon"], "2017-06-01", "history[2].ordered_at"),
        (["2017-05-30", "2017-05-30", "2017-05-29T00:00Z", "2017-05-29T00:00Z"], "2017-06-01", "history[2].ordered_at"),
        (["2017-05-30T00:00Z", "2017-05-30T00:00Z"], "2017-06-01", "at"),
    ],
)
def test_a_wrong_time_among_equal_ones_is_named_by_its_first_place(times: list[str], at: str, field: str) -> None:
    with pytest.raises(RequestError) as refusal:
        read_request(history=[{**LINE, "ordered_at": time} for time in times], at=at)
    assert refusal.value.field == field


def test_the_latest_thousand_lines_keep_their_order_and_of_one_time_the_later_stays() -> None:
    lines = [{**LINE, "product_id": f"p{number}"} for number in range(1003)]
    assert read_request(history=lines, at=AT).history == [f"p{number}" for number in range(3, 1003)]


def test_any_collection_of_ids_will_do() -> None:
    for cart in (["a", "b"], ("a", "b"), np.array(["a", "b"]), np.array(["a", "b"], dtype=object), iter("ab")):
        assert encode(read_request(cart=cart))["cart"].tolist() == [["a", "b"]]


WRONG = [
    ("request_id", {"request_id": 7}),
    ("cart", {"cart": "milk"}),
    ("cart", {"cart": 5}),
    ("cart", {"cart": {"milk": 1}}),
    ("cart[1]", {"cart": ["milk", 42]}),
    ("cart[0]", {"cart": [None]}),
    ("cart[0]", {"cart": [""]}),
    ("cart[0]", {"cart": ["mi\0lk"]}),
    ("cart[0]", {"cart": ["\ud800"]}),
    ("exclude[0]", {"exclude": [b"milk"]}),
    ("only", {"only": "milk"}),
    ("only[1]", {"only": ["milk", 42]}),
    ("only", {"only": ["milk"] * 513}),
    ("order", {"order": "margin"}),
    ("order", {"order": 1}),
    ("history", {"history": "milk"}),
    ("history", {"history": LINE}),
    ("history[0]", {"history": ["milk"]}),
    ("history[1].product_id", {"history": [LINE, {**LINE, "product_id": 42}]}),
    ("history[0].product_id", {"history": [{"ordered_at": AT}]}),
    ("history[0].ordered_at", {"history": [{"product_id": "milk"}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": "yesterday"}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": None}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": 1496275200}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": date(2017, 5, 31)}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": pd.NaT}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": timedelta(1)}]}),
    ("history[0].ordered_at", {"history": [{**LINE, "ordered_at": np.datetime64("NaT")}]}),
    ("history[1].quantity", {"history": [LINE, {**LINE, "quantity": float("nan")}]}),
    ("history[0].quantity", {"history": [{**LINE, "quantity": float("inf")}]}),
    ("history[0].quantity", {"history": [{**LINE, "quantity": 10**400}]}),
    ("history[0].quantity", {"history": [{**LINE, "quantity": 1e38}]}),
    ("history[0].quantity", {"history": [{**LINE, "quantity": "2"}]}),
    ("history[0].quantity", {"history": [{**LINE, "quantity": True}]}),
    ("at", {"at": 1496275200}),
    ("at", {"at": "soon"}),
    ("at", {"at": pd.NaT}),
    ("moment", {"moment": "browsing"}),
    ("moment", {"moment": None}),
    ("moment", {"moment": ["cart"]}),
    ("kinds", {"kinds": "upsell"}),
    ("kinds", {"kinds": 3}),
    ("kinds[1]", {"kinds": ["upsell", "downsell"]}),
    ("limit", {"limit": -1}),
    ("limit", {"limit": 2.5}),
    ("limit", {"limit": True}),
    ("limit", {"limit": None}),
    ("limit", {"limit": 2**40}),
    ("carts", {"carts": ["milk"]}),
]


@pytest.mark.parametrize(("field", "wrong"), WRONG, ids=[f"{field}-{n}" for n, (field, _) in enumerate(WRONG)])
def test_a_wrong_field_is_named(toy: Recommender, field: str, wrong: dict[str, object]) -> None:
    with pytest.raises(RequestError) as refusal:
        toy.score([{"at": AT, **wrong}])
    assert refusal.value.field == field
    assert str(refusal.value).startswith(
        f"request 1{' (request_id 7)' if field == 'request_id' else ''}: {field}: expected "
    )
    assert ", got " in str(refusal.value)


def test_the_wrong_one_of_many_requests_is_named(toy: Recommender) -> None:
    with pytest.raises(RequestError, match=r"^request 3 \(request_id 'c'\): limit: "):
        toy.score([{"request_id": "a"}, {"request_id": "b"}, {"request_id": "c", "limit": -1}])


def test_a_request_that_is_no_mapping_is_refused(toy: Recommender) -> None:
    with pytest.raises(RequestError, match=r"^request 1: request: expected a mapping"):
        toy.score(["milk"])  # type: ignore[list-item]


def test_a_batch_size_of_zero_is_refused(toy: Recommender) -> None:
    with pytest.raises(MersalgError, match="batch_size"):
        toy.score([], batch_size=0)


def test_so_many_ids_and_no_more_may_restrict_a_request() -> None:
    assert len(read_request(only=[f"p{number}" for number in range(512)]).only) == 512
    with pytest.raises(RequestError, match=r"^only: expected at most 512 product ids, got 513$"):
        read_request(only=[f"p{number}" for number in range(513)])


def test_the_order_is_by_relevance_and_nothing_is_restricted_where_nothing_is_said() -> None:
    for request in (read_request(), read_request(order=None, only=None), read_request(order="relevance", only=[])):
        assert (request.by_value, request.only) == (False, [])


def test_kinds_are_asked_for_by_their_position() -> None:
    for position, kind in enumerate(KINDS):
        assert read_request(kinds=[kind, kind]).kinds == tuple(place == position for place in range(5))


def nested(depth: int, wrap: Any = lambda value: [value]) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("depth", [5, 300, 987])
@pytest.mark.parametrize(
    "field", ["request_id", "cart", "history", "at", "moment", "kinds", "limit", "exclude", "only", "order", "shopper"]
)
def test_what_nests_deeply_is_refused_in_a_few_words(field: str, depth: int) -> None:
    values = [nested(depth), nested(depth, lambda value: {"x": value}), nested(min(depth, 987), lambda value: (value,))]
    for value in values:
        for request in ({field: value}, {field: [value]}, {field: [{"product_id": "x", "ordered_at": value}]}):
            with pytest.raises(RequestError) as refused:
                read_mapping(request)
            assert len(str(refused.value)) < 400


def test_a_refusal_is_short_whatever_came_in() -> None:
    million = "x" * 10**6
    for request in (
        {million: 1}, {nested(300, lambda value: (value,)): 1}, {"moment": million}, {"moment": [million] * 1000},
        {"limit": 10**5000}, {"limit": -(10**5000)}, {"order": {million: million}}, {"shopper": {million: 1}},
        {"shopper": {nested(300, lambda value: (value,)): 1}}, {"cart": [10**5000]},
    ):  # fmt: skip
        with pytest.raises(RequestError) as refused:
            read_mapping(request)
        assert len(str(refused.value)) < 400


TIMES = json.loads((Path(__file__).parents[1] / "web" / "times.json").read_text(encoding="utf-8"))
"""Texts of times: what is read, as which time, and what is refused; in Node, too."""


def test_every_spelling_of_a_time_is_that_time_and_what_is_no_time_is_refused() -> None:
    for text, time in TIMES["read"].items():
        assert read_time(text, "at").isoformat() == time, text
    for text in TIMES["refused"]:
        for request in ({"at": text}, {"history": [{"product_id": "milk", "ordered_at": text}]}):
            with pytest.raises(RequestError) as refused:
                read_mapping(request)
            assert refused.value.field in ("at", "history[0].ordered_at"), text
