"""What holds of every answer of a trained bundle, whatever is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mersalg import KINDS, Offers, Recommender
from mersalg.names import AFTER_PAYMENT, KINDS_BY_MOMENT
from property.requests_of_a_shop import requests_of

EXAMPLES = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(EXAMPLES, max_examples=15)


def told(offers: Offers) -> list[tuple[int, str, str, str | None]]:
    """What a shop shows of an answer."""
    return [(offer.rank, offer.product_id, offer.kind, offer.because) for offer in offers]


def ask(recommender: Recommender, request: dict[str, Any], *, threshold: bool = False) -> Offers:
    return recommender.score([request], threshold=threshold)[0]


@given(data=st.data())
@EXAMPLES
def test_no_product_of_an_open_cart_is_offered(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products))
    if request["moment"] not in AFTER_PAYMENT:
        offered = {offer.product_id for offer in ask(recommender, request)}
        assert not offered & set(request["cart"])


@given(data=st.data())
@EXAMPLES
def test_what_has_just_been_paid_is_offered_as_more_of_same_alone(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    moment = data.draw(st.sampled_from(sorted(AFTER_PAYMENT)))
    request = data.draw(requests_of(products, moment=moment, kinds=list(KINDS), limit=200, exclude=[]))
    for offer in ask(recommender, request):
        if offer.product_id in request["cart"]:
            assert offer.kind == "more-of-same"
            assert offer.because == offer.product_id


@given(data=st.data())
@EXAMPLES
def test_neither_the_order_of_the_cart_nor_duplicates_change_anything(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products))
    cart = data.draw(st.permutations([*request["cart"], *request["cart"][:3]]))
    first, second = ask(recommender, request), ask(recommender, {**request, "cart": cart})
    assert told(first) == told(second)
    assert first.retrieved == second.retrieved
    assert [offer.score for offer in first] == [offer.score for offer in second]


@given(data=st.data())
@EXAMPLES
def test_the_limit_holds_and_cuts_the_end_alone(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products))
    all_offers = ask(recommender, {**request, "limit": 1000})
    cut = ask(recommender, request)
    assert told(cut) == told(all_offers)[: request["limit"]]


@given(data=st.data())
@EXAMPLES
def test_what_is_excluded_is_never_offered(recommender: Recommender, products: list[str], data: st.DataObject) -> None:
    request = data.draw(requests_of(products, exclude=[]))
    best = [offer.product_id for offer in ask(recommender, request)]
    excluded = data.draw(st.lists(st.sampled_from(best), max_size=4) if best else st.just([]))
    without = ask(recommender, {**request, "exclude": excluded})
    assert not {offer.product_id for offer in without} & set(excluded)


@given(data=st.data())
@EXAMPLES
def test_ranks_count_from_one_scores_fall_and_no_product_stands_twice(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    offers = ask(recommender, data.draw(requests_of(products)))
    assert [offer.rank for offer in offers] == list(range(1, len(offers) + 1))
    assert all(np.diff([offer.score for offer in offers]) <= 0)
    assert len({offer.product_id for offer in offers}) == len(offers)
    assert {offer.product_id for offer in offers} <= set(products)
    assert all(0 <= offer.relevance <= 1 for offer in offers)
    assert len(offers) <= offers.retrieved


@given(data=st.data())
@EXAMPLES
def test_only_kinds_that_were_asked_for_are_offered(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products))
    allowed = request["kinds"] if request["kinds"] is not None else KINDS_BY_MOMENT[request["moment"]]
    offers = ask(recommender, request)
    assert {offer.kind for offer in offers} <= set(allowed)
    assert offers.best_relevance.keys() <= set(allowed)


@given(data=st.data())
@EXAMPLES
def test_a_pair_has_the_same_kind_whatever_other_kinds_are_asked_for(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products, limit=1000))
    alone = data.draw(st.sampled_from(KINDS))
    every = {o.product_id: o.kind for o in ask(recommender, {**request, "kinds": list(KINDS)})}
    for offer in ask(recommender, {**request, "kinds": [alone]}):
        assert every.get(offer.product_id, alone) == alone


@given(data=st.data())
@EXAMPLES
def test_every_offer_reaches_the_threshold_of_its_kind(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    kinds = recommender.manifest["kinds"]
    for offer in ask(recommender, data.draw(requests_of(products)), threshold=True):
        threshold = kinds[offer.kind]["threshold"]
        assert threshold is not None
        assert np.float32(offer.relevance) >= np.float32(threshold)


@given(data=st.data())
@EXAMPLES
def test_a_threshold_takes_out_and_never_reorders(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    kinds = recommender.manifest["kinds"]
    request = data.draw(requests_of(products, limit=1000))
    everything, shown = ask(recommender, request), ask(recommender, request, threshold=True)
    least = {k: np.float32(2.0 if kinds[k]["threshold"] is None else kinds[k]["threshold"]) for k in KINDS}
    passing = [offer for offer in everything if np.float32(offer.relevance) >= least[offer.kind]]
    assert [row[1:] for row in told(shown)] == [(o.product_id, o.kind, o.because) for o in passing]


@given(data=st.data())
@EXAMPLES
def test_an_empty_answer_and_only_that_says_why(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    offers = ask(recommender, data.draw(requests_of(products)), threshold=True)
    assert (offers.reason is None) == (len(offers) > 0)


@given(data=st.data())
@MANY
def test_a_batch_gives_what_single_requests_give(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    requests = data.draw(st.lists(requests_of(products), min_size=2, max_size=9))
    for threshold in (True, False):
        together = recommender.score(requests, threshold=threshold)
        for request, offers in zip(requests, together, strict=True):
            alone = ask(recommender, request, threshold=threshold)
            assert told(offers) == told(alone)
            assert [o.score for o in offers] == pytest.approx([o.score for o in alone], abs=1e-6)
            assert offers.retrieved == alone.retrieved
            assert offers.reason == alone.reason


@given(data=st.data())
@EXAMPLES
def test_a_history_of_the_future_is_no_history(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products))
    past = [line for line in request["history"] if line["ordered_at"] <= request["at"]]
    assert told(ask(recommender, request)) == told(ask(recommender, {**request, "history": past}))


@given(data=st.data())
@EXAMPLES
def test_unknown_products_change_nothing(recommender: Recommender, products: list[str], data: st.DataObject) -> None:
    request = data.draw(requests_of(products))
    more = {**request, "cart": [*request["cart"], "never sold"], "exclude": [*request["exclude"], "never sold"]}
    assert told(ask(recommender, request)) == told(ask(recommender, more))
