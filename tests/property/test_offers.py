"""What holds of every answer of a trained bundle, whatever is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg import KINDS, Offer, Offers, Recommender
from mersalg.names import AFTER_PAYMENT, KINDS_BY_MOMENT, ORDERS
from property.requests_of_a_shop import requests_of

EXAMPLES = settings(max_examples=80)
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
    request = data.draw(requests_of(products))
    offers = ask(recommender, request)
    assert [offer.rank for offer in offers] == list(range(1, len(offers) + 1))
    if request["order"] == "relevance":
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
    request = data.draw(requests_of(products, limit=1000, kinds=list(KINDS)))
    everything, shown = ask(recommender, request), ask(recommender, request, threshold=True)
    least = {k: np.float32(2.0 if kinds[k]["threshold"] is None else kinds[k]["threshold"]) for k in KINDS}
    passing = [offer for offer in everything if np.float32(offer.relevance) >= least[offer.kind] and has_cause(offer)]
    assert [row[1:] for row in told(shown)] == [(o.product_id, o.kind, o.because) for o in passing]


def has_cause(offer: Offer) -> bool:
    """Whether something may be shown at all: a new product has an anchor, an upsell is better in something."""
    if offer.kind in ("cross-sell", "add-on"):
        return offer.because is not None
    return offer.kind != "upsell" or bool(offer.better)


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
    more["only"] = [*request["only"], "never sold"] if request["only"] else []
    assert told(ask(recommender, request)) == told(ask(recommender, more))


@given(data=st.data())
@EXAMPLES
def test_the_order_changes_neither_what_may_be_shown_nor_any_figure_of_it(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products, limit=1000))
    for threshold in (True, False):
        answers = [ask(recommender, {**request, "order": order}, threshold=threshold) for order in ORDERS]
        by_score, by_value = ({(o.product_id, o.kind, o.relevance, o.score) for o in offers} for offers in answers)
        if request["kinds"] is None and threshold:
            # Of those of a type, which exclude one another, the first stands; every one of them may be shown.
            kinds = list(KINDS_BY_MOMENT[request["moment"]])
            may_be = ask(recommender, {**request, "kinds": kinds}, threshold=True)
            assert by_score | by_value <= {(o.product_id, o.kind, o.relevance, o.score) for o in may_be}
            assert bool(by_score) == bool(by_value)
        else:
            assert by_score == by_value
        assert answers[0].best_relevance == answers[1].best_relevance
        assert (answers[0].retrieved, answers[0].reason) == (answers[1].retrieved, answers[1].reason)


@given(data=st.data())
@EXAMPLES
def test_by_value_the_largest_expected_value_comes_first_and_of_equals_the_best_score(
    recommender: Recommender, products: list[str], value_of: dict[str, float], data: st.DataObject
) -> None:
    offers = ask(recommender, data.draw(requests_of(products, order="value")))
    keys = [(np.float32(o.relevance) * np.float32(value_of[o.product_id]), np.float32(o.score)) for o in offers]
    assert keys == sorted(keys, reverse=True)


@given(data=st.data())
@EXAMPLES
def test_by_value_every_offer_reaches_the_threshold_of_its_kind(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    kinds = recommender.manifest["kinds"]
    for offer in ask(recommender, data.draw(requests_of(products, order="value")), threshold=True):
        threshold = kinds[offer.kind]["threshold"]
        assert threshold is not None
        assert np.float32(offer.relevance) >= np.float32(threshold)


@given(data=st.data())
@EXAMPLES
def test_nothing_but_what_only_names_is_offered_and_all_of_it_that_may_be(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    only = data.draw(st.lists(st.sampled_from([*products, "unknown"]), min_size=1, max_size=70))
    request = data.draw(requests_of(products, only=only, limit=1000, kinds=list(KINDS), moment="cart", exclude=[]))
    offers = ask(recommender, request)
    offered = {offer.product_id for offer in offers}
    assert offered == (set(only) & set(products)) - set(request["cart"])
    assert offers.retrieved == len(offers)


@given(data=st.data())
@EXAMPLES
def test_only_takes_out_and_changes_no_figure_of_what_stays(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products, only=[], limit=1000, order="relevance"))
    only = data.draw(st.lists(st.sampled_from(products), min_size=1, max_size=30))
    free = ask(recommender, request)
    restricted = {o.product_id: o for o in ask(recommender, {**request, "only": only})}
    stay = [offer for offer in free if offer.product_id in only]
    assert {offer.product_id for offer in stay} <= restricted.keys()
    for offer in stay:
        there = restricted[offer.product_id]
        assert (there.kind, there.because) == (offer.kind, offer.because)
        assert there.score == pytest.approx(offer.score, abs=1e-6)
        assert there.relevance == pytest.approx(offer.relevance, abs=1e-6)


def test_a_restricted_request_in_a_batch_changes_no_other(recommender: Recommender, products: list[str]) -> None:
    request = {"cart": [products[0]], "kinds": list(KINDS), "limit": 1000, "at": "2024-07-01"}
    together = recommender.score([request, {**request, "only": products}], threshold=False)
    alone = ask(recommender, request)
    assert len(together[1]) > len(together[0]), "the restricted request takes more places than there are for others"
    assert told(together[0]) == told(alone)
