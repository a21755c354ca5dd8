"""The policy around real bundles: one question to the graph, the facts of a shopper, side by side, threads."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mersalg
from mersalg import KINDS, MOMENTS, Recommender, RequestError, load
from mersalg.names import AFTER_PAYMENT
from mersalg.offers import Comparison, Offer, Offers
from mersalg.policy import Catalogue, PolicyRecommender, default_policy, parse_policy
from mersalg.requests import Request, read_mapping, read_request
from policy.given_offers import AT, GivenOffers, line, offer, ranked, shown, under
from toy_bundle import CANDIDATES, write_bundle


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return load(write_bundle(tmp_path_factory.mktemp("bundles") / "toy"))


def priced(**facts: dict[str, Any]) -> Catalogue:
    return Catalogue({"product_id": name, "price": 2.0} | facts.get(name, {}) for name in CANDIDATES)


def test_filters_act_before_the_cut_so_that_the_list_comes_back_full(toy: Recommender) -> None:
    policy = parse_policy("[moments.cart]\nkinds = {cross-sell = 3, more-of-same = 1, add-on = 1}\nfirst = []\n")
    assert shown(toy.recommend(limit=2)) == ["milk", "bread"]
    sold_out = PolicyRecommender(toy, policy, priced(milk={"stock": 0}))
    answer = sold_out.recommend(limit=2)
    assert shown(answer) == ["bread", "butter"]
    assert [found.rank for found in answer] == [1, 2]
    assert answer.filtered == {"out of stock": 1}


def test_what_is_below_its_threshold_takes_no_place_that_a_rule_makes_free(toy: Recommender) -> None:
    policy = parse_policy("[blocked]\nproducts = ['milk', 'bread', 'butter', 'bag', 'wine']\n")
    answer = PolicyRecommender(toy, policy).recommend()
    assert (shown(answer), answer.reason) == ([], "filtered")
    assert answer.filtered == {"blocked": 5}
    assert "by blocked 5" in repr(answer)


def test_the_graph_is_asked_once_for_a_whole_batch() -> None:
    given: Any = GivenOffers(ranked([offer("a"), offer("b")]))
    recommender = PolicyRecommender(given, default_policy())
    requests = [{"moment": moment, "at": AT} for moment in MOMENTS] * 4
    answers = recommender.score(requests, batch_size=64)
    assert given.calls == 1
    assert len(answers) == 20
    assert all(request.limit > 1000 for request in given.asked)


def test_every_empty_answer_says_why(toy: Recommender) -> None:
    policy = parse_policy("[moments.checkout]\nkinds = {}\n")
    recommender = PolicyRecommender(toy, policy, priced(**{name: {"stock": 0} for name in CANDIDATES}))
    reasons = {
        "limit is 0": {"limit": 0},
        "no kind asked for": {"kinds": []},
        "not at this moment": {"moment": "checkout"},
        "nothing retrieved": {"only": ["no such product"]},
        "kind silent": {"kinds": ["replacement"]},
        "below threshold": {"only": ["honey"]},
        "filtered": {},
    }
    for reason, request in reasons.items():
        answer = recommender.recommend(**request)  # type: ignore[arg-type]
        assert (len(answer), answer.reason) == (0, reason)


def test_a_kind_that_the_policy_does_not_offer_at_the_moment_is_not_offered_on_request(toy: Recommender) -> None:
    recommender = PolicyRecommender(toy, default_policy(), priced())
    assert recommender.recommend(moment="checkout", kinds=["cross-sell"]).reason == "not at this moment"
    assert {o.kind for o in recommender.recommend(kinds=["cross-sell", "upsell"], limit=9)} == {"cross-sell"}


class BestSellers(GivenOffers):
    """As a graph: nothing without an anchor but where no threshold holds."""

    def __init__(self, offers: list[Offer]) -> None:
        super().__init__(offers)
        self.manifest = {"kinds": {kind: {"threshold": None if kind == "replacement" else 0.2} for kind in KINDS}}

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        if threshold:
            return [Offers((), "nothing goes with it", len(self.offers), {}) for _ in requests]
        best = [{o.kind: o.relevance for o in self.offers if r.kinds[KINDS.index(o.kind)]} for r in requests]
        answers = super().answer(requests, threshold=threshold)
        return [replace(offers, best_relevance=found) for offers, found in zip(answers, best, strict=True)]


def test_an_empty_page_shows_best_sellers_that_reach_their_threshold_where_the_policy_says_so() -> None:
    offers = [
        offer("hit", "cross-sell", relevance=0.3), offer("dull", "cross-sell", relevance=0.1),
        offer("mute", "replacement", relevance=0.9),
    ]  # fmt: skip
    given: Any = BestSellers(offers)
    catalogue = [{"product_id": best.product_id, "price": 1.0} for best in offers]
    plain, willing = (
        PolicyRecommender(given, parse_policy(f"[moments.cart]\nbest_sellers = {word}\n"), Catalogue(catalogue))
        for word in ("false", "true")
    )
    assert plain.recommend().reason == "nothing goes with it"
    assert shown(willing.recommend()) == ["hit"]
    assert willing.recommend()[0].because is None
    assert willing.recommend(cart=["hit"]).reason == "nothing goes with it"
    assert willing.recommend(kinds=["replacement"]).reason == "kind silent"


def test_limit_kinds_and_order_are_the_policy_s_where_a_request_leaves_them_open(toy: Recommender) -> None:
    policy = parse_policy("[moments.cart]\nkinds = {cross-sell = 2, add-on = 2}\nlimit = 2\norder = 'value'\n")
    catalogue = priced(bag={"price": 1.0}, butter={"price": 8.0}, bread={"price": 2.0}, milk={"price": 3.0})
    recommender = PolicyRecommender(toy, policy, catalogue)
    asked = {"cart": ["milk"]}
    assert shown(recommender.recommend(**asked)) == ["butter", "bread"]
    assert shown(recommender.recommend(**asked, order="relevance")) == ["bread", "butter"]
    assert shown(recommender.recommend(**asked, limit=1)) == ["butter"]
    assert shown(recommender.recommend(**asked, limit=9)) == ["butter", "bread"], "the lower limit holds"
    (left_open,) = recommender.score([{**asked, "kinds": None, "order": None}])
    assert shown(left_open) == ["butter", "bread"]


def test_a_request_read_field_by_field_states_what_it_names(toy: Recommender) -> None:
    recommender = PolicyRecommender(toy, parse_policy("[moments.cart]\norder = 'value'\n"), priced())
    for fields in ({"limit": 1}, {"kinds": ["cross-sell"]}, {"order": "relevance", "limit": 9}):
        asked = read_request(**fields)  # type: ignore[arg-type]
        assert recommender.answer([asked], threshold=True)[0] == recommender.recommend(**fields)  # type: ignore[arg-type]


def test_an_offer_stands_beside_its_anchor_by_price_and_by_what_differs() -> None:
    catalogue = [
        {"product_id": "own", "price": 10.1, "attributes": {"size": "1 l", "colour": "red", "bio": "yes"}},
        {"product_id": "more", "price": 12.3, "attributes": {"size": "2 l", "colour": "red", "jar": "glass"}},
        {"product_id": "own again", "price": 5.0},
        {"product_id": "spoon", "price": 1.1, "attributes": {"size": "9 cm"}},
    ]
    offers = [
        offer("more", "upsell", "own"), offer("own again", "more-of-same", "own again"), offer("spoon", because="own"),
    ]  # fmt: skip
    answer = under("[moments.cart]\nfirst = []\n", catalogue, offers).recommend(cart=["own"], limit=3)
    assert len(answer.beside) == len(answer) == 3
    differs = {"size": ("1 l", "2 l"), "bio": ("yes", None), "jar": (None, "glass")}
    assert answer.beside[0] == Comparison(12.3, 10.1, 2.2, differs)
    assert answer.beside[0].attributes == differs
    assert answer.beside[1] == Comparison(5.0, None, None, {}), "a product is not beside itself"
    assert answer.beside[2] == Comparison(1.1, 10.1, -9.0, {}), "a spoon's size is not to be compared with a bottle's"
    assert [o.price_step for o in answer] == [2.2, None, None]
    assert answer[0].reason.text(str) == "instead of own for 2.20 more"


def test_facts_of_a_shopper_are_refused_where_no_policy_could_heed_them(toy: Recommender) -> None:
    with pytest.raises(RequestError, match="request_id 'b': shopper: expected nothing, for no policy acts here"):
        toy.score([{"request_id": "a"}, {"request_id": "b", "shopper": {"age": 17}}])
    with pytest.raises(RequestError, match="shopper: expected nothing, for no policy acts here"):
        toy.recommend(cart=["milk"], shopper={"age": 17})


@pytest.mark.parametrize(
    ("shopper", "field"),
    [
        ("young", "shopper"),
        ({"name": "Ada"}, "shopper.name"),
        ({"region": 47}, "shopper.region"),
        ({"age": "17"}, "shopper.age"),
        ({"age": -1}, "shopper.age"),
        ({"budget": float("nan")}, "shopper.budget"),
        ({"budget": True}, "shopper.budget"),
        ({"owned": "tv"}, "shopper.owned"),
        ({"owned": [7]}, "shopper.owned[0]"),
    ],
)
def test_a_wrong_fact_of_a_shopper_is_named(toy: Recommender, shopper: Any, field: str) -> None:
    with pytest.raises(RequestError) as refusal:
        PolicyRecommender(toy, default_policy()).recommend(shopper=shopper)
    assert refusal.value.field == field


@pytest.mark.parametrize("price", ["2.5", -1, float("nan"), True])
def test_a_wrong_price_of_a_history_line_is_named(price: Any) -> None:
    with pytest.raises(RequestError, match=r"history\[1\]\.unit_price: expected a number from 0"):
        read_mapping({"history": [line("a", 1), line("b", 1, unit_price=price)], "at": AT})


def test_prices_of_a_history_stay_with_their_lines() -> None:
    lines = [line("a", 3, unit_price=1.0), line("b", 2), line("c", -5, unit_price=9.0), line("d", 1, unit_price=4)]
    request = read_mapping({"history": lines, "at": AT})
    assert request.history == ["a", "b", "d"]
    assert request.history_unit_price == [1.0, None, 4.0]


def test_what_is_in_flight_ends_on_the_old_catalogue_and_threads_agree(toy: Recommender) -> None:
    recommender = PolicyRecommender(toy, default_policy(), priced())
    alone = shown(recommender.recommend(cart=["milk"]))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: shown(recommender.recommend(cart=["milk"])), range(64)))
    assert answers == [alone] * 64


def test_a_policy_is_never_read_from_a_bundle(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "toy", {"policy.toml": b"[moments.cart]\nkinds = {}\n"})
    assert len(PolicyRecommender(load(folder), default_policy(), priced()).recommend()) == 3


def test_without_anything_to_restrain_every_offer_of_a_trained_bundle_stands(trained_bundle: Path) -> None:
    free = ["cross-sell = 999", "add-on = 999", "more-of-same = 999", "replacement = 999"]
    tables = []
    for moment in MOMENTS:
        kinds = ", ".join([*free, *([] if moment in AFTER_PAYMENT else ["upsell = 999"])])
        free_of_order = "limit = 999\nfirst = []\nnever_together = []\nmost_of_cart = inf\n"
        tables.append(f"[moments.{moment}]\nkinds = {{ {kinds} }}\n{free_of_order}")
    plain = load(trained_bundle)
    recommender = PolicyRecommender(plain, parse_policy("".join(tables)))
    products = sorted(plain.names)
    for number, moment in enumerate(MOMENTS * 6):
        cart = products[number : number + 3]
        history = [line(name, 5 + number) for name in products[number + 2 : number + 9]]
        asked = {"cart": cart, "history": history, "at": AT, "moment": moment}
        kinds = [kind for kind in mersalg.KINDS if kind in recommender.policy.moments[moment].kinds]  # type: ignore[index]
        whole = plain.score([{**asked, "kinds": kinds, "limit": 999}])[0]
        answer = recommender.score([asked])[0]
        assert answer.items == whole.items
        assert answer.reason == whole.reason
        assert answer.filtered == {}


def test_importing_the_package_loads_nothing_of_it() -> None:
    import subprocess

    code = "import sys, mersalg.policy; print('numpy' in sys.modules, 'onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
