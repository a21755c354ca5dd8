"""Node reads every request as Python does, and refuses the same field."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import numpy as np

from mersalg import RequestError
from mersalg.requests import read_mapping
from web.runtimes import HERE

WRONG = (
    None, True, False, 0, -1, 1.5, 10**9 + 1, "", "x", "a\0b", "\ud800", "2017-06-01", "2017-06-01T00:00:00Z", [], {},
    ["x"], [1], [""], [None], ["\udc00x"], [{}], ["add-on"], ["cart"], [[]], "cart", "value", "add-on",
)  # fmt: skip
ZONES = ("", "", "", "Z", "+00:00", "-05:00", "+0530", "+14", "+24:00", "-23:59", "z", "+5")
FIELDS = ("request_id", "cart", "history", "at", "moment", "kinds", "limit", "exclude", "only", "order", "basket")
Json = dict[str, Any]


def in_python(request: Any) -> Json:
    """What the loader makes of a request, or the field that it refuses."""
    try:
        read = read_mapping(request)
    except RequestError as error:
        return {"refused": error.field}
    return {
        "request_id": read.request_id,
        "cart": read.cart,
        "history": read.history,
        "history_age_days": read.history_age_days.tolist(),
        "history_quantity": read.history_quantity.tolist(),
        "exclude": read.exclude,
        "only": read.only,
        "moment": read.moment,
        "kinds": list(read.kinds),
        "limit": read.limit,
        "by_value": read.by_value,
        "by_moment": read.by_moment,
    }


def in_node(node: list[str], requests: list[Any]) -> list[Json]:
    """The same of many requests in Node."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    command = [*node, str(HERE / "read.mjs")]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_read_alike(node: list[str], requests: list[Any]) -> list[Json]:
    expected, got = [in_python(request) for request in requests], in_node(node, requests)
    assert len(got) == len(expected)
    for request, there, here in zip(requests, got, expected, strict=True):
        assert there == here, request
    return expected


def some_time(random: np.random.Generator) -> str:
    """A time in one of the spellings, at times of no day; none (24:00) on which Pythons differ."""
    year, month, day = random.integers(1, 10_000) if random.random() < 0.1 else 2017, random.integers(1, 14), 29
    if random.random() < 0.8:
        month, day = random.integers(1, 13), random.integers(1, 31)
    dash, colon = ("-", ":") if random.random() < 0.8 else ("", "")
    date = f"{year:04}{dash}{month:02}{dash}{day:02}"
    hour, minute, second = random.choice((*range(24), 25)), random.integers(0, 61), random.integers(0, 61)
    clock = [f"{hour:02}", f"{hour:02}{colon}{minute:02}", f"{hour:02}{colon}{minute:02}{colon}{second:02}"]
    if random.random() < 0.1:
        return date
    fraction = "." + "".join(map(str, random.integers(0, 10, int(random.integers(1, 10)))))
    time = str(random.choice([*clock, clock[-1] + fraction, clock[-1] + fraction.replace(".", ",")]))
    return date + str(random.choice(("T", " "))) + time + str(random.choice(ZONES))


def test_times_are_read_to_the_last_bit_of_an_age(node: list[str]) -> None:
    random = np.random.default_rng(11)
    requests = []
    for _ in range(4000):
        line = {"product_id": "milk", "ordered_at": some_time(random)}
        zoned = re.search(r"[T ].*[Zz+-]", line["ordered_at"]) is not None
        zone = "Z" if zoned != (random.random() < 0.1) else ""
        requests.append({"history": [line], "at": f"2018-03-04T05:06:07.891011{zone}"})
    expected = assert_read_alike(node, requests)
    kept = [answer for answer in expected if answer.get("history")]
    assert len(kept) > 500
    assert len({answer.get("refused") for answer in expected}) == 3  # read, the line's time, the zones


def test_a_wrong_field_is_the_same_field(node: list[str]) -> None:
    requests: list[Any] = [*WRONG, *({field: value} for field in FIELDS for value in WRONG)]
    good = {"product_id": "milk", "ordered_at": "2017-06-01T00:00:00", "quantity": 2, "unit_price": 0.5}
    for value in WRONG:
        requests += [{"history": [good, value]}, {"history": [value, good]}]
        requests += [{"history": [good, {**good, name: value}], "at": "2018-01-01"} for name in good]
        requests += [{"history": [{k: v for k, v in good.items() if k != name}], "at": value} for name in good]
    expected = assert_read_alike(
        node, [request for request in requests if "history" not in str(request) or at(request)]
    )
    assert len({answer.get("refused") for answer in expected}) > 20


def at(request: Any) -> bool:
    """Whether the ages do not depend on the clock."""
    return not isinstance(request, dict) or request.get("at") is not None or not isinstance(request["history"], list)


def test_many_wrong_fields_are_refused_by_the_same_first(node: list[str]) -> None:
    random = np.random.default_rng(12)

    def value() -> Any:
        return WRONG[int(random.integers(len(WRONG)))]

    requests = []
    for _ in range(4000):
        chosen = [FIELDS[i] for i in random.choice(len(FIELDS) - 1, int(random.integers(1, 6)), replace=False)]
        line = {"product_id": "milk", "ordered_at": some_time(random), "quantity": 1}
        wrong = {name: value() for name in line if random.random() < 0.3}
        requests.append(
            {"at": "2018-01-01", **{name: value() for name in chosen}, "history": [line, {**line, **wrong}]}
        )
        if requests[-1]["at"] is None:
            del requests[-1]["history"]
    expected = assert_read_alike(node, requests)
    assert len({answer.get("refused") for answer in expected}) > 15


def test_the_latest_lines_are_the_same_lines(node: list[str]) -> None:
    random = np.random.default_rng(13)
    requests = []
    for n in (999, 1000, 1001, 1500, 3000):
        days = random.integers(1, 30, n).tolist()
        history = [
            {"product_id": f"p{i}", "ordered_at": f"2017-06-{day:02}", "quantity": int(random.integers(-1, 4))}
            for i, day in enumerate(days)
        ]
        requests.append({"history": history, "at": "2017-06-20T12:00:00"})
    expected = assert_read_alike(node, requests)
    assert max(len(answer["history"]) for answer in expected) == 1000
