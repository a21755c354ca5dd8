"""Claims: what may be offered is a pure function of what was offered before, and no cap is ever broken."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.small_offers import offer, offers
from mersalg import LedgerError
from mersalg.names import KINDS
from mersalg_service.ledger import Cap, Rules, read_cap
from mersalg_service.ledger.rules import DAY, EarlierOffer, choose, most_around, standing, times_of

PRODUCTS = st.sampled_from([f"p{n}" for n in range(12)])
COUNTED = st.sampled_from(["offers", "mails", *KINDS])
CAPS = st.lists(
    st.builds(Cap, st.integers(0, 4), st.sampled_from([0.5, 1.0, 3.0, 10.0]), COUNTED), max_size=4, unique=True
).map(tuple)
MAILINGS = st.lists(
    st.tuples(st.integers(0, 60), st.lists(st.builds(offer, PRODUCTS, st.sampled_from(KINDS)), max_size=6)), max_size=14
)
"""Times in quarters of a day, in any order, and what each mailing wants to offer."""


def mailed(mailings: list[tuple[int, list[object]]], rules: Rules) -> list[EarlierOffer]:
    """What one customer got of all mailings, in the order in which they came."""
    past: list[EarlierOffer] = []
    for number, (quarter, wanted) in enumerate(mailings):
        at = quarter * DAY // 4
        chosen = choose(wanted, past, rules, at)  # type: ignore[arg-type]
        past += [EarlierOffer(o.product_id, o.kind, at, f"batch {number}") for o in chosen.granted]
    return past


@given(MAILINGS, CAPS, st.integers(1, 4))
def test_no_window_of_any_cap_ever_holds_more_than_it_allows(mailings: list, caps: tuple, limit: int) -> None:
    past = mailed(mailings, Rules(limit=limit, caps=caps))
    for cap in caps:
        times = times_of(cap, past)
        for start in times:
            assert sum(0 <= time - start < cap.days * DAY for time in times) <= cap.most


@given(MAILINGS, CAPS, st.integers(1, 4))
def test_no_product_is_offered_twice_and_no_mailing_is_over_the_limit(mailings: list, caps: tuple, limit: int) -> None:
    past = mailed(mailings, Rules(limit=limit, caps=caps))
    assert len({p.product_id for p in past}) == len(past)
    batches = [p.batch for p in past]
    assert max(map(batches.count, batches), default=0) <= limit


@given(MAILINGS, st.sampled_from([0.5, 2.0, 5.0]))
def test_a_product_comes_again_only_after_its_days(mailings: list, days: float) -> None:
    past = mailed(mailings, Rules(limit=3, again_after_days=days))
    for one in past:
        assert sum(p.product_id == one.product_id and abs(p.at - one.at) < days * DAY for p in past) == 1


@given(MAILINGS, CAPS, st.integers(1, 4))
def test_what_is_granted_keeps_its_order_and_nothing_better_was_left_without_a_reason(
    mailings: list, caps: tuple, limit: int
) -> None:
    rules, past = Rules(limit=limit, caps=caps), []
    for number, (quarter, wanted) in enumerate(mailings):
        chosen = choose(wanted, past, rules, quarter * DAY // 4)
        places = [wanted.index(o) for o in chosen.granted]
        assert places == sorted(places)
        last = len(wanted) if len(chosen.granted) < limit else places[-1]
        looked_at = {o.product_id for o in wanted[:last]}
        granted = {o.product_id for o in chosen.granted}
        assert looked_at <= granted | set(chosen.refused)
        assert not granted & set(chosen.refused)
        past += [EarlierOffer(o.product_id, o.kind, quarter * DAY // 4, str(number)) for o in chosen.granted]


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(0, 40), st.integers(1, 15))
def test_the_fullest_window_around_a_time_is_that_of_trying_them_all(times: list[int], at: int, window: int) -> None:
    tried = [sum(start <= time < start + window for time in times) for start in range(at - window + 1, at + 1)]
    assert most_around(times, at, window) == max(tried)


def test_two_offers_exactly_a_window_apart_are_in_no_window_together() -> None:
    past = [EarlierOffer("x", "add-on", 0, "a")]
    rules = Rules(caps=(Cap(1, 1),))
    assert choose(offers("y"), past, rules, DAY).granted
    assert not choose(offers("y"), past, rules, DAY - 1).granted


def test_a_cap_of_none_closes_a_kind() -> None:
    chosen = choose([offer("x", "upsell"), offer("y", "add-on")], [], Rules(caps=(Cap(0, 1, "upsell"),)), 0)
    assert [o.product_id for o in chosen.granted] == ["y"]
    assert chosen.refused == {"x": "cap upsell:0/1d"}
    assert "upsell" not in standing([], Rules(caps=(Cap(0, 1, "upsell"),)), 0).open_kinds


def test_a_product_that_is_listed_twice_is_granted_once() -> None:
    chosen = choose(offers("x", "x", "y"), [], Rules(limit=3), 0)
    assert [o.product_id for o in chosen.granted] == ["x", "y"]
    assert not chosen.refused


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ("2/30d", Cap(2, 30)),
        ("offers:2/30d", Cap(2, 30)),
        ("mails:1/0.5d", Cap(1, 0.5, "mails")),
        (" more-of-same:3/90d ", Cap(3, 90, "more-of-same")),
    ],
)
def test_a_cap_is_written_as_it_is_read(text: str, cap: Cap) -> None:
    assert read_cap(text) == cap
    assert read_cap(str(cap)) == cap


@pytest.mark.parametrize(
    "text", ["", "2", "2/30", "x/30d", "2/0d", "-1/3d", "gifts:1/3d", "2/30d ; drop", "1/9999999d"]
)
def test_what_is_no_cap_is_refused(text: str) -> None:
    with pytest.raises(LedgerError, match="cap"):
        read_cap(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": True},
        {"limit": 1.5},
        {"again_after_days": -1.0},
        {"again_after_days": math.nan},
        {"moment": "birthday"},
    ],
)
def test_rules_that_do_not_hold_are_refused(wrong: dict) -> None:
    with pytest.raises(LedgerError, match=next(iter(wrong))):
        Rules(**wrong)
