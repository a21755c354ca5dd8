"""Contributions of a request's parts: they add up to what the bundle answers, and removal bears them out."""

from __future__ import annotations

from typing import Any

import pytest

from mersalg import Recommender
from mersalg.requests import read_mapping
from mersalg_training.explanation.explainer import Explainer
from mersalg_training.explanation.players import ALIKE, ITSELF, REST
from mersalg_training.explanation.result import Contribution, OfferExplanation

AT = "2024-07-18T12:00:00"
FEW = 12
"""Requests that are explained in full."""


def of_product(offer: OfferExplanation, product_id: str) -> Contribution:
    (found,) = (part for part in offer.contributions if part.product_ids == (product_id,))
    return found


def total(offer: OfferExplanation) -> float:
    return offer.base + sum(part.value for part in offer.contributions)


def score_of(plain: Recommender, product_id: str, request: dict[str, Any]) -> float:
    """What the bundle scores a product that it may offer, as a shop asks for it."""
    (answer,) = plain.score([{**request, "only": [product_id], "limit": 1}], threshold=False)
    return answer[0].score


def test_what_is_explained_is_what_the_bundle_answers(
    explainer: Explainer, plain: Recommender, requests: list[dict[str, Any]]
) -> None:
    answers = plain.score(requests)
    assert [explainer.scorer.run(read_mapping(request)).answer for request in requests] == answers
    explained = [explainer.explain(request) for request in requests[:FEW]]
    assert [[part.offer for part in one.offers] for one in explained] == [list(one) for one in answers[:FEW]]
    assert [one.empty for one in explained] == [one.reason for one in answers[:FEW]]
    assert sum(len(one.offers) for one in explained) > FEW // 2


def test_base_and_contributions_add_up_to_the_score(explainer: Explainer, requests: list[dict[str, Any]]) -> None:
    for request in requests[:FEW]:
        for offer in explainer.explain(request).offers:
            assert total(offer) == pytest.approx(offer.offer.score, abs=1e-6)


def test_a_large_cart_is_drawn_and_adds_up_too(explainer: Explainer) -> None:
    cart = [f"{kind}-{step}" for kind in ("coffee", "pasta", "soap", "camera", "torch", "toy") for step in (0, 1)]
    (offer, *_) = explainer.explain({"cart": cart, "at": AT, "limit": 1}).offers
    assert offer.method == "permutation sampling"
    assert len(offer.contributions) == len(cart)
    assert total(offer) == pytest.approx(offer.offer.score, abs=1e-6)


def test_what_goes_with_a_product_is_offered_for_it_and_for_nothing_else(explainer: Explainer) -> None:
    # The shop sells sauce with pasta and filters with coffee.
    sauce, filters, *_ = explainer.explain({"cart": ["pasta-1", "coffee-0"], "at": AT}).offers
    for offer, bringing, idle in ((sauce, "pasta-1", "coffee-0"), (filters, "coffee-0", "pasta-1")):
        assert offer.offer.because == bringing
        assert of_product(offer, bringing).value > 0.5 > of_product(offer, idle).value
        assert "times as often as chance" in of_product(offer, bringing).words
        assert offer.removals[0].product_id == bringing
        assert offer.because_confirmed is True


def test_a_product_that_the_bundle_does_not_know_contributes_exactly_nothing(explainer: Explainer) -> None:
    alone = explainer.explain({"cart": ["coffee-0"], "at": AT}).offers
    beside = explainer.explain({"cart": ["coffee-0", "no such product"], "at": AT}).offers
    assert len(alone) == len(beside) > 0
    for offer, same in zip(alone, beside, strict=True):
        assert of_product(same, "no such product").value == 0.0
        assert of_product(same, "coffee-0").value == pytest.approx(of_product(offer, "coffee-0").value, abs=1e-9)


def test_the_order_of_a_cart_changes_no_contribution(explainer: Explainer) -> None:
    cart = ["pasta-1", "coffee-0", "tea-0", "pasta-1"]
    forwards = explainer.explain({"cart": cart, "at": AT}).offers
    backwards = explainer.explain({"cart": cart[::-1], "at": AT}).offers
    for offer, same in zip(forwards, backwards, strict=True):
        assert len(offer.contributions) == 3
        for product_id in cart:
            assert of_product(offer, product_id).value == pytest.approx(of_product(same, product_id).value, abs=1e-9)


def test_a_removal_is_the_score_that_the_bundle_gives_without_the_product(
    explainer: Explainer, plain: Recommender
) -> None:
    cart = ["pasta-1", "coffee-0", "tea-0"]
    for offer in explainer.explain({"cart": cart, "at": AT, "kinds": ["cross-sell", "add-on"]}).offers:
        wanted = offer.offer.product_id
        for removal in offer.removals:
            left = [product_id for product_id in cart if product_id != removal.product_id]
            request = {"cart": left, "at": AT, "kinds": ["cross-sell", "add-on"]}
            assert removal.score == pytest.approx(score_of(plain, wanted, request), abs=1e-6)
            assert of_product(offer, removal.product_id).score_without == removal.score
        assert [removal.score for removal in offer.removals] == sorted(removal.score for removal in offer.removals)


def test_what_is_bought_again_is_carried_by_its_own_purchases(explainer: Explainer) -> None:
    days = ("05-01", "05-15", "06-01", "06-15", "07-01")
    history = [{"product_id": "coffee-0", "ordered_at": f"2024-{day}T09:00:00"} for day in days]
    history += [
        {"product_id": product, "ordered_at": "2024-06-15T09:00:00"} for product in ("coffee-1", *"abcd", "milk-0")
    ]
    request = {"history": history, "at": AT, "moment": "follow-up"}
    (offer,) = explainer.explain(request, product="coffee-0").offers
    largest = offer.contributions[0]
    assert (largest.label, largest.product_ids) == (ITSELF, ("coffee-0",))
    assert largest.words.startswith("you bought it five times, every ")
    assert {part.label for part in offer.contributions} == {ITSELF, ALIKE, REST, "the moment: follow-up"}
    assert offer.removals[0].product_id == "coffee-0"
    assert largest.relevance_without < offer.offer.relevance


def test_a_short_history_counts_product_by_product(explainer: Explainer) -> None:
    history = [{"product_id": product, "ordered_at": "2024-07-01T09:00:00"} for product in ("pasta-1", "tea-0")]
    for offer in explainer.explain({"cart": ["coffee-0"], "history": history, "at": AT}).offers:
        of_history = {part.product_ids for part in offer.contributions if part.given == "history"}
        assert of_history == {("pasta-1",), ("tea-0",)}
