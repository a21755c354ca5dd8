"""Claims about saved requests: the file is read strictly, and `mersalg verify` tells what broke."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mersalg import Recommender
from mersalg.cli import main
from mersalg.errors import MersalgError
from mersalg.table import SavedRequest, check_saved, read_saved_requests

Out = pytest.CaptureFixture[str]
MILK = {"request_id": "milk", "cart": ["milk"], "must": ["bread"], "may": ["butter"], "must_not": ["honey"]}
"""The toy shop offers milk, bread and butter for it."""


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_a_file_is_read_with_its_judgements_and_a_bundle_scores_the_same_file(toy_folder: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "saved.jsonl", MILK, {"request_id": "empty", "cart": []})
    first, second = read_saved_requests(file)
    assert first == SavedRequest({"request_id": "milk", "cart": ["milk"]}, ("bread",), ("butter",), ("honey",))
    assert (second.must, second.may, second.must_not) == ((), (), ())
    assert main(["score", str(toy_folder), str(file), "--out", str(tmp_path / "offers.jsonl")]) == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("[1]", "line 3: request: expected a JSON object"),
        ("{", "line 3: expected a JSON object, got"),
        ({"cart": []}, "line 3: request_id: expected a value"),
        ({"request_id": "", "cart": []}, "line 3: request_id: expected an id that no other line has, got ''"),
        ({"request_id": "x"}, "line 3: cart: expected a value"),
        ({"request_id": "milk", "cart": []}, "line 3: request_id: expected an id that no other line has, got 'milk'"),
        ({"request_id": "x", "cart": [], "muts": []}, "line 3: muts: expected one of the fields"),
        ({"request_id": "x", "cart": [7]}, r"line 3: cart\[0\]: expected a product id as text"),
        ({"request_id": "x", "cart": [], "must": "bread"}, "line 3: must: expected a list of product ids"),
        ({"request_id": "x", "cart": [], "may": ["a", 7]}, r"line 3: may\[1\]: expected a product id as text"),
        ({"request_id": "x", "cart": [], "must": ["a"], "must_not": ["a"]}, "line 3: must, may, must_not: .* once"),
        (
            {"request_id": "x", "cart": [], "history": [{"product_id": "a", "ordered_at": "2017-01-01"}]},
            "line 3: at: expected a time",
        ),
    ],
)
def test_what_does_not_hold_is_refused_by_line_and_field(tmp_path: Path, wrong: Any, told: str) -> None:
    with pytest.raises(MersalgError, match=rf"saved\.jsonl, {told}"):
        read_saved_requests(write(tmp_path / "saved.jsonl", MILK, wrong))


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for name, told in (("none.jsonl", "cannot be read"), ("empty.jsonl", "at least one request")):
        with pytest.raises(MersalgError, match=told):
            read_saved_requests(tmp_path / name)


def test_an_outcome_says_what_is_missing_and_what_is_unwanted(toy: Recommender) -> None:
    broken = SavedRequest({"request_id": "x", "cart": ["milk"]}, ("honey", "nothing"), ("milk",), ("bread",))
    (outcome,) = check_saved(toy, [broken])
    assert (outcome.kept, outcome.missing, outcome.unwanted) == (False, ("honey", "nothing"), ("bread",))
    (kept,) = check_saved(toy, [SavedRequest({"request_id": "x", "cart": ["milk"]}, ("bread",), (), ("honey",))])
    assert kept.kept


def test_verify_tells_every_request_and_fails_if_one_is_broken(toy_folder: Path, tmp_path: Path, capsys: Out) -> None:
    kept = write(tmp_path / "kept.jsonl", MILK)
    assert main(["verify", str(toy_folder), "--requests", str(kept)]) == 0
    assert "1 saved requests, 0 broken" in capsys.readouterr().out
    broken = {**MILK, "request_id": "other", "must": ["honey"], "must_not": ["bread"]}
    both = write(tmp_path / "both.jsonl", MILK, broken)
    assert main(["verify", str(toy_folder), "--requests", str(both)]) == 2
    told = capsys.readouterr()
    assert "kept    milk\n" in told.out
    assert "BROKEN  other\n  must      honey (honey)\n  may       butter (Fresh butter)\n  must not" in told.out
    assert "  missing   honey (honey)\n  unwanted  bread (Fresh bread)" in told.out
    assert "2 saved requests, 1 broken" in told.out
    assert told.err.endswith("got 1 broken: ['other']\n")


def test_verify_answers_under_a_policy(toy_folder: Path, tmp_path: Path, capsys: Out) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[blocked]\nproducts = ["bread"]\n')
    saved = write(tmp_path / "saved.jsonl", MILK)
    assert main(["verify", str(toy_folder), "--requests", str(saved), "--policy", str(policy)]) == 2
    assert "missing   bread (Fresh bread)\n" in capsys.readouterr().out
