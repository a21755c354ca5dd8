"""Claims: a batch gives each customer the offers that the ledger lets out, full where it can be, or says why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from ledger.small_offers import AT, begin, claim, day, offer, offers, products
from mersalg.errors import BundleError
from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS, Kind
from mersalg.offers import Offer, Offers
from mersalg.requests import Request
from mersalg_service.follow_up.batch import MailingRequest, follow_up
from mersalg_service.follow_up.orders import Histories, Lines
from mersalg_service.ledger import Batch, Cap, Decision, Key, Ledger, Outcome, Rules, make_ledger, record, stats


@pytest.fixture
def ledger(new_sqlite: str, key: Key) -> Iterator[Ledger]:
    with make_ledger(new_sqlite, key) as ledger:
        yield ledger


@dataclass
class Shelf:
    """Answers every request with the same products, without what it excludes, and keeps the requests."""

    listed: list[Offer]
    requests: list[Request] = field(default_factory=list)
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def name(self, product_id: str) -> str:
        return product_id

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        self.requests += requests
        return [self.answer_one(request) for request in requests]

    def answer_one(self, request: Request) -> Offers:
        left = [o for o in self.listed if o.product_id not in request.exclude and o.kind in kinds_of(request)]
        items = tuple(left[: request.limit])
        return Offers(items, None if items else "below threshold", len(left), {})


def kinds_of(request: Request) -> list[Kind]:
    return [kind for kind, wanted in zip(KINDS, request.kinds, strict=True) if wanted]


def histories(*customer_ids: str, at: datetime = AT) -> Histories:
    return Histories(at, {customer_id: Lines(["milk"], [day(-9)], [1.0]) for customer_id in customer_ids})


def wish(limit: int = 2, *caps: Cap, kinds: tuple[Kind, ...] | None = None) -> MailingRequest:
    return MailingRequest(Rules(limit=limit, caps=caps), kinds)


def run(
    shelf: Any, ledger: Ledger, batch: Batch, wanted: MailingRequest, *customers: str
) -> dict[str, Decision | None]:
    return dict(follow_up(shelf, ledger, batch, histories(*customers, at=batch.begun_at), wanted))


def test_every_customer_is_decided_in_the_order_of_the_ids(ledger: Ledger) -> None:
    shelf = Shelf(offers("a", "b", "c"))
    found = run(shelf, ledger, begin(ledger, "1"), wish(), "berta", "anna")
    assert {c: products(d) for c, d in found.items() if d} == {"anna": ["a", "b"], "berta": ["a", "b"]}
    assert list(found) == ["anna", "berta"]


def test_a_request_has_the_history_the_time_and_the_kinds_of_a_follow_up_and_names_nobody(ledger: Ledger) -> None:
    shelf = Shelf(offers("a"))
    run(shelf, ledger, begin(ledger, "1", day(5)), wish(), "anna")
    (request,) = shelf.requests
    assert (request.history, request.history_age_days.tolist(), request.history_quantity.tolist()) == (
        ["milk"], [14.0], [1.0],
    )  # fmt: skip
    assert (MOMENTS[request.moment], request.limit) == ("follow-up", 2)
    assert set(kinds_of(request)) == set(KINDS_BY_MOMENT["follow-up"])
    assert "anna" not in repr(request)


def test_the_next_batch_goes_on_behind_what_was_offered_and_comes_back_full(ledger: Ledger) -> None:
    shelf = Shelf(offers(*"abcde"))
    got = [products(run(shelf, ledger, begin(ledger, n, day(int(n))), wish(), "anna")["anna"]) for n in "1234"]
    assert got == [["a", "b"], ["c", "d"], ["e"], []]


def test_who_was_offered_all_of_it_before_is_told_so(ledger: Ledger) -> None:
    shelf = Shelf(offers("a"))
    run(shelf, ledger, begin(ledger, "1"), wish(), "anna")
    found = run(shelf, ledger, begin(ledger, "2"), wish(), "anna")["anna"]
    assert (found.offers, found.reason) == ((), "offered before")


def test_who_has_no_offer_gets_the_recommenders_reason(ledger: Ledger) -> None:
    assert run(Shelf([]), ledger, begin(ledger, "1"), wish(), "anna")["anna"] == Decision((), "below threshold")


def test_a_cap_of_a_kind_does_not_leave_the_list_short(ledger: Ledger) -> None:
    shelf = Shelf([*offers("a", "b", "c", "d", "e", "f", "g", kind="replacement"), offer("z", "cross-sell")])
    found = run(shelf, ledger, begin(ledger, "1"), wish(2, Cap(1, 30, "replacement")), "anna")["anna"]
    assert products(found) == ["a", "z"]
    found = run(shelf, ledger, begin(ledger, "2"), wish(2, Cap(1, 30, "replacement")), "anna")["anna"]
    assert found.reason == "offered before"
    assert "replacement" not in kinds_of(shelf.requests[-1])


def test_who_is_at_a_cap_is_not_asked_for(ledger: Ledger) -> None:
    shelf = Shelf(offers(*"abcdef"))
    run(shelf, ledger, begin(ledger, "1"), wish(2, Cap(2, 30)), "anna")
    asked = len(shelf.requests)
    assert run(shelf, ledger, begin(ledger, "2"), wish(2, Cap(2, 30)), "anna")["anna"].reason == "cap offers:2/30d"
    shut = wish(2, Cap(0, 1, "upsell"), kinds=("upsell",))
    assert run(shelf, ledger, begin(ledger, "3"), shut, "anna")["anna"].reason == "cap upsell:0/1d"
    assert len(shelf.requests) == asked


def test_who_opted_out_gets_nothing_even_from_a_batch_that_had_decided(ledger: Ledger) -> None:
    shelf, batch = Shelf(offers(*"abcdef")), begin(ledger, "1")
    assert run(shelf, ledger, batch, wish(), "anna", "berta")["anna"].offers
    record(ledger, [Outcome("anna", "opted-out", day(1))])
    again = run(shelf, ledger, batch, wish(), "anna", "berta")
    assert again["anna"] == Decision((), "opted out")
    assert again["berta"].offers
    assert run(shelf, ledger, begin(ledger, "2"), wish(), "anna")["anna"].reason == "opted out"


def test_a_killed_batch_goes_on_and_a_finished_one_comes_out_the_same(ledger: Ledger) -> None:
    batch = begin(ledger, "1")
    first = run(Shelf(offers("a", "b")), ledger, batch, wish(), "anna")  # and no more: as if killed
    found = run(Shelf(offers("x")), ledger, begin(ledger, "1"), wish(), "anna", "berta", "zoe")
    assert found["anna"] == first["anna"]
    assert products(found["zoe"]) == ["x"]
    ledger.finish(batch)
    after = run(Shelf(offers("y")), ledger, begin(ledger, "1"), wish(), "anna", "berta", "zoe", "new")
    assert after == {**found, "new": None}


def test_what_another_batch_takes_in_between_is_made_up_for(ledger: Ledger) -> None:
    other = begin(ledger, "other")

    class Slow(Shelf):
        def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
            answers = super().answer(requests, threshold=threshold)
            if len(self.requests) == 1:  # the other batch claims what was just answered
                claim(ledger, other, "anna", offers("a", "b"), Rules(limit=2))
            return answers

    shelf = Slow(offers(*"abcd"))
    assert products(run(shelf, ledger, begin(ledger, "1"), wish(), "anna")["anna"]) == ["c", "d"]


def test_an_answer_that_fails_leaves_nothing_in_the_ledger(ledger: Ledger) -> None:
    customers = [f"customer {n:03}" for n in range(600)]

    class Broken(Shelf):
        def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
            if len(self.requests) + len(requests) >= len(customers):
                raise BundleError("scorer.onnx: relevance is nan")
            return super().answer(requests, threshold=threshold)

    with pytest.raises(BundleError):
        run(Broken(offers("a")), ledger, begin(ledger, "1"), wish(), *customers)
    assert (stats(ledger)["offers"], stats(ledger)["without_offer"]) == (0, {})
    assert run(Shelf(offers("a")), ledger, begin(ledger, "2"), wish(), *customers)[customers[0]].offers


def test_more_customers_than_go_into_one_transaction(ledger: Ledger) -> None:
    customers = [f"customer {n}" for n in range(600)]
    found = run(Shelf(offers("a")), ledger, begin(ledger, "1"), wish(), *customers)
    assert list(found) == sorted(customers)
    assert all(products(d) == ["a"] for d in found.values())
