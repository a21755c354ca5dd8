"""Claims about drawn orders: what may be shown, with which chance, and that a retry sees the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg.errors import ConfigError
from mersalg.names import MOMENTS
from mersalg.offers import Offer, Offers
from mersalg.policy import Catalogue, PolicyRecommender, parse_policy
from mersalg.policy.context import RequestContext
from mersalg.policy.slate import Slate
from mersalg.requests import Request, read_mapping
from mersalg_service.experiment import Exploration, ExploredOffers, Explorer
from mersalg_service.experiment.exploration import MAX_POOL, DrawPool, make_pool, place_chances
from mersalg_service.experiment.explored_answers import expected_cost, turns_of
from policy.drawn import drawn_catalogue, drawn_offers, drawn_policy, drawn_request
from policy.given_offers import AT, GivenOffers, offer, ranked, under

KEY = b"k" * 16
CART_POLICY = """
[moments.cart]
kinds = { cross-sell = 3, more-of-same = 2 }
limit = 2
first = ["cross-sell"]
never_together = []
"""


def odds_of(relevance: float) -> float:
    return relevance / (1.0 - relevance)


def by_permutations(weights: Sequence[float], places: int) -> list[list[float]]:
    """[offer][place]: the chances of all orders of all offers, one after another, summed."""
    found = [[0.0] * places for _ in weights]
    for order in permutations(range(len(weights))):
        left, chance = sum(weights), 1.0
        for i in order:
            chance *= weights[i] / left
            left -= weights[i]
        for place in range(places):
            found[order[place]][place] += chance
    return found


@pytest.mark.parametrize("places", [1, 2, 3, 4])
@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0), (1.0, 0.5, 0.25, 0.05), (1.0, 0.2, 0.9, 0.2, 0.4)])
def test_chances_are_those_of_all_orders_summed(weights: tuple[float, ...], places: int) -> None:
    places = min(places, len(weights))
    chances = place_chances(weights, places)
    for found, expected in zip(chances, by_permutations(weights, places), strict=True):
        assert found == pytest.approx(expected, abs=1e-12)
    for place in range(places):
        assert math.fsum(row[place] for row in chances) == pytest.approx(1.0, abs=1e-12)


def test_two_offers_of_three_to_one_stand_first_as_often() -> None:
    pool = make_pool([offer("a", relevance=0.5), offer("b", relevance=0.25)], [0, 0], 1)
    assert pool.chances() == [[pytest.approx(0.75)], [pytest.approx(0.25)]]  # odds of 1 and 1/3


def test_the_odds_of_what_is_hardly_relevant_are_bounded() -> None:
    pool = make_pool([offer("a", relevance=0.9), offer("b", relevance=0.0), offer("c", relevance=1.0)], [0, 0, 1], 3)
    assert pool.weights == [1.0, 0.05, 1.0]


def test_no_offer_leaves_its_turn() -> None:
    pool = make_pool([offer(name) for name in "abcd"], [0, 0, 1, 1], 3)
    half, none = pytest.approx(0.5), 0.0
    assert pool.chances() == [[half, half, none], [half, half, none], [none, none, half], [none, none, half]]
    assert {tuple(sorted(Exploration(1.0, KEY).order(str(n), pool)[:2])) for n in range(50)} == {(0, 1)}


def test_the_pool_is_twice_the_answer_and_never_large() -> None:
    many = [offer(str(number)) for number in range(30)]
    sizes = {limit: len(make_pool(many, [0] * 30, limit).offers) for limit in (1, 3, 4, 20)}
    assert sizes == {1: 2, 3: 6, 4: MAX_POOL, 20: MAX_POOL}


def explorer(share: float, offers: Sequence[Offer], policy: str = CART_POLICY) -> Explorer:
    catalogue = [{"product_id": o.product_id, "price": 1.0} for o in offers]
    return Explorer(Exploration(share, KEY), under(policy, catalogue, offers))


def asked(request_id: str, **more: object) -> Request:
    return read_mapping({"request_id": request_id, "cart": ["x"], "at": AT, **more})


def shown(answer: Offers) -> ExploredOffers:
    assert isinstance(answer, ExploredOffers)
    return answer


FOUR = [
    offer("a", relevance=0.5), offer("b", relevance=0.25), offer("c", relevance=0.1),
    offer("d", "more-of-same", relevance=0.6), offer("e", "more-of-same", relevance=0.3),
]  # fmt: skip


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_recorded_chances_are_how_often_it_is_shown(share: float) -> None:
    by, tries = explorer(share, FOUR), 6000
    answers = [shown(answer) for answer in by.answer([asked(f"r{number}") for number in range(tries)])]
    counts = Counter((o.product_id, o.rank) for answer in answers for o in answer)
    recorded = {(o.product_id, o.rank): p for answer in answers for o, p in zip(answer, answer.propensity, strict=True)}
    drawn = by_permutations([odds_of(0.5), odds_of(0.25), odds_of(0.1)], 2)
    for place in range(2):
        for i, name in enumerate("abc"):
            expected = share * drawn[i][place] + (1.0 - share) * (i == place)
            assert recorded[name, place + 1] == pytest.approx(expected, abs=1e-12)
            error = 4.0 * math.sqrt(expected * (1.0 - expected) / tries)
            assert counts[name, place + 1] / tries == pytest.approx(expected, abs=error)
        assert sum(recorded[name, place + 1] for name in "abc") == pytest.approx(1.0)
    assert len(recorded) == 6, "what comes in a later turn is behind the first two places"
    explored = sum(answer.explored for answer in answers) / tries
    assert explored == pytest.approx(share, abs=4.0 * math.sqrt(share * (1 - share) / tries))


def test_a_retry_sees_the_same_and_another_key_draws_anew() -> None:
    requests = [asked(f"r{number}") for number in range(200)]
    first, again = (explorer(0.5, FOUR).answer(requests) for _ in range(2))
    assert first == again
    by = explorer(0.5, FOUR)
    other = Explorer(Exploration(0.5, b"o" * 16), by.recommender).answer(requests)
    assert [a.items for a in other] != [a.items for a in first]


def test_without_drawing_the_answer_is_the_recommenders_own() -> None:
    by = explorer(0.5, FOUR)
    for number in range(50):
        request = asked(f"r{number}")
        answer, own = shown(by.answer([request])[0]), by.recommender.answer([request], threshold=True)[0]
        if not answer.explored:
            assert (answer.items, answer.beside, answer.filtered) == (own.items, own.beside, own.filtered)
    nothing = by.recommender.answer([asked("r", kinds=["upsell"])], threshold=True)
    assert by.answer([asked("r", kinds=["upsell"])]) == nothing


def test_a_request_without_an_id_is_not_explored_and_has_no_chance() -> None:
    answer = shown(explorer(1.0, FOUR).answer([asked("")])[0])
    assert ([o.product_id for o in answer], answer.propensity, answer.explored) == (["a", "b"], (None, None), False)


def test_what_is_not_asked_of_a_foreign_recommender_is_not_shown() -> None:
    by = Explorer(Exploration(1.0, KEY), GivenOffers(ranked(FOUR)))  # type: ignore[arg-type]
    answers = [shown(by.answer([asked(f"r{number}", limit=2)])[0]) for number in range(40)]
    assert {tuple(sorted(o.product_id for o in answer)) for answer in answers} == {("a", "b")}
    assert len({answer[0].product_id for answer in answers}) == 2


def test_places_behind_the_pool_keep_their_offers() -> None:
    many = ranked(offer(f"p{number:02}") for number in range(12))
    by = explorer(1.0, many, "[moments.cart]\nkinds = { cross-sell = 20 }\nlimit = 20\n")
    answer = shown(by.answer([asked("r")])[0])
    assert [o.product_id for o in answer][MAX_POOL:] == ["p08", "p09", "p10", "p11"]
    assert answer.propensity[MAX_POOL:] == (1.0,) * 4
    assert [o.rank for o in answer] == list(range(1, 13))


def test_what_stands_beside_no_cart_stays_last() -> None:
    groups = [("cross-sell",), ("upsell",), ("more-of-same", "replacement"), ("more-of-same", "replacement")]
    kinds = ["cross-sell", "more-of-same", "replacement", "more-of-same"]
    assert turns_of(kinds, groups) == [0, 2, 2, 3]  # type: ignore[arg-type]


def test_the_cost_is_the_relevance_that_a_drawn_order_shows_less() -> None:
    own, drawn, n = expected_cost(explorer(0.1, FOUR[:2], CART_POLICY.replace("= 2\nf", "= 1\nf")), [asked("r")])
    assert (own, drawn, n) == (pytest.approx(0.5), pytest.approx(0.75 * 0.5 + 0.25 * 0.25), 1)


@pytest.mark.parametrize(("share", "key"), [(0.0, KEY), (1.1, KEY), (math.nan, KEY), (0.5, b"short")])
def test_no_share_and_a_key_that_is_guessed_are_refused(share: float, key: bytes) -> None:
    with pytest.raises(ConfigError, match="explore: expected"):
        Exploration(share, key)


def refused_in(by: PolicyRecommender, request: Request, answer: Offers) -> list[str]:
    """The rules that refuse an offer of an answer, one offer after another, none of them known before."""
    moment = MOMENTS[request.moment]
    rules = by.policy.moments[moment]
    context = RequestContext(request, by.catalogue, by.policy.owned)
    slate = Slate(by.policy, rules, context, by.off)
    broken = []
    for one in answer:
        product = by.catalogue.products[one.product_id]
        broken += [rule for rule in (by.refusal(moment, one, product, context), slate.refusal(one, product)) if rule]
        slate.add(one, product)
    return broken


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1))
def test_a_drawn_order_keeps_every_rule_of_every_policy(seed: int) -> None:
    random = Random(seed)
    rows = drawn_catalogue(random)
    policy = replace(parse_policy(drawn_policy(random)))
    mapping = drawn_request(random, budget=Catalogue(rows).knows("price"))
    offers = [o for o in drawn_offers(random, mapping["cart"]) if o.product_id in {row["product_id"] for row in rows}]
    given_offers: object = GivenOffers(ranked(offers))
    by = PolicyRecommender(given_offers, policy, Catalogue(rows))  # type: ignore[arg-type]
    explores = Explorer(Exploration(1.0, KEY), by)
    request = read_mapping({"request_id": str(seed), **mapping})
    (own,), (answer,) = by.answer([request], threshold=True), explores.answer([request])
    assert (len(own), own.reason) == (len(answer), answer.reason)
    if not answer:
        return
    assert refused_in(by, request, answer) == []
    assert len({o.product_id for o in answer}) == len(answer)
    assert [o.rank for o in answer] == [*range(1, len(own) + 1)]
    first = policy.moments[MOMENTS[request.moment]].first
    turns = [next((t for t, group in enumerate(first) if o.kind in group), len(first)) for o in answer]
    assert all(before <= after for before, after in pairwise(turns))
    pool = pool_of(explores, request, own)
    for place in range(pool.places):
        assert math.fsum(row[place] for row in pool.chances()) == pytest.approx(1.0)
    assert all(p is not None and 0.0 < p <= 1.0 for p in shown(answer).propensity)


def pool_of(explores: Explorer, request: Request, own: Offers) -> DrawPool:
    (whole,) = explores.whole([request], [own])
    assert whole.items[: len(own)] == own.items
    return make_pool(whole, explores.turns(request, whole), len(own))
