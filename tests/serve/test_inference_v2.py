"""Claims about the Open Inference Protocol: the tensors of the bundle format, the answers of `score`."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from mersalg import KINDS, MOMENTS, Recommender, RequestError
from mersalg_service.serve.tensors import read_tensors
from serve.running import Running

INFER = "/v2/models/toy/infer"


def tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


CART = tensor("cart", "BYTES", [2, 2], ["milk", "", "bread", "wine"])


def outputs(service: Running, *inputs: Any, **more: Any) -> dict[str, Any]:
    answered = service.call("POST", INFER, {"inputs": inputs, **more})
    assert answered.status == 200, answered.body
    return {output["name"]: output for output in answered.json["outputs"]}


def test_health_and_metadata(service: Running, toy: Recommender) -> None:
    version = toy.manifest["files"]["scorer.onnx"]["sha256"][:12]
    assert service.call("GET", "/v2").json["name"] == "mersalg"
    assert service.call("GET", "/v2/health/live").json == {"live": True}
    assert service.call("GET", "/v2/health/ready").json == {"ready": True}
    for path in ("/v2/models/toy", f"/v2/models/toy/versions/{version}"):
        told = service.call("GET", path).json
        assert (told["name"], told["versions"]) == ("toy", [version])
        assert [port["name"] for port in told["inputs"]] == [port.name for port in toy.session.runtime.get_inputs()]
        assert service.call("GET", path + "/ready").json["ready"]
    for path in ("/v2/models/other", "/v2/models/toy/versions/1", "/v2/models/other/ready"):
        assert service.call("GET", path).status == 404
    assert "error" in service.call("POST", "/v2/models/other/infer", {}).json


def test_tensors_give_the_offers_of_score(service: Running, toy: Recommender) -> None:
    inputs = [
        CART,
        tensor("history", "BYTES", [2, 2], [["milk", "butter"], ["filter", ""]]),
        tensor("history_age_days", "FP32", [2, 2], [10, 0.5, 3.25, 0]),
        tensor("history_quantity", "FP32", [2, 2], [2, 1, 7, 0]),
        tensor("exclude", "BYTES", [2, 1], ["", "bag"]),
        tensor("only", "BYTES", [2, 1], ["", ""]),
        tensor("moment", "INT64", [2], [MOMENTS.index("cart"), MOMENTS.index("checkout")]),
        tensor("kinds", "BOOL", [2, 5], [True] * 10),
        tensor("limit", "INT64", [2], [3, 4]),
        tensor("apply_threshold", "BOOL", [2], [False, False]),
        tensor("by_value", "BOOL", [2], [False, True]),
    ]
    found = outputs(service, *inputs, id="x")
    at = "2017-06-11T00:00:00"
    first = {
        "cart": ["milk"],
        "history": [
            {"product_id": "milk", "ordered_at": "2017-06-01T00:00:00", "quantity": 2},
            {"product_id": "butter", "ordered_at": "2017-06-10T12:00:00"},
        ],
        "kinds": KINDS, "at": at,
    }  # fmt: skip
    second = {
        "cart": ["bread", "wine"], "exclude": ["bag"], "moment": "checkout", "limit": 4, "order": "value",
        "kinds": KINDS, "at": at,
        "history": [{"product_id": "filter", "ordered_at": "2017-06-07T18:00:00", "quantity": 7}],
    }  # fmt: skip
    expected = toy.score([first, second], threshold=False)
    n, width = found["product_id"]["shape"]
    assert (n, width) == (2, 4)
    for row, offers in enumerate(expected):
        part = slice(row * width, row * width + len(offers))
        assert found["product_id"]["data"][part] == [offer.product_id for offer in offers]
        assert found["kind"]["data"][part] == [KINDS.index(offer.kind) for offer in offers]
        assert found["relevance"]["data"][part] == [offer.relevance for offer in offers]
        assert found["because"]["data"][part] == [offer.because or "" for offer in offers]
        for name in ("lift", "due_in_days", "interval_days"):
            assert found[name]["data"][part] == [getattr(offer, name) or 0.0 for offer in offers]
        rest = slice(row * width + len(offers), (row + 1) * width)
        assert set(found["kind"]["data"][rest]) <= {-1}
    assert any(found["lift"]["data"])
    assert found["retrieved"]["data"] == [offers.retrieved for offers in expected]


def test_everything_but_the_cart_may_be_left_out(service: Running, toy: Recommender) -> None:
    found = outputs(service, CART, outputs=[{"name": "product_id"}, {"name": "reason"}])
    expected = toy.score([{"cart": ["milk"]}, {"cart": ["bread", "wine"]}])
    assert list(found) == ["product_id", "reason"]
    assert [name for name in found["product_id"]["data"] if name] == [o.product_id for e in expected for o in e]
    assert found["reason"] == tensor("reason", "BYTES", [2], ["", ""])


def test_no_rows_give_no_rows(service: Running) -> None:
    assert outputs(service, tensor("cart", "BYTES", [0, 1], []))["product_id"]["shape"] == [0, 0]


def test_lines_in_the_future_returns_and_padding_are_left_out(service: Running) -> None:
    one = tensor("cart", "BYTES", [1, 1], [""])
    lines = tensor("history", "BYTES", [1, 4], ["milk", "milk", "", "milk"])
    ages = tensor("history_age_days", "FP32", [1, 4], [-1, 1, 1, 1])
    pieces = tensor("history_quantity", "FP32", [1, 4], [5, -5, 5, 2])
    only = tensor("only", "BYTES", [1, 1], ["milk"])
    (relevance,) = outputs(service, one, lines, ages, pieces, only)["relevance"]["data"]
    assert relevance == pytest.approx(0.52)


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        (None, "inputs"),
        ([], "inputs"),
        ([1], "inputs"),
        ([{"name": "basket"}], "inputs"),
        ([CART, CART], "inputs"),
        ([{**CART, "datatype": "INT64"}], "cart.datatype"),
        ([{**CART, "shape": [2]}], "cart.shape"),
        ([{**CART, "shape": [2, -2]}], "cart.shape"),
        ([{**CART, "shape": [2.0, 2]}], "cart.shape"),
        ([{**CART, "shape": [2, 3]}], "cart.data"),
        ([{**CART, "data": "milk"}], "cart.data"),
        ([{**CART, "data": ["a", "b", "c", 4]}], "cart.data[3]"),
        ([{**CART, "data": ["a", "b", "c", "\0"]}], "cart.data[3]"),
        ([CART, tensor("moment", "INT64", [2], [1, 5])], "moment.data[1]"),
        ([CART, tensor("limit", "INT64", [2], [1, -1])], "limit.data[1]"),
        ([CART, tensor("limit", "INT64", [2], [True, 1])], "limit.data[0]"),
        ([CART, tensor("limit", "INT64", [1], [1])], "limit"),
        ([CART, tensor("kinds", "BOOL", [2, 4], [True] * 8)], "kinds.shape"),
        ([CART, tensor("history", "BYTES", [2, 1], ["a", "b"])], "history_age_days"),
        ([CART, tensor("apply_threshold", "BOOL", [2], [True, False])], "apply_threshold"),
        ([tensor("cart", "BYTES", [257, 1], ["a"] * 257)], "cart"),
    ],
)
def test_a_wrong_tensor_is_named(service: Running, inputs: Any, field: str) -> None:
    answered = service.call("POST", INFER, {"inputs": inputs})
    assert (answered.status, answered.json["field"]) == (422, field)
    assert answered.json["error"].startswith(field)


def test_a_number_that_is_none_is_refused(service: Running) -> None:
    body = (
        b'{"inputs": [{"name": "cart", "datatype": "BYTES", "shape": [1, 1], "data": ["a"]}, {"name": '
        b'"history_age_days", "datatype": "FP32", "shape": [1, 1], "data": [1e999]}]}'
    )
    assert service.call("POST", INFER, body).json["field"] == "history_age_days.data[0]"
    assert service.call("POST", INFER, body.replace(b"1e999", b"NaN")).status == 400


def test_the_binary_extension_is_refused(service: Running) -> None:
    wrong = {**CART, "parameters": {"binary_data_size": 4}}
    assert service.call("POST", INFER, {"inputs": [wrong]}).status == 400


def test_rows_are_counted_before_they_are_made(service: Running) -> None:
    names = ("cart", "history", "exclude", "only")
    empty = [tensor(name, "BYTES", [2**20, 0], []) for name in names]
    tracemalloc.start()
    try:
        with pytest.raises(RequestError, match="cart: expected at most 256 rows, got 1048576"):
            read_tensors({"inputs": empty}, 256)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert service.call("POST", INFER, {"inputs": empty}).status == 422


@pytest.mark.parametrize("history", [[], [tensor("history", "BYTES", [2, 0], [])]])
def test_ages_without_a_history_are_refused(service: Running, history: list[Any]) -> None:
    ages = tensor("history_age_days", "FP32", [2, 1], [1, 2])
    refused = service.call("POST", INFER, {"inputs": [CART, *history, ages]})
    assert (refused.status, refused.json["field"]) == (422, "history_age_days")
