"""Claims: a page opens on answers that were given for it, to requests that are no customer's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mersalg.cli import main
from mersalg.names import Kind
from mersalg.offers import Offer, Offers
from mersalg_training.report.made_requests import AnsweredRequest, made_requests, telling
from mersalg_training.report.page import render
from mersalg_training.report.subject import read_subject
from mersalg_training.tables.patterns import Patterns
from report.evidence import PATTERNS, with_patterns, write_full_bundle
from report.page_reader import read_page, section


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return with_patterns(write_full_bundle(tmp_path / "toy"))


def answer(kind: Kind, relevance: float, *products: str) -> AnsweredRequest:
    offers = [Offer("", rank, p, kind, relevance, 0.0, None) for rank, p in enumerate(products, start=1)]
    return AnsweredRequest({"cart": ["tea"]}, Offers(tuple(offers), None, 9, {kind: relevance}))


def nothing(relevance: float) -> AnsweredRequest:
    return AnsweredRequest({"cart": ["tea"]}, Offers((), "below threshold", 9, {"upsell": relevance}))


def test_of_each_kind_the_fullest_answer_tells_most_then_the_most_relevant_and_of_none_the_nearest_miss() -> None:
    full, sure, surest = answer("upsell", 0.1, "a", "b"), answer("upsell", 0.2, "a"), answer("upsell", 0.3, "tea")
    near, far = nothing(0.04), nothing(0.01)
    drawn = [answer("cross-sell", 0.1, "c"), answer("upsell", 0.9, "a", "b", "c")]
    chosen = telling([sure, full, surest, far, near], drawn, str)
    assert chosen == [drawn[0], full, near]
    assert telling([sure, surest], [], str) == [sure]  # an offer of the cart's own name tells nothing
    same = answer("upsell", 0.9, "a", "b")
    assert telling([sure, same], [], {"a": "A", "b": "A", "tea": "T"}.__getitem__) == [same]
    assert telling([], [], str) == []


def test_made_requests_hold_nothing_but_products_of_the_patterns() -> None:
    made = list(made_requests(PATTERNS))
    assert {product for request in made for product in request["cart"]} == {"milk", "bag", "bread"}
    assert {line["product_id"] for request in made for line in request["history"]} == {"milk", "bread"}
    assert {request["moment"] for request in made} == {"product-page", "cart", "follow-up"}
    empty = Patterns(min_customers=5, types={}, pairs=[], add_ons=[], ladders=[], rhythms=[], unusual=[])
    assert list(made_requests(empty)) == []


def test_the_page_opens_on_answers_patterns_and_promises_with_names_and_reasons(bundle: Path) -> None:
    page = read_page(render(read_subject(bundle)))
    order = [s.attributes["aria-labelledby"] for s in page.all("section")]
    assert order[:5] == ["answers", "patterns", "promises", "glance", "certificates"]
    cards = {a.all("h3")[0].text(): a.text() for a in section(page, "answers").all("article")}
    assert list(cards) == ["cross-sell product-page", "upsell cart", "more-of-same cart", "no offer checkout"]
    assert "viewed Fresh milk" in cards["cross-sell product-page"]
    told = "Fresh bread cross-sell, 30.0%: goes with Fresh milk: bought together six times as often as chance"
    assert told in cards["cross-sell product-page"]
    assert "Kind silent. Every kind asked for that has candidates has no threshold" in cards["no offer checkout"]
    assert "Best relevance: replacement 0.0700 (silent)" in cards["no offer checkout"]
    assert "No answer begins with add-on and replacement (silent)." in section(page, "answers").text()


def test_the_strongest_patterns_stand_there_once_each(bundle: Path) -> None:
    page = read_page(render(read_subject(bundle)))
    lists = {a.all("h3")[0].text(): [li.text() for li in a.all("li")] for a in section(page, "patterns").all("article")}
    assert lists == {
        "Bought together": [
            "Fresh milk + Fresh bread 6.2 times as often as chance, 31 customers",
            "Fresh milk + Fresh bag far more often than chance, 8 customers",
        ],
        "Traded up": ["Fresh bread to Fresh wine 3.00 times the price, 6 customers"],
        "Bought again": ["Fresh milk every 7 days, seen 400 times"],
    }


def test_saved_requests_are_answered_in_their_order_and_the_first_six_shown(bundle: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.jsonl"
    lines = [{"request_id": f"cart {n}", "cart": ["milk"], "moment": "product-page"} for n in range(7)]
    saved.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "page.html"
    assert main(["report", str(bundle), "--requests", str(saved), "--out", str(out)]) == 0
    answers = section(read_page(out.read_text("utf-8")), "answers")
    assert [a.all("h3")[0].text() for a in answers.all("article")] == [f"cart {n} product-page" for n in range(6)]
    assert "saved requests" in answers.text()


def test_saved_requests_are_refused_for_two_bundles_and_where_there_are_none(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, out = tmp_path / "saved.jsonl", str(tmp_path / "page.html")
    saved.write_text("")
    assert main(["report", str(bundle), str(bundle), "--requests", str(saved), "--out", out]) == 2
    assert "--requests: expected one bundle, got two" in capsys.readouterr().err
    assert main(["report", str(bundle), "--requests", str(saved), "--out", out]) == 2
    assert "expected at least one request, got none" in capsys.readouterr().err
