"""The claim that an offer says why it is made, truly, in each language, and as in JavaScript."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mersalg import Recommender, RequestError
from mersalg.names import BETTER, LANGUAGES
from mersalg.reasons import TEXTS, OfferReason

TABLE = json.loads(Path(__file__, "../../../clients/node/test/reasons.json").resolve().read_text("utf-8"))
CASES = [(case["offer"], language, text) for case in TABLE["cases"] for language, text in case["texts"].items()]
AT = datetime(2017, 6, 1, 12)


def name(product_id: str) -> str:
    return str(TABLE["names"].get(product_id, product_id))


def reason_of(offer: dict[str, Any]) -> OfferReason:
    facts = {"lift": None, "due_in_days": None, "interval_days": None, "times_bought": 0, "price_step": None, **offer}
    better = tuple(facts.pop("better", ()))
    return OfferReason(product_id=TABLE["offered"], anchor=facts.pop("because"), better=better, **facts)


@pytest.mark.parametrize(("offer", "language", "text"), CASES, ids=[text for _, _, text in CASES])
def test_the_facts_are_said_in_a_sentence(offer: dict[str, Any], language: str, text: str) -> None:
    assert reason_of(offer).text(name, language) == text


def test_every_language_has_every_phrase_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {word for word in ("{anchor}", "{times}", "{days}", "{better}", "{step}") if word in text}

    assert set(TEXTS) == set(LANGUAGES)
    for phrases in TEXTS.values():
        assert {p: places(text) for p, text in phrases.items()} == {p: places(text) for p, text in TEXTS["en"].items()}
        assert set(BETTER) < set(phrases)


@pytest.mark.parametrize("language", ["de", "", "EN", None, ["en"], 1])
def test_another_language_is_refused(language: Any) -> None:
    reason = reason_of({"kind": "cross-sell", "because": None})
    with pytest.raises(RequestError, match="language: expected one of en, da, no, sv"):
        reason.text(name, language)


def test_offers_carry_the_facts_of_the_graph_and_of_the_history(toy: Recommender) -> None:
    past = [
        {"product_id": product, "ordered_at": AT - timedelta(days=days)}
        for product, days in (("filter", 42), ("filter", 72), ("bag", 3))
    ]
    (offers,) = toy.score([{"cart": ["milk"], "history": past, "at": AT, "limit": 9}], threshold=False)
    told = {offer.product_id: offer.reason.text(toy.name) for offer in offers}
    assert told["bread"] == "goes with Fresh milk: bought together six times as often as chance"
    assert told["butter"] == "goes with Fresh milk: bought together 1.4 times as often as chance"
    assert told["bag"] == "goes with Fresh milk: bought together far more often than chance"
    assert told["filter"] == "due since 12 days: you buy it every 30 days"
    assert {o.product_id: o.times_bought for o in offers if o.times_bought} == {"filter": 2, "bag": 1}
    (bread,) = (offer for offer in offers if offer.product_id == "bread")
    assert bread.reason == OfferReason(
        "cross-sell",
        "bread",
        "milk",
        pytest.approx(6.2),
        (),
        None,
        None,
        None,
        0,  # type: ignore[arg-type]
    )
