"""Claims about the real graph: what it shows, in which order and how many, when a request leaves it to the moment."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mersalg
from mersalg import KINDS, Offer, Offers
from mersalg.offers import read_answer
from mersalg.requests import encode, read_mapping
from mersalg_training.config import KindsConfig

NEW, OWN = {"cross-sell", "add-on"}, {"more-of-same", "replacement"}
TURNS: dict[str, list[tuple[set[str], int]]] = {
    # moment: kinds that stand together, and the most of them
    "product-page": [({"upsell"}, 1), (NEW, 60)],
    "cart": [(NEW, 60), ({"upsell"}, 1), (OWN, 60)],
    "checkout": [({"add-on"}, 60), ({"replacement"}, 1)],
    "order-confirmation": [(NEW, 60)],
    "follow-up": [({"replacement"}, 60), ({"more-of-same"}, 60), ({"cross-sell"}, 1)],
}
Answered = list[tuple[dict[str, Any], Offers]]


def product_type(product_id: str) -> str:
    return product_id.split("-", maxsplit=1)[0]


@pytest.fixture(scope="module")
def requests(trained_bundle: Path) -> list[dict[str, Any]]:
    """Carts of the small shop with their history and without, each to be asked at any moment."""
    lines = (trained_bundle.parent / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    made = [json.loads(line) for line in lines]
    with_cart = [{**request, "limit": 60} for request in made if request["cart"]]
    return [*with_cart, *({**request, "history": []} for request in with_cart)]


@pytest.fixture(scope="module")
def recommender(trained_bundle: Path) -> mersalg.Recommender:
    return mersalg.load(trained_bundle)


def answered(
    recommender: mersalg.Recommender, requests: list[dict[str, Any]], *, threshold: bool = False, **fields: Any
) -> Answered:
    asked = [{**request, **fields} for request in requests]
    return list(zip(asked, recommender.score(asked, threshold=threshold), strict=True))


def left_to_the_moment(
    recommender: mersalg.Recommender, requests: list[dict[str, Any]], moment: str, limit: int = 60
) -> list[Offers]:
    """Answers by the moment's manners as if every candidate reached its threshold, so that all of them have to act."""
    answers = []
    for mapping in requests:
        request = read_mapping({**mapping, "moment": moment, "limit": limit, "kinds": None})
        feeds = {**encode(request), "apply_threshold": np.array([False])}
        answers.append(read_answer(request, recommender.session.run(feeds), recommender.silent))
    return answers


@pytest.mark.parametrize("moment", TURNS)
def test_the_kinds_of_a_moment_come_in_its_turns_and_no_more_of_each_than_its_most(
    moment: str, recommender: mersalg.Recommender, requests: list[dict[str, Any]]
) -> None:
    turns = TURNS[moment]
    seen: set[int] = set()
    for offers in left_to_the_moment(recommender, requests, moment):
        places = [next(i for i, (kinds, _) in enumerate(turns) if offer.kind in kinds) for offer in offers]
        assert places == sorted(places)
        assert all(places.count(i) <= most for i, (_, most) in enumerate(turns))
        seen.update(places)
    assert seen == set(range(len(turns)))


def test_beside_a_cart_stands_more_than_one_of_its_types_and_of_what_an_empty_cart_says_nothing_of_one(
    recommender: mersalg.Recommender, requests: list[dict[str, Any]]
) -> None:
    of_cart = []
    for request, offers in zip(requests, left_to_the_moment(recommender, requests, "cart"), strict=True):
        cart = {product_type(product) for product in request["cart"]}
        of_cart.append(sum(offer.kind in OWN and product_type(offer.product_id) in cart for offer in offers))
    assert max(of_cart) > 1
    without = left_to_the_moment(recommender, [{**request, "cart": []} for request in requests], "cart")
    assert max(sum(offer.kind in OWN for offer in offers) for offers in without) == 1


@pytest.mark.parametrize("moment", TURNS)
def test_an_answer_left_to_the_moment_holds_one_product_of_a_type(
    moment: str, recommender: mersalg.Recommender, requests: list[dict[str, Any]]
) -> None:
    for offers in left_to_the_moment(recommender, requests, moment):
        types = [product_type(offer.product_id) for offer in offers]
        assert len(types) == len(set(types))


def test_a_limit_cuts_what_the_manners_leave(recommender: mersalg.Recommender, requests: list[dict[str, Any]]) -> None:
    whole = left_to_the_moment(recommender, requests, "cart")
    for offers, three in zip(whole, left_to_the_moment(recommender, requests, "cart", limit=3), strict=True):
        assert [offer.product_id for offer in three] == [offer.product_id for offer in offers[:3]]


@pytest.mark.parametrize("kinds", [None, list(KINDS)])
def test_nothing_of_a_type_that_was_just_paid_for_is_offered_at_the_confirmation(
    kinds: list[str] | None, recommender: mersalg.Recommender, requests: list[dict[str, Any]]
) -> None:
    confirmed = answered(recommender, requests, moment="order-confirmation", kinds=kinds)
    assert any(offers for _, offers in confirmed)
    for request, offers in confirmed:
        paid = {product_type(product) for product in request["cart"]}
        assert paid.isdisjoint(product_type(offer.product_id) for offer in offers)
    later = answered(recommender, requests, moment="follow-up", kinds=list(KINDS))
    assert any(
        {product_type(product) for product in request["cart"]} & {product_type(offer.product_id) for offer in offers}
        for request, offers in later
    ), "a few days later what was paid for may be due again"


def test_kinds_that_a_request_names_come_by_their_score_however_many_of_a_type(
    recommender: mersalg.Recommender, requests: list[dict[str, Any]]
) -> None:
    most_own = most_of_type = 0
    for _, offers in answered(recommender, requests, moment="cart", kinds=list(KINDS)):
        scores = [offer.score for offer in offers]
        assert scores == sorted(scores, reverse=True)
        types = sorted(product_type(offer.product_id) for offer in offers)
        most_of_type = max(most_of_type, *(len(list(same)) for _, same in groupby(types)))
        most_own = max(most_own, sum(offer.kind in OWN for offer in offers))
    assert most_own > 1
    assert most_of_type > 1


@pytest.mark.parametrize("kinds", [None, list(KINDS)])
def test_a_new_product_is_shown_only_with_an_anchor_with_which_it_surely_goes(
    kinds: list[str] | None, recommender: mersalg.Recommender, requests: list[dict[str, Any]]
) -> None:
    def new(threshold: bool) -> list[Offer]:
        found = [answered(recommender, requests, moment=m, kinds=kinds, threshold=threshold) for m in TURNS]
        return [offer for answers in found for _, offers in answers for offer in offers if offer.kind in NEW]

    shown, ranked = new(threshold=True), new(threshold=False)
    assert shown
    for offer in shown:
        assert offer.because is not None
        assert offer.lift is not None
        assert offer.lift >= KindsConfig().least_lift
    assert any(offer.because is None and offer.lift is None for offer in ranked), "without thresholds there are others"
