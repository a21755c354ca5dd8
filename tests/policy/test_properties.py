"""What holds of every answer under every policy, catalogue, request and list of offers.

Each claim is checked from the catalogue's rows and the request, by another way than that of the rules.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg.names import AFTER_PAYMENT, KINDS_BY_MOMENT, MOMENTS
from mersalg.offers import Offer, Offers
from mersalg.policy import Catalogue, Policy, PolicyRecommender, parse_policy
from policy.drawn import drawn_catalogue, drawn_offers, drawn_policy, drawn_request, drawn_upsells
from policy.given_offers import AT, GivenOffers

EXAMPLES = settings(max_examples=200)
ROUNDING = 1e-6


@dataclass(frozen=True)
class Drawn:
    """A whole drawn case and its answer."""

    rows: dict[str, dict[str, Any]]
    policy: Policy
    request: dict[str, Any]
    given: list[Offer]
    answer: Offers
    off: frozenset[str]
    recommender: PolicyRecommender

    @property
    def rules(self) -> Any:
        return self.policy.moments[self.request["moment"]]

    @property
    def shopper(self) -> dict[str, Any]:
        return self.request["shopper"] or {}

    @property
    def open_cart(self) -> bool:
        return self.request["moment"] not in AFTER_PAYMENT

    def fact(self, product_id: str | None, name: str) -> Any:
        value = self.rows.get(product_id or "", {}).get(name)
        return value if value != [] else None

    def facts(self, name: str) -> list[tuple[Offer, Any]]:
        return [(offer, self.fact(offer.product_id, name)) for offer in self.answer]

    def age(self, line: dict[str, Any]) -> int:
        return (datetime.fromisoformat(AT) - datetime.fromisoformat(line["ordered_at"])).days

    def may_be_shown(self) -> list[Offer]:
        """The given offers of kinds that policy and request both want."""
        asked = self.request["kinds"]
        return [o for o in self.given if o.kind in self.rules.kinds and (asked is None or o.kind in asked)]

    def limit(self) -> int:
        return min(self.rules.limit, self.request.get("limit", self.rules.limit))


def case_of(seed: int) -> Drawn:
    """The case of a seed, and its answer."""
    random = Random(seed)
    rows = drawn_catalogue(random)
    policy = drawn_policy(random)
    request = drawn_request(random, budget=Catalogue(rows).knows("price"))
    return answered(rows, policy, request, drawn_offers(random, request["cart"]))


def answered(rows: list[dict[str, Any]], text: str, request: dict[str, Any], offers: list[Offer]) -> Drawn:
    """A case of its parts, and its answer."""
    catalogue, policy = Catalogue(rows), parse_policy(text)
    given_offers: Any = GivenOffers(offers)
    recommender = PolicyRecommender(given_offers, policy, catalogue)
    (answer,) = recommender.score([request])
    by_id = {row["product_id"]: row for row in rows}
    return Drawn(by_id, policy, request, offers, answer, frozenset(recommender.switched_off), recommender)


def cases() -> st.SearchStrategy[Drawn]:
    return st.integers(0, 2**40).map(case_of)


@given(case=cases())
@EXAMPLES
def test_no_offer_is_over_any_budget(case: Drawn) -> None:
    budget = case.policy.budget
    for offer, price in case.facts("price"):
        anchor = case.fact(offer.because, "price")
        if offer.kind == "upsell" and "price" not in missing(case):
            assert anchor is not None
            assert anchor < price
            assert budget.upsell_step == math.inf or price <= anchor * (1 + budget.upsell_step) + ROUNDING
        if offer.kind == "add-on" and "price" not in missing(case):
            assert price < anchor, "an add-on is cheaper than what it extends"
    assert_affordable(case)


def assert_affordable(case: Drawn) -> None:
    """Whoever accepts the offers one after another keeps within the shopper's budget and the cart's ceiling."""
    left, ceiling = case.shopper.get("budget"), case.policy.budget.cart_ceiling
    before, pieces = list(case.request["cart"]), list(case.request["cart"])
    untouched = set(pieces)
    for offer in case.answer:
        if offer.kind == "upsell" and case.open_cart and offer.because in pieces and offer.because in untouched:
            pieces.remove(offer.because)
        pieces.append(offer.product_id)
        added = (Counter(pieces) - Counter(before), Counter(before) - Counter(pieces))
        if left is not None:
            assert price_of(case, added[0]) - price_of(case, added[1]) <= left + ROUNDING
        if case.open_cart and ceiling < math.inf and "price" not in missing(case):
            assert price_of(case, Counter(pieces)) <= ceiling + ROUNDING


def price_of(case: Drawn, pieces: Counter[str]) -> float:
    """What the pieces cost together; those of unknown price cost everything."""
    prices = {name: case.fact(name, "price") for name in pieces}
    return sum(count * (math.inf if (price := prices[name]) is None else price) for name, count in pieces.items())


@given(case=st.integers(0, 2**40).map(lambda seed: answered(*drawn_upsells(Random(seed)))))
@EXAMPLES
def test_several_upsells_of_one_piece_keep_every_budget(case: Drawn) -> None:
    assert_affordable(case)


def test_the_drawn_upsells_put_several_of_one_piece_beside_a_budget() -> None:
    """The property above meets what it is about: answers, under a bound, with more upsells than pieces of an anchor."""
    met = 0
    for seed in range(400):
        case = answered(*drawn_upsells(Random(seed)))
        anchors = Counter(offer.because for offer in case.answer if offer.kind == "upsell")
        met += any(count > case.request["cart"].count(anchor) > 0 for anchor, count in anchors.items())
    assert met >= 40


@given(case=cases())
@EXAMPLES
def test_no_upsell_is_above_the_quantile_of_what_the_customer_has_been_paying_in_its_type(case: Drawn) -> None:
    for offer, product_type in case.facts("product_type"):
        if offer.kind != "upsell" or product_type is None or not case.policy.budget.paid_lines:
            continue
        paid = [
            price
            for line in case.request["history"]
            if case.fact(line["product_id"], "product_type") == product_type
            and (
                price := line["unit_price"]
                if line["unit_price"] is not None
                else case.fact(line["product_id"], "price")
            )
        ]
        price = case.fact(offer.product_id, "price")
        if len(paid) >= case.policy.budget.paid_lines and price is not None:
            dearer_or_as_dear = sum(paid_price >= price - ROUNDING for paid_price in paid)
            within = (len(paid) - dearer_or_as_dear) / len(paid)
            assert within < case.policy.budget.paid_quantile


@given(case=cases())
@EXAMPLES
def test_no_offer_is_dear_beside_the_cart(case: Drawn) -> None:
    share, cart = case.rules.most_of_cart, case.request["cart"]
    if cart and share < math.inf and "price" not in missing(case):
        known = sum(case.fact(name, "price") or 0.0 for name in cart)
        assert all(price is not None and price <= share * known + ROUNDING for _, price in case.facts("price"))


@given(case=cases())
@EXAMPLES
def test_nothing_that_is_had_is_offered_but_consumables(case: Drawn) -> None:
    usual = {"durable": case.policy.owned.durable_days, "warranty": 730.0, "subscription": 365.0}
    had = set(case.shopper.get("owned", ()))
    for line in case.request["history"]:
        nature = case.fact(line["product_id"], "nature")
        days = case.fact(line["product_id"], "lasts_days") or usual.get(nature, -1)
        if nature in usual and case.age(line) <= days:
            had.add(line["product_id"])
    if "nature" not in missing(case):
        for offer, nature in case.facts("nature"):
            assert nature not in usual or offer.product_id not in had
            assert not any(offer.product_id in (case.fact(name, "includes") or ()) for name in had)
            for name in had if nature in ("warranty", "subscription") else ():
                same = case.fact(name, "nature") == nature and case.fact(name, "product_type") is not None
                if same and case.fact(name, "product_type") == case.fact(offer.product_id, "product_type"):
                    both = [set(case.fact(i, "accessory_for") or ()) for i in (name, offer.product_id)]
                    assert all(both), "both say what they are for"
                    assert not both[0] & both[1], "and share nothing of it"


@given(case=cases())
@EXAMPLES
def test_nothing_is_offered_that_is_blocked_out_of_stock_elsewhere_under_age_or_below_the_margin(case: Drawn) -> None:
    blocked, eligibility = case.policy.blocked, case.policy.eligibility
    for offer in case.answer:
        row = case.rows.get(offer.product_id, {})
        assert offer.product_id not in blocked.products
        assert row.get("brand") not in blocked.brands
        assert row.get("product_type") not in blocked.product_types
        assert row.get("stock") is None or row["stock"] >= eligibility.least_stock or not eligibility.least_stock
        assert not row.get("regions") or case.shopper.get("region") in row["regions"]
        assert not row.get("minimum_age") or (case.shopper.get("age") or 0) >= row["minimum_age"]
        assert eligibility.not_in_catalogue == "offer" or row
        assert not row or row.get("price") or "price" in missing(case)
        if eligibility.least_margin > -math.inf and not {"price", "cost"} & missing(case):
            assert row["price"] - row["cost"] >= eligibility.least_margin * row["price"] - ROUNDING


@given(case=cases())
@EXAMPLES
def test_an_upsell_is_never_offered_after_payment(case: Drawn) -> None:
    if case.request["moment"] in AFTER_PAYMENT:
        assert "upsell" not in {offer.kind for offer in case.answer}


@given(case=cases())
@EXAMPLES
def test_caps_hold_and_what_is_never_mixed_is_not_mixed(case: Drawn) -> None:
    kinds = Counter(offer.kind for offer in case.answer)
    assert len(case.answer) <= case.limit()
    assert all(count <= case.rules.kinds.get(kind, 0) for kind, count in kinds.items())
    assert case.request["kinds"] is None or set(kinds) <= set(case.request["kinds"])
    types = Counter(product_type for _, product_type in case.facts("product_type") if product_type)
    assert all(count <= case.policy.diversity.most_of_type for count in types.values())
    assert all(len(group & set(kinds)) <= 1 for group in case.rules.never_together)


@given(case=cases())
@EXAMPLES
def test_cross_sell_and_upsell_of_one_anchor_are_coherent(case: Drawn) -> None:
    if not case.policy.diversity.coherent:
        return
    for upsell in (offer for offer in case.answer if offer.kind == "upsell"):
        after = {*case.request["cart"]} - {upsell.because} | {upsell.product_id}
        for offer, fits in case.facts("accessory_for"):
            assert offer == upsell or not fits or upsell.because not in fits or after & set(fits)


@given(case=cases())
@EXAMPLES
def test_the_policy_adds_no_offer_and_changes_no_figure_of_one(case: Drawn) -> None:
    untouched = {offer.product_id: replace(offer, rank=1) for offer in case.may_be_shown()}
    for rank, offer in enumerate(case.answer, start=1):
        assert offer.rank == rank
        assert replace(offer, rank=1, price_step=None) == untouched[offer.product_id]
    assert len({offer.product_id for offer in case.answer}) == len(case.answer)


@given(case=cases())
@EXAMPLES
def test_a_list_comes_back_full_when_it_can_and_what_is_missing_is_counted_by_rule(case: Drawn) -> None:
    if len(case.answer) < case.limit():
        assert len(case.answer) + sum(case.answer.filtered.values()) == len(case.may_be_shown())
    assert (case.answer.reason is None) == bool(case.answer)
    if case.answer.reason == "filtered":
        assert case.answer.filtered
    assert len(case.answer.beside) == len(case.answer)
    assert not case.off & case.answer.filtered.keys(), "a rule that is switched off takes nothing out"


@given(case=cases())
@EXAMPLES
def test_kinds_come_in_turns_and_within_a_turn_the_order_is_as_stated(case: Drawn) -> None:
    order = case.request.get("order", case.rules.order)
    place = {offer.product_id: position for position, offer in enumerate(case.given)}
    value = case.recommender.catalogue.value

    def turn(offer: Offer) -> int:
        named = [place for place, kinds in enumerate(case.rules.first) if offer.kind in kinds]
        return named[0] if named else len(case.rules.first)

    def key(offer: Offer) -> tuple[int, float, int]:
        worth = -offer.relevance * value(offer.product_id) if order == "value" else 0.0
        return turn(offer), worth, place[offer.product_id]

    keys = [key(offer) for offer in case.answer]
    assert keys == sorted(keys)


@given(case=cases())
@EXAMPLES
def test_the_same_question_has_the_same_answer_alone_and_in_a_batch(case: Drawn) -> None:
    others = [{"cart": ["p1"], "moment": moment, "at": AT} for moment in MOMENTS]
    again = case.recommender.score([*others, case.request, *others], batch_size=4)
    assert again[len(others)] == case.answer
    assert again[len(others)].filtered == case.answer.filtered


@given(moment=st.sampled_from(MOMENTS))
@EXAMPLES
def test_the_default_policy_offers_no_kind_that_is_not_offered_without_one(moment: str) -> None:
    assert set(parse_policy("").moments[moment].kinds) <= set(KINDS_BY_MOMENT[moment])  # type: ignore[index]


def missing(case: Drawn) -> set[str]:
    """Facts of which the catalogue knows none, so that rules on them are switched off."""
    catalogue = case.recommender.catalogue
    return {fact for fact in ("price", "cost", "nature") if not catalogue.knows(fact)}
