"""Bare lookups answer what they are asked, from the same requests as the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mersalg


@pytest.mark.parametrize("lookup", ["item-item", "als", "scan"])
def test_a_lookup_gives_as_many_products_as_are_asked_for(place: Any, lookup: str) -> None:
    from contenders import CONTENDERS
    from request_file import read_requests

    ask = next(each for each in CONTENDERS if each.name == lookup).open(place)
    known = mersalg.load(place.bundle).names
    with_history = [r for r in read_requests(place.work / "requests.jsonl") if len(r["history"]) > 5]
    for request in with_history[:20]:
        found = ask(request)
        assert len(found) == request["limit"]
        assert len(set(found)) == len(found)
        assert set(found) <= set(known)


def test_requests_come_back_from_their_file(place: Any, tmp_path: Path) -> None:
    from request_file import read_requests, write_requests

    requests = read_requests(place.work / "requests.jsonl")
    write_requests(requests, tmp_path / "again.jsonl")
    assert read_requests(tmp_path / "again.jsonl") == requests
    assert {request["moment"] for request in requests} >= {"cart"}
