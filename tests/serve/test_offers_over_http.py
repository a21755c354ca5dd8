"""Claims about what is asked and answered: as `recommend` and `score` do, and wrong requests by the field."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from mersalg import Recommender, load
from mersalg.offers import Offers
from mersalg.requests import Request
from serve.running import Running, running

HISTORY = [{"product_id": "filter", "ordered_at": "2017-01-01T00:00:00", "quantity": 2}]
REQUESTS: list[dict[str, Any]] = [
    {"cart": ["milk"]},
    {"request_id": "ö", "cart": ["milk", "wine"], "moment": "checkout", "limit": 2, "at": "2017-06-01T12:00:00Z"},
    {"history": HISTORY, "at": "2017-06-01T12:00:00", "moment": "follow-up", "exclude": ["bag"]},
    {"only": ["bread", "wine"], "order": "value"},
    {"kinds": ["replacement"]},
    {"limit": 0},
]


def told(by: Recommender, offers: Offers, language: str = "en") -> list[dict[str, Any]]:
    """Offers with their names and reasons."""
    return [{**o.to_dict(), "name": by.name(o.product_id), "reason": o.reason.text(by.name, language)} for o in offers]


def test_a_reason_is_said_in_the_language_of_the_request(service: Running) -> None:
    asked = {"cart": ["milk"], "kinds": ["cross-sell"], "limit": 1}
    for language, reason in (
        ("en", "goes with Fresh milk: bought together six times as often as chance"),
        ("da", "passer til Fresh milk: købt sammen seks gange så ofte som tilfældigt"),
    ):
        (bread,) = service.call("POST", "/v1/recommend", {**asked, "language": language}).json["offers"]
        assert (bread["name"], bread["reason"]) == ("Fresh bread", reason)
        (answer,) = service.call("POST", "/v1/score", {"requests": [{**asked, "language": language}]}).json["answers"]
        assert answer["offers"] == [bread]


@pytest.mark.parametrize("request_", REQUESTS)
def test_an_answer_is_that_of_recommend(service: Running, toy: Recommender, request_: dict[str, Any]) -> None:
    answered = service.call("POST", "/v1/recommend", request_)
    (expected,) = toy.score([request_])
    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    assert answered.json == {
        "offers": told(toy, expected),
        "reason": expected.reason,
        "retrieved": expected.retrieved,
        "best_relevance": expected.best_relevance,
        "bundle": toy.manifest["files"]["scorer.onnx"]["sha256"][:12],
    }


@pytest.mark.parametrize("threshold", [True, False])
def test_a_bulk_answer_is_that_of_score_in_the_order_of_the_requests(
    service: Running, toy: Recommender, threshold: bool
) -> None:
    many = [dict(REQUESTS[place % len(REQUESTS)]) for place in range(100)]
    answered = service.call("POST", "/v1/score", {"requests": many, "threshold": threshold})
    expected = toy.score(many, threshold=threshold)
    assert [answer["reason"] for answer in answered.json["answers"]] == [offers.reason for offers in expected]
    assert [answer["offers"] for answer in answered.json["answers"]] == [told(toy, offers) for offers in expected]


def test_an_empty_answer_says_why(service: Running) -> None:
    assert service.recommend(kinds=["replacement"]).json["reason"] == "kind silent"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cart": [42]}, "cart[0]"),
        ({"cart": "milk"}, "cart"),
        ({"cart": ["\0"]}, "cart[0]"),
        ({"moment": "basket"}, "moment"),
        ({"moment": None}, "moment"),
        ({"language": "de"}, "language"),
        ({"language": None}, "language"),
        ({"limit": -1}, "limit"),
        ({"limit": 2.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"at": "yesterday"}, "at"),
        ({"history": [{"product_id": "milk"}]}, "history[0].ordered_at"),
        ({"basket": []}, "basket"),
        ([], "body"),
        (b'{"history": [{"product_id": "a", "ordered_at": "2017-01-01", "quantity": 1e999}]}', "history[0].quantity"),
        (b'{"cart": ["\\ud800"]}', "cart[0]"),
    ],
)
def test_a_wrong_field_is_named(service: Running, body: Any, field: str) -> None:
    answered = service.call("POST", "/v1/recommend", body)
    assert answered.status == 422
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json["field"] == field
    assert answered.json["detail"].startswith(field)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"limit": NaN}', b'{"limit": -Infinity}', b'{"a":' * 100_000, b"1" * 5000]
)
def test_what_is_no_json_is_refused(service: Running, body: bytes) -> None:
    answered = service.call("POST", "/v1/recommend", body)
    assert answered.status == 400
    assert answered.json["title"] == "Bad Request"


def test_a_whole_number_may_be_written_with_a_point(service: Running) -> None:
    assert len(service.call("POST", "/v1/recommend", b'{"cart": ["milk"], "limit": 2.0}').json["offers"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "requests"),
        ({"requests": {}}, "requests"),
        ({"requests": [1]}, "requests[0]"),
        ({"requests": [{}, {"cart": [""]}]}, "requests[1].cart[0]"),
        ({"requests": [], "threshold": 0}, "threshold"),
        ({"requests": [], "limit": 3}, "limit"),
        ({"requests": [{}] * 257}, "requests"),
    ],
)
def test_a_wrong_bulk_is_refused_by_field(service: Running, body: Any, field: str) -> None:
    answered = service.call("POST", "/v1/score", body)
    assert (answered.status, answered.json["field"]) == (422, field)


def test_no_requests_have_no_answers(service: Running) -> None:
    assert service.call("POST", "/v1/score", {"requests": []}).json["answers"] == []


def test_a_path_or_method_that_is_not_there_is_a_problem_document(service: Running) -> None:
    assert service.call("GET", "/nothing").json["status"] == 404
    refused = service.call("GET", "/v1/recommend")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


def test_the_state_is_told(service: Running) -> None:
    assert service.call("GET", "/health").json == {"live": True}
    ready = service.call("GET", "/ready").json
    assert (ready["ready"], ready["bundle"]["name"], ready["refused"]) == (True, "toy", None)
    assert service.call("GET", "/version").json["bundle"] == ready["bundle"]


def test_nothing_of_a_request_is_logged(service: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        service.recommend(cart=["a-very-private-thing"])
        service.recommend(cart=["a-very-private-thing", 5])
        service.call("POST", "/v1/score", json.dumps({"requests": [{"cart": ["a-very-private-thing"]}]}).encode())
    assert "private" not in caplog.text


@pytest.mark.parametrize("depth", [33, 200, 987, 100_000])
@pytest.mark.parametrize("field", ["at", "limit", "history", "shopper", "unknown"])
def test_deep_nesting_is_refused_before_it_is_read(service: Running, field: str, depth: int) -> None:
    deep = "[" * (depth - 1) + "1" + "]" * (depth - 1)
    for path, body in (
        ("/v1/recommend", f'{{"{field}": {deep}}}'),
        ("/v1/score", f'{{"requests": [{{"{field}": {deep}}}]}}'),
        ("/v2/models/toy/infer", f'{{"inputs": [{{"name": {deep}}}]}}'),
    ):
        answered = service.call("POST", path, body.encode())
        assert answered.status == 400
        assert "32 lists and objects" in answered.json["detail"]


def test_brackets_within_texts_are_no_nesting(service: Running) -> None:
    assert service.recommend(cart=["[" * 50, "{" * 50, "]}"]).status == 200
    assert service.call("POST", "/v1/recommend", b'{"at": ' + b"[" * 31 + b"]" * 31 + b"}").status == 422


def test_deep_nesting_costs_no_call_beside_it(service: Running) -> None:
    deep = b'{"at": ' + b"[" * 987 + b"]" * 987 + b"}"
    with ThreadPoolExecutor(16) as callers:
        calls = [callers.submit(service.call, "POST", "/v1/recommend", deep if n % 3 else b"{}") for n in range(120)]
        assert [call.result().status for call in calls] == [400 if n % 3 else 200 for n in range(120)]


class Broken:
    """A recommender that fails as no refusal of ours does, or whose graph gives NaN."""

    def __init__(self, folder: Path) -> None:
        self.recommender = load(folder)
        self.manifest, self.name = self.recommender.manifest, self.recommender.name

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        if requests[0].limit == 8:
            raise ZeroDivisionError("of which nobody outside hears")
        run = self.recommender.session.run

        def with_nan(feeds: Any) -> Any:
            outputs = run(feeds)
            return {**outputs, "relevance": outputs["relevance"] * np.float32("nan")}

        with mock.patch.object(self.recommender.session, "run", with_nan if requests[0].limit == 7 else run):
            return self.recommender.answer(requests, threshold=threshold)


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/score"])
@pytest.mark.parametrize(("limit", "words"), [(7, "relevance: expected finite numbers"), (8, "its log says why")])
def test_trouble_of_the_services_own_is_a_problem_document(toy_folder: Path, path: str, limit: int, words: str) -> None:
    def body(most: int) -> Any:
        return {"limit": most} if path.endswith("recommend") else {"requests": [{"limit": most}]}

    with running(toy_folder, open_bundle=Broken, threads=1) as service:
        answered = service.call("POST", path, body(limit))
        assert (answered.status, answered.headers["content-type"]) == (500, "application/problem+json")
        assert words in answered.json["detail"]
        assert service.call("POST", path, body(3)).status == 200


@pytest.mark.parametrize("path", ["/v1/recommend/", "/v1/score/", "/ready/", "/v2/"])
def test_no_redirect_leads_to_the_host_that_a_caller_names(service: Running, path: str) -> None:
    answered = service.call("POST", path, {}, Host="evil.example")
    assert answered.status == 404
    assert "location" not in {name.lower() for name in answered.headers}
