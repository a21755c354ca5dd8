from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

import mersalg
from mersalg.names import KINDS
from mersalg_service.playground.site import Site, write_site
from playground.pages import in_node, request_in, with_floors

FLOORS = [0.002, 0.9, 0.002, 2.0, 0.05]
"""By position in KINDS: lower, higher, lower, silent, another."""
MOST = 25
TYPED = ["mælk", "m", "GROFT brod", "brod", "creme", "m-2", "no such thing"]
LINES = (
    '{"request_id": "one", "cart": ["x"], "moment": "cart", "must": ["milk", "jam"], "must_not": ["tea"]}\n\n'
    '{"request_id": "two", "cart": [], "may": ["tea"]}\n'
)


@pytest.fixture(scope="module")
def requests(trained_bundle: Path) -> list[dict[str, Any]]:
    lines = (trained_bundle.parent / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    # As the page makes them: without a null, which JSON and JavaScript have and Python has not.
    return [{k: v for k, v in json.loads(line).items() if k not in ("kinds", "request_id")} for line in lines[:MOST]]


@pytest.fixture
def given(site: Site, trained_bundle: Path, requests: list[dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    """What the page's modules give under Node."""
    write_site(site, tmp_path / "site")
    questions = {"requests": requests, "floors": FLOORS, "typed": TYPED, "lines": LINES}
    (tmp_path / "questions.json").write_text(json.dumps(questions), encoding="utf-8")
    paths = (tmp_path / "site", trained_bundle.resolve(), tmp_path / "questions.json")
    result: dict[str, Any] = in_node("modules.mjs", *map(str, paths))
    return result


def test_the_modules_give_what_python_gives(
    given: dict[str, Any], trained_bundle: Path, requests: list[dict[str, Any]], tmp_path: Path
) -> None:
    """One run of Node for them all: floors, prices, search, saved requests and snippets."""
    floors_act_in_the_graph(given, trained_bundle, requests)
    names = json.loads((trained_bundle / "products.json").read_text(encoding="utf-8"))
    assert given["order"] == list(names)
    prices_are_the_catalogues(given, trained_bundle.parent / "data" / "products.csv")
    assert given["found"] == [["m-2", "m-3"], ["m-2", "m-3", "c"], ["b-1"], ["b-1"], ["c"], ["m-2"], []]
    assert given["capped"] == {"ids": list(names)[:2], "count": len(names)}
    saved_requests_are_those_of_score(given)
    snippets_run(given["snippets"], requests[0], trained_bundle, tmp_path)


def floors_act_in_the_graph(given: dict[str, Any], bundle: Path, requests: list[dict[str, Any]]) -> None:
    manifest = mersalg.load(bundle).manifest
    silent = [2.0 if (floor := manifest["kinds"][kind]["threshold"]) is None else floor for kind in KINDS]
    assert given["own"] == pytest.approx(silent, rel=1e-6)
    usual, moved = mersalg.load(bundle), with_floors(bundle, FLOORS)
    changed = 0
    for request, answer in zip(requests, given["answers"], strict=True):
        wanted = list(moved.recommend(**request))
        assert [(o["product_id"], o["kind"]) for o in answer] == [(o.product_id, o.kind) for o in wanted]
        assert [o["relevance"] for o in answer] == pytest.approx([o.relevance for o in wanted], abs=1e-4)
        before = usual.recommend(**request)
        changed += [o.product_id for o in before] != [o.product_id for o in wanted]
    assert changed > len(requests) / 4, "these floors are others than the bundle's"


def prices_are_the_catalogues(given: dict[str, Any], products: Path) -> None:
    with products.open(encoding="utf-8", newline="") as file:
        catalogue = {row["product_id"]: float(row["price"]) for row in csv.DictReader(file) if row["price"]}
    known = {i: price for i, price in zip(given["order"], given["prices"], strict=True) if price is not None}
    assert len(known) > 20
    for product, price in known.items():
        assert price == pytest.approx(catalogue[product], rel=1e-6)


def saved_requests_are_those_of_score(given: dict[str, Any]) -> None:
    wanted = [json.loads(line) for line in LINES.splitlines() if line]
    assert [json.loads(line) for line in given["written"].splitlines()] == wanted
    assert given["requests"] == [
        {"request_id": "one", "cart": ["x"], "moment": "cart"}, {"request_id": "two", "cart": []},
    ]  # fmt: skip
    assert given["judged"] == [{"missing": ["jam"], "unwanted": ["tea"]}, {"missing": [], "unwanted": []}]
    assert given["wrong"] == [1, 2, 1, 1, 1]
    assert given["made"]["limit"] == 2, "two products must be offered"
    lines = [
        {"product_id": "a", "ordered_at": at, "quantity": 1} for at in ("2024-02-28T17:30:00", "2024-03-01T11:59:59")
    ]
    assert given["aged"] == lines, "a history that is opened and saved keeps its times"


def snippets_run(snippets: dict[str, str], request: dict[str, Any], bundle: Path, folder: Path) -> None:
    """Python's is run, curl's is read as a shell reads it, Node's names the same request."""
    assert request_in(snippets["curl"]) == request
    assert json.dumps(request["cart"])[1:-1].split(", ")[0] in snippets["Node"]
    (folder / "models").mkdir()
    (folder / "models" / "shop").symlink_to(bundle)
    printed, before = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            exec(snippets["Python"], {})
    finally:
        os.chdir(before)
    wanted = mersalg.load(bundle).recommend(**request)
    assert printed.getvalue().splitlines()[-1] == str(wanted.reason)
    assert len(printed.getvalue().splitlines()) == len(wanted) + 1
