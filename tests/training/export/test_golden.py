"""Claims: golden requests are made of products alone, cover what a shop sends, and are answered as written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mersalg
from mersalg import KINDS, MOMENTS
from mersalg_training.export.golden import GOLDEN
from small_shop import SmallShop


@pytest.fixture(scope="module")
def golden(trained_bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((trained_bundle / "golden.json").read_text(encoding="utf-8"))
    return found


def test_no_file_of_a_bundle_names_a_customer_or_an_order(trained_bundle: Path, small_shop: SmallShop) -> None:
    customers = {line.customer_id for line in small_shop.lines if line.customer_id is not None}
    orders = {line.order_id for line in small_shop.lines}
    for path in trained_bundle.iterdir():
        content = path.read_bytes()
        for private in (*customers, *orders):
            assert private.encode() not in content, f"{path.name} holds {private}"


def test_no_golden_history_is_a_customers(golden: dict[str, Any], small_shop: SmallShop) -> None:
    times = {line.ordered_at.isoformat() for line in small_shop.lines}
    bought: dict[str, list[str]] = {}
    for line in small_shop.lines:
        bought.setdefault(str(line.customer_id), []).append(line.product_id)
    histories = {tuple(products) for products in bought.values()}
    for request in golden["requests"]:
        assert {line["ordered_at"] for line in request["history"]}.isdisjoint(times)
        assert tuple(line["product_id"] for line in request["history"]) not in histories


def test_they_cover_every_moment_and_the_edges(golden: dict[str, Any]) -> None:
    requests = golden["requests"]
    assert len(requests) == len(golden["answers"]) == GOLDEN
    assert {request["moment"] for request in requests} == set(MOMENTS)
    assert any(not request["cart"] for request in requests)
    assert any("no-such-product" in request["cart"] for request in requests)
    assert any(len(set(request["cart"])) < len(request["cart"]) for request in requests)
    assert any(not request["history"] for request in requests)
    assert any(len(request["history"]) > 50 for request in requests)
    assert any(request["exclude"] for request in requests)
    assert {request["order"] for request in requests} == {"relevance", "value"}
    restricted = [answer for request, answer in zip(requests, golden["answers"], strict=True) if request["only"]]
    assert any(restricted)
    by_value = [
        answer for request, answer in zip(requests, golden["answers"], strict=True) if request["order"] == "value"
    ]
    assert any(offers != sorted(offers, key=lambda offer: -offer["score"]) for offers in by_value)
    assert any(request["kinds"] == list(KINDS) for request in requests)
    assert any(request["kinds"] is None for request in requests)


def test_some_answers_hold_offers_and_some_are_empty(golden: dict[str, Any]) -> None:
    assert any(golden["answers"])
    assert len({offer["kind"] for answer in golden["answers"] for offer in answer}) > 1


def test_the_loaded_bundle_gives_the_golden_answers(trained_bundle: Path, golden: dict[str, Any]) -> None:
    answers = mersalg.load(trained_bundle).score(golden["requests"])
    given = [[offer.to_dict() for offer in offers] for offers in answers]
    assert given == golden["answers"]
