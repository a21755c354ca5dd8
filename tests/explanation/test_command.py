"""`mersalg explain` as it is used: text for a merchant, JSON for a program, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mersalg
from mersalg.cli import main

ASKED = ["--cart", "pasta-1,coffee-0", "--at", "2024-07-18T12:00:00"]


def explain(bundle: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["explain", str(bundle), *ASKED, *arguments]) == 0
    return capsys.readouterr().out


def test_an_offer_is_told_with_names_and_its_figures(trained_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = explain(trained_bundle, capsys)
    (first, *_) = mersalg.load(trained_bundle).recommend(cart=["pasta-1", "coffee-0"], at=ASKED[-1])
    offer = told.split("\n2. ")[0]
    assert offer.startswith("1. sauce no. 1, 2 pcs (sauce-1)\n")
    assert f"{first.score:+.2f}" in offer
    assert "pasta no. 1, 2 pcs" in offer
    assert "█" in offer
    assert "Check: without pasta no. 1, 2 pcs in cart and history the score is" in " ".join(offer.split())
    assert "Log-odds: +0.7 doubles the odds" in told


def test_a_product_that_is_not_offered_is_told_its_stage_and_sources(
    trained_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explain(trained_bundle, capsys, "--product", "milk-0")
    assert told.startswith("milk no. 0, 1 pcs (milk-0) is not offered: nothing brings it\n")
    assert "times chance)" in told
    assert "1. " not in told.split("source")[0]


def test_json_holds_the_same(trained_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(explain(trained_bundle, capsys, "--json"))
    (first, *_) = document["offers"]
    added = first["base"] + sum(part["value"] for part in first["contributions"])
    assert added == pytest.approx(first["offer"]["score"], abs=1e-6)
    assert (document["empty"], document["why_not"]) == (None, None)
    missing = json.loads(explain(trained_bundle, capsys, "--product", "milk-0", "--json"))
    assert (missing["offers"], missing["why_not"]["stage"]) == ([], "nothing brings it")


def test_an_empty_answer_says_why_and_how_to_ask_on(trained_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = explain(trained_bundle, capsys, "--limit", "0")
    assert "No offers: limit is 0" in told
    assert "--product ID" in told


def test_a_policy_acts_and_is_told(trained_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[blocked]\nproducts = ["sauce-1"]\n')
    told = explain(trained_bundle, capsys, "--policy", str(policy), "--product", "sauce-1")
    assert "is not offered: policy\n   The policy takes it out: blocked (" in told
    assert max(map(len, told.splitlines())) <= 120


def test_a_request_that_does_not_hold_is_refused_by_its_field(
    trained_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(trained_bundle), *ASKED, "--moment", "noon"]) == 2
    assert "moment: expected one of" in capsys.readouterr().err
