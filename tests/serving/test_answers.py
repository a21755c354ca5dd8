from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg import KINDS, MOMENTS, Recommender, load
from mersalg.names import AFTER_PAYMENT
from mersalg.offers import REASONS
from toy_bundle import CANDIDATES, write_bundle, write_manifest

AT = datetime(2017, 6, 1, 12)


def bought(product_id: str, days_ago: float, quantity: float = 1) -> dict[str, object]:
    return {"product_id": product_id, "ordered_at": AT - timedelta(days=days_ago), "quantity": quantity}


def products(offers: object) -> list[str]:
    return [offer.product_id for offer in offers]  # type: ignore[attr-defined]


def test_offers_come_best_first_with_rank_kind_relevance_and_anchor(toy: Recommender) -> None:
    offers = toy.recommend(cart=["milk"], limit=2, at=AT)
    assert [(o.rank, o.product_id, o.kind, o.because) for o in offers] == [
        (1, "milk", "more-of-same", "milk"),
        (2, "bread", "cross-sell", "milk"),
    ]
    assert [o.relevance for o in offers] == pytest.approx([0.5, 0.3])
    assert [o.score for o in offers] == pytest.approx([5.0, 3.0])
    assert offers.reason is None
    assert offers.retrieved == 7


def test_after_payment_nothing_is_offered_where_no_customer_is_known_to_come_back(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "toy")
    manifest = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {**manifest, "customers_return": False})
    recommender = load(folder)
    for moment in MOMENTS:
        reason = recommender.recommend(cart=["milk"], moment=moment).reason
        assert (reason == "no customers known") is (moment in AFTER_PAYMENT)
    assert recommender.recommend(moment="follow-up", limit=0).reason == "limit is 0"


def test_because_is_none_where_no_product_brought_the_offer(toy: Recommender) -> None:
    assert {offer.because for offer in toy.recommend(cart=["bread"], at=AT)} == {None}


def test_an_unknown_product_changes_nothing(toy: Recommender) -> None:
    assert toy.recommend(cart=["milk", "no such product"], at=AT) == toy.recommend(cart=["milk"], at=AT)


def test_duplicates_and_the_order_of_the_cart_change_nothing(toy: Recommender) -> None:
    assert toy.recommend(cart=["bag", "milk", "bag"], at=AT) == toy.recommend(cart=["milk", "bag"], at=AT)


def test_a_cart_of_a_thousand_products_is_answered(toy: Recommender) -> None:
    cart = [f"other {number}" for number in range(999)] + ["bread"]
    assert products(toy.recommend(cart=cart, at=AT)) == ["milk", "butter", "bag"]


def test_an_empty_cart_without_history_is_answered(toy: Recommender) -> None:
    assert products(toy.recommend()) == ["milk", "bread", "butter"]


def test_a_history_moves_what_was_bought_up(toy: Recommender) -> None:
    assert products(toy.recommend(history=[bought("butter", 3, quantity=40)], limit=2, at=AT)) == ["butter", "milk"]


def test_a_history_from_the_future_changes_nothing(toy: Recommender) -> None:
    assert toy.recommend(history=[bought("butter", -3, quantity=40)], at=AT) == toy.recommend(at=AT)


def test_a_returned_line_changes_nothing(toy: Recommender) -> None:
    history = [bought("butter", 3, quantity=-40), bought("butter", 3, quantity=0)]
    assert toy.recommend(history=history, at=AT) == toy.recommend(at=AT)


def test_only_the_thousand_latest_lines_are_used(toy: Recommender) -> None:
    old, new = [bought("butter", 900, quantity=40)], [bought("other", 1)] * 999
    assert products(toy.recommend(history=old + new, limit=1, at=AT)) == ["butter"]
    assert products(toy.recommend(history=[*new, bought("other", 2), *old], limit=1, at=AT)) == ["milk"]


def test_an_excluded_product_is_never_offered(toy: Recommender) -> None:
    assert products(toy.recommend(exclude=["milk", "butter"], at=AT)) == ["bread", "bag", "wine"]


def test_by_value_comes_first_what_is_relevant_and_brings_much(toy: Recommender) -> None:
    by_value = toy.recommend(order="value", at=AT)
    assert products(by_value) == ["wine", "bag", "butter"]
    assert [o.relevance for o in by_value] == pytest.approx([0.1, 0.15, 0.2])
    assert [o.score for o in by_value] == pytest.approx([1.0, 1.5, 2.0])
    assert products(toy.recommend(at=AT)) == ["milk", "bread", "butter"]


def test_value_lifts_nothing_over_its_threshold(toy: Recommender) -> None:
    relevance, value = (toy.recommend(order=order, limit=9, at=AT) for order in ("relevance", "value"))
    assert set(products(relevance)) == set(products(value)) == {"milk", "bread", "butter", "bag", "wine"}
    assert (relevance.retrieved, relevance.best_relevance) == (value.retrieved, value.best_relevance)


def test_nothing_but_what_only_names_is_offered(toy: Recommender) -> None:
    offers = toy.recommend(only=["wine", "no such product", "bread", "honey"], limit=9, at=AT)
    assert products(offers) == ["bread", "wine"]
    assert offers.retrieved == 3
    assert products(toy.recommend(only=["wine", "bread"], exclude=["bread"], at=AT)) == ["wine"]
    assert products(toy.recommend(only=[], at=AT)) == products(toy.recommend(at=AT))


def test_where_only_names_no_known_product_nothing_is_retrieved(toy: Recommender) -> None:
    offers = toy.recommend(only=["no such product"], at=AT)
    assert (len(offers), offers.reason, offers.retrieved) == (0, "nothing retrieved", 0)


def test_the_kinds_of_the_moment_are_asked_for_when_none_are_named(toy: Recommender) -> None:
    assert {o.kind for o in toy.recommend(moment="product-page", limit=9)} == {"upsell", "add-on", "cross-sell"}
    assert {o.kind for o in toy.recommend(moment="product-page", kinds=["more-of-same"], limit=9)} == {"more-of-same"}


def test_without_a_threshold_everything_retrieved_is_ranked(toy: Recommender) -> None:
    (offers,) = toy.score([{"limit": 100}], threshold=False)
    assert products(offers) == list(CANDIDATES)
    assert len(offers) == offers.retrieved


@pytest.mark.parametrize(
    ("request_fields", "reason", "retrieved"),
    [
        ({"limit": 0}, "limit is 0", 0),
        ({"kinds": []}, "no kind asked for", 0),
        ({"kinds": ["upsell"], "moment": "follow-up"}, "nothing retrieved", 0),
        ({"kinds": ["replacement"]}, "kind silent", 1),
        ({"kinds": ["add-on"], "exclude": ["bag"]}, "below threshold", 1),
        ({"kinds": ["add-on", "replacement"], "exclude": ["bag"]}, "below threshold", 2),
        ({"only": ["honey", "filter"]}, "below threshold", 2),
        ({"only": ["milk"], "exclude": ["milk"]}, "nothing retrieved", 0),
    ],
)
def test_an_empty_answer_says_why(
    toy: Recommender, request_fields: dict[str, object], reason: str, retrieved: int
) -> None:
    (offers,) = toy.score([request_fields])
    assert (len(offers), offers.reason, offers.retrieved) == (0, reason, retrieved)
    assert reason in REASONS
    assert reason in repr(offers)


def test_an_answer_below_the_threshold_tells_how_close_it_was(toy: Recommender) -> None:
    offers = toy.recommend(kinds=["add-on", "replacement"], exclude=["bag"])
    assert offers.best_relevance == pytest.approx({"add-on": 0.02, "replacement": 0.05})


def test_offers_are_an_immutable_sequence(toy: Recommender) -> None:
    offers = toy.recommend(at=AT)
    assert offers[0] in offers
    assert offers[1:] == tuple(offers)[1:]
    assert hash(offers) == hash(toy.recommend(at=AT))
    with pytest.raises(FrozenInstanceError):
        offers.reason = "below threshold"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        offers[0].rank = 7  # type: ignore[misc]


def test_a_name_is_the_catalogues_or_else_the_id(toy: Recommender) -> None:
    assert (toy.name("milk"), toy.name("honey"), toy.name("unknown")) == ("Fresh milk", "honey", "unknown")


PRODUCTS = st.sampled_from([*CANDIDATES, "unknown", "Ünknøwn ☃"])
LINES = st.builds(bought, PRODUCTS, st.floats(-5, 500), st.integers(-2, 30))
REQUESTS = st.fixed_dictionaries(
    {
        "request_id": st.text("abc", max_size=3),
        "cart": st.lists(PRODUCTS, max_size=6),
        "history": st.lists(LINES, max_size=8),
        "moment": st.sampled_from(MOMENTS),
        "kinds": st.none() | st.lists(st.sampled_from(KINDS), max_size=5),
        "limit": st.integers(0, 12),
        "exclude": st.lists(PRODUCTS, max_size=3),
        "only": st.lists(PRODUCTS, max_size=5),
        "order": st.sampled_from(["relevance", "value"]),
        "at": st.just(AT),
    }
)


@settings(max_examples=60)
@given(requests=st.lists(REQUESTS, max_size=9), threshold=st.booleans(), batch_size=st.integers(1, 5))
def test_a_batch_gives_what_single_requests_give(
    toy: Recommender, requests: list[dict[str, object]], threshold: bool, batch_size: int
) -> None:
    together = toy.score(requests, threshold=threshold, batch_size=batch_size)
    assert together == [toy.score([request], threshold=threshold)[0] for request in requests]


@settings(max_examples=60)
@given(request=REQUESTS)
def test_limit_holds_and_a_reason_stands_exactly_on_an_empty_answer(
    toy: Recommender, request: dict[str, object]
) -> None:
    (offers,) = toy.score([request])
    assert len(offers) <= request["limit"]  # type: ignore[operator]
    assert (offers.reason is not None) == (len(offers) == 0)
    assert [offer.rank for offer in offers] == list(range(1, len(offers) + 1))


def test_eight_threads_get_what_one_gets(toy: Recommender, toy_folder: Path) -> None:
    requests = [
        {"cart": ["milk", "bag"][: i % 3], "limit": i % 7, "moment": MOMENTS[i % 5], "at": AT} for i in range(400)
    ]
    alone = [toy.score([request])[0] for request in requests]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda request: toy.score([request])[0], requests)) == alone
    assert load(toy_folder, threads=8).score(requests) == alone
