from __future__ import annotations

import json
from pathlib import Path

import pytest

from mersalg.cli import main
from mersalg.policy.default import DEFAULT_POLICY
from toy_bundle import CANDIDATES, write_bundle

Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle, a policy and a catalogue."""
    folder = tmp_path_factory.mktemp("shop")
    write_bundle(folder / "toy")
    (folder / "policy.toml").write_text("[moments.cart]\nkinds = {cross-sell = 2, upsell = 1}\n")
    rows = [{"product_id": name, "price": 2.0, "stock": 0 if name == "bread" else 5} for name in CANDIDATES]
    rows[0]["product_type"] = rows[2]["product_type"] = "from the cow"
    rows[0]["attributes"], rows[2]["attributes"] = {"fat": "3 %"}, {"fat": "80 %"}
    (folder / "catalogue.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def options(shop: Path) -> list[str]:
    return ["--policy", str(shop / "policy.toml"), "--catalogue", str(shop / "catalogue.jsonl")]


def test_show_prints_a_policy_to_start_from(tmp_path: Path, capsys: Out) -> None:
    assert main(["policy", "show"]) == 0
    text = capsys.readouterr().out
    assert text == DEFAULT_POLICY
    (tmp_path / "p.toml").write_text(text)
    assert main(["policy", "check", str(tmp_path / "p.toml")]) == 0


def test_check_prints_findings_against_bundle_and_catalogue(shop: Path, capsys: Out) -> None:
    assert main(["policy", "check", *options(shop)[1:], "--bundle", str(shop / "toy")]) == 0
    text = capsys.readouterr().out
    assert "silent        moments.follow-up  silent in the bundle: replacement" in text
    assert "switched off  region" in text
    assert "6 of 7 may be offered to somebody today: out of stock takes out 1" in text
    assert text.endswith("0 contradictions\n")


def test_check_ends_with_1_on_a_contradiction_and_with_2_on_a_file_that_does_not_hold(
    tmp_path: Path, capsys: Out
) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[moments.checkout]\nfirst = ['upsell']\n")
    assert main(["policy", "check", str(path), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["sort"], finding["where"]) == ("contradiction", "moments.checkout.first")
    path.write_text("[moments.checkout]\nfirst = 'upsell'\n")
    assert main(["policy", "check", str(path)]) == 2
    assert "moments.checkout.first: expected a list" in capsys.readouterr().err


def test_recommend_keeps_the_policy_and_says_what_was_taken_out_and_what_is_switched_off(
    shop: Path, capsys: Out
) -> None:
    assert main(["recommend", str(shop / "toy"), "--cart", "milk", *options(shop)]) == 0
    printed = capsys.readouterr()
    rows = printed.out.splitlines()
    assert "butter" in rows[1]
    assert rows[1].rstrip().endswith("2.00   +0.00      fat: 3 % -> 80 %")
    assert rows[-1] == "Taken out by the policy: out of stock 1, not dearer 1."
    assert printed.err.startswith("mersalg: rules that the catalogue does not serve: region (needs regions);")


def test_recommend_prints_rules_and_comparisons_as_json(shop: Path, capsys: Out) -> None:
    shopper = ["--shopper", '{"budget": 1}']
    assert main(["recommend", str(shop / "toy"), "--cart", "milk", "--json", *shopper, *options(shop)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["offers"] == []
    assert answer["reason"] == "filtered"
    assert answer["filtered"] == {"out of stock": 1, "budget": 1, "not dearer": 1}
    assert answer["beside"] == []


def test_an_empty_answer_names_the_rules_for_people(shop: Path, capsys: Out) -> None:
    asked = ["--cart", "milk", "--shopper", '{"budget": 1}']
    assert main(["recommend", str(shop / "toy"), *asked, *options(shop)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("No offers: filtered (a rule of the policy refuses each offer")
    assert text.endswith("Taken out by the policy: out of stock 1, budget 1, not dearer 1.\n")


def test_score_counts_what_the_policy_took_out(shop: Path, tmp_path: Path, capsys: Out) -> None:
    requests = [{"request_id": str(n), "cart": ["milk"], "shopper": {"budget": n}} for n in range(4)]
    (tmp_path / "requests.jsonl").write_text("\n".join(map(json.dumps, requests)))
    out = tmp_path / "offers.jsonl"
    assert main(["score", str(shop / "toy"), str(tmp_path / "requests.jsonl"), "--out", str(out), *options(shop)]) == 0
    printed = capsys.readouterr().out
    assert "4 requests, 2 offers" in printed
    assert "2 empty answers: filtered 2" in printed
    assert "offers taken out by the policy: out of stock 4, not dearer 4, budget 2" in printed
    assert {json.loads(row)["product_id"] for row in out.read_text().splitlines()} == {"butter"}


def test_a_catalogue_or_a_shopper_without_a_policy_is_refused(shop: Path, capsys: Out) -> None:
    assert main(["recommend", str(shop / "toy"), *options(shop)[2:]]) == 2
    assert "--catalogue: expected --policy with it" in capsys.readouterr().err
    assert main(["recommend", str(shop / "toy"), "--shopper", '{"age": 17}']) == 2
    assert "shopper: expected nothing, for no policy acts here" in capsys.readouterr().err
    assert main(["recommend", str(shop / "toy"), "--shopper", "{", *options(shop)]) == 2
    assert "--shopper: expected a JSON object" in capsys.readouterr().err
