from __future__ import annotations

from typing import Any

import pytest

from mersalg import RequestError
from policy.given_offers import AT, line, offer, shown, under

ALL = "[moments.cart]\nkinds = {cross-sell = 9, add-on = 9, upsell = 9, more-of-same = 9, replacement = 9}\n"
ANY = ALL + "limit = 9\nnever_together = []\n[diversity]\nmost_of_type = 9\n"
"""A cart that caps nothing."""


def row(product_id: str, price: float | None = 10.0, **facts: Any) -> dict[str, Any]:
    return {"product_id": product_id, "price": price, **facts}


def test_what_the_catalogue_of_today_does_not_have_is_not_offered_unless_the_policy_says_so() -> None:
    offers = [offer("gone"), offer("here")]
    answer = under(ANY, [row("here")], offers).recommend()
    assert shown(answer) == ["here"]
    assert answer.filtered == {"not in the catalogue": 1}
    relaxed = ANY + '[eligibility]\nnot_in_catalogue = "offer"\n'
    assert shown(under(relaxed, [row("here")], offers).recommend()) == ["gone", "here"]


def test_a_product_without_a_price_today_is_not_offered() -> None:
    answer = under(ANY, [row("a", None), row("b", 0.0), row("c")], [offer("a"), offer("b"), offer("c")]).recommend()
    assert shown(answer) == ["c"]
    assert answer.filtered == {"no price": 2}


@pytest.mark.parametrize(
    "blocked",
    ['products = ["a"]', 'brands = ["Acme"]', 'product_types = ["tea"]', 'categories = ["drinks"]'],
)
def test_what_is_blocked_is_not_offered(blocked: str) -> None:
    catalogue = [row("a", brand="Acme", product_type="tea", category="drinks"), row("b", brand="Other")]
    answer = under(f"{ANY}[blocked]\n{blocked}\n", catalogue, [offer("a"), offer("b")]).recommend()
    assert shown(answer) == ["b"]
    assert answer.filtered == {"blocked": 1}


def test_a_product_id_is_blocked_without_any_catalogue() -> None:
    answer = under(ANY + '[blocked]\nproducts = ["a"]\n', [], [offer("a"), offer("b")]).recommend()
    assert shown(answer) == ["b"]


def test_what_is_out_of_stock_is_not_offered_and_what_is_not_counted_is() -> None:
    catalogue = [row("none", stock=0), row("few", stock=2), row("many", stock=3), row("service")]
    offers = [offer(product["product_id"]) for product in catalogue]
    assert shown(under(ANY, catalogue, offers).recommend()) == ["few", "many", "service"]
    policy = ANY + "[eligibility]\nleast_stock = 3\n"
    assert shown(under(policy, catalogue, offers).recommend()) == ["many", "service"]


def test_a_product_of_some_regions_is_offered_there_alone() -> None:
    recommender = under(ANY, [row("north", regions=["NO", "SE"]), row("all")], [offer("north"), offer("all")])
    assert shown(recommender.recommend(shopper={"region": "SE"})) == ["north", "all"]
    assert shown(recommender.recommend(shopper={"region": "DE"})) == ["all"]
    assert recommender.recommend().filtered == {"region": 1}, "a region that is not known is none"


def test_who_is_too_young_or_of_unknown_age_is_not_offered_what_has_a_minimum() -> None:
    recommender = under(ANY, [row("wine", minimum_age=18), row("milk")], [offer("wine"), offer("milk")])
    assert shown(recommender.recommend(shopper={"age": 18})) == ["wine", "milk"]
    assert shown(recommender.recommend(shopper={"age": 17.9})) == ["milk"]
    assert recommender.recommend().filtered == {"age": 1}


def test_a_margin_below_the_floor_or_unknown_is_not_offered() -> None:
    catalogue = [row("good", cost=7.0), row("thin", cost=9.5), row("unknown")]
    offers = [offer("good"), offer("thin"), offer("unknown")]
    answer = under(ANY + "[eligibility]\nleast_margin = 0.3\n", catalogue, offers).recommend()
    assert shown(answer) == ["good"]
    assert answer.filtered == {"margin": 2}


def test_an_upsell_stays_within_the_step_over_its_anchor_and_costs_more_than_it() -> None:
    catalogue = [row("own", 10.0), row("same", 10.0), row("step", 15.0), row("above", 15.01)]
    offers = [offer(name, "upsell", "own") for name in ("same", "step", "above")]
    answer = under(ANY, catalogue, offers).recommend(cart=["own"])
    assert shown(answer) == ["step"]
    assert answer.filtered == {"not dearer": 1, "upsell step": 1}


def test_an_upsell_whose_anchor_has_no_price_today_is_not_made() -> None:
    answer = under(ANY, [row("dear", 20.0)], [offer("dear", "upsell", "gone")]).recommend(cart=["gone"])
    assert (answer.reason, answer.filtered) == ("filtered", {"not dearer": 1})


def test_an_add_on_costs_less_than_its_anchor_today() -> None:
    catalogue = [row("camera", 90.0), row("card", 20.0), row("lens", 90.0)]
    offers = [offer("lens", "add-on", "camera"), offer("card", "add-on", "camera")]
    answer = under(ANY, catalogue, offers).recommend(cart=["camera"])
    assert shown(answer) == ["card"]
    assert answer.filtered == {"not cheaper": 1}


def test_an_upsell_stays_within_what_the_customer_has_been_paying_in_its_type() -> None:
    catalogue = [row(name, price, product_type="tea") for name, price in (("a", 10.0), ("b", 12.0), ("c", 14.0))]
    recommender = under(ANY, catalogue, [offer("c", "upsell", "a"), offer("b", "upsell", "a")])
    paid = [line("a", days) for days in range(1, 9)]
    assert shown(recommender.recommend(cart=["a"], history=[*paid, line("b", 9), line("b", 10)], at=AT)) == ["b"]
    answer = recommender.recommend(cart=["a"], history=paid, at=AT)
    assert (answer.reason, answer.filtered) == ("filtered", {"usual price": 2})
    assert shown(recommender.recommend(cart=["a"], history=paid[:2], at=AT)) == ["c", "b"], "two lines tell nothing"


def test_what_was_paid_counts_before_the_price_of_today() -> None:
    catalogue = [row(name, price, product_type="tea") for name, price in (("a", 10.0), ("b", 12.0))]
    recommender = under(ANY, catalogue, [offer("b", "upsell", "a")])
    paid = [line("a", days, unit_price=12.5) for days in (1, 2, 3)]
    assert shown(recommender.recommend(cart=["a"], history=paid, at=AT)) == ["b"]
    gifts = [line("a", days, unit_price=0.0) for days in (1, 2, 3)]
    assert shown(recommender.recommend(cart=["a"], history=gifts, at=AT)) == ["b"], "gifts tell nothing of a budget"


def test_what_is_dear_beside_the_cart_is_not_offered_there() -> None:
    policy = ANY + "[moments.checkout]\nkinds = {cross-sell = 9}\nfirst = []\n"
    catalogue = [row("tv", 400.0), row("cable", 100.0), row("sofa", 101.0)]
    recommender = under(policy, catalogue, [offer("sofa"), offer("cable")])
    answer = recommender.recommend(cart=["tv"], moment="checkout")
    assert shown(answer) == ["cable"]
    assert answer.filtered == {"beside the cart": 1}
    assert shown(recommender.recommend(cart=[], moment="checkout")) == ["sofa", "cable"], "no cart to compare with"


def test_all_offers_of_an_answer_fit_the_budget_together() -> None:
    catalogue = [row("a", 6.0), row("b", 5.0), row("c", 4.0)]
    recommender = under(ANY, catalogue, [offer("a"), offer("b"), offer("c")])
    answer = recommender.recommend(shopper={"budget": 10})
    assert shown(answer) == ["a", "c"]
    assert answer.filtered == {"budget": 1}
    assert recommender.recommend(shopper={"budget": 3.99}).reason == "filtered"


def test_an_upsell_in_place_of_a_product_of_the_cart_costs_the_budget_the_difference() -> None:
    catalogue = [row("own", 100.0), row("better", 120.0)]
    recommender = under(ANY, catalogue, [offer("better", "upsell", "own")])
    assert shown(recommender.recommend(cart=["own"], shopper={"budget": 20})) == ["better"]
    assert shown(recommender.recommend(cart=["own"], shopper={"budget": 19})) == []
    assert shown(recommender.recommend(cart=[], shopper={"budget": 20})) == [], "nothing is replaced"


def test_cart_and_offers_stay_below_the_ceiling_together_until_the_cart_is_paid() -> None:
    policy = ANY + "[budget]\ncart_ceiling = 100\n[moments.follow-up]\nkinds = {cross-sell = 9}\nfirst = []\n"
    recommender = under(policy, [row("full", 45.0), row("a", 10.0), row("b", 10.0)], [offer("a"), offer("b")])
    answer = recommender.recommend(cart=["full", "full"])
    assert shown(answer) == ["a"], "two pieces of 45 and one of 10"
    assert answer.filtered == {"cart ceiling": 1}
    assert shown(recommender.recommend(cart=["full", "unknown"])) == [], "what the cart costs is not known"
    assert shown(recommender.recommend(cart=["full", "full"], moment="follow-up")) == ["a", "b"]


def test_a_budget_without_any_price_to_hold_it_against_is_refused() -> None:
    with pytest.raises(RequestError, match=r"shopper\.budget: expected none, for the catalogue has no price"):
        under(ANY, [], [offer("a")]).recommend(shopper={"budget": 10})


HOUSE = [
    row("tv", nature="durable", product_type="television"),
    row("tv black", nature="durable", product_type="television", variant_of="tv"),
    row("big tv", 14.0, nature="durable", product_type="television"),
    row("milk", nature="consumable", product_type="milk"),
]


def test_a_durable_product_that_is_had_is_not_offered_again_and_a_consumable_is() -> None:
    offers = [offer("tv", "more-of-same", "tv"), offer("milk", "more-of-same", "milk")]
    answer = under(ANY, HOUSE, offers).recommend(history=[line("tv", 2000), line("milk", 3)], at=AT)
    assert shown(answer) == ["milk"]
    assert answer.filtered == {"owned": 1}


def test_variants_of_what_is_had_are_had_and_a_type_where_one_is_enough() -> None:
    offers = [offer("tv black"), offer("big tv")]
    history = [line("tv", 30)]
    assert shown(under(ANY, HOUSE, offers).recommend(history=history, at=AT)) == ["big tv"]
    enough = ANY + '[owned]\none_is_enough = ["television"]\n'
    assert under(enough, HOUSE, offers).recommend(history=history, at=AT).filtered == {"owned": 2}


def test_who_is_about_to_buy_one_may_be_offered_a_dearer_one_whatever_they_have_of_the_type() -> None:
    enough = ANY + '[owned]\none_is_enough = ["television"]\n'
    recommender = under(enough, HOUSE, [offer("big tv", "upsell", "tv")])
    assert shown(recommender.recommend(cart=["tv"], history=[line("tv black", 900)], at=AT)) == ["big tv"]
    assert recommender.recommend(cart=["tv"], history=[line("big tv", 900)], at=AT).filtered == {"owned": 1}


@pytest.mark.parametrize(
    ("policy", "lasts"),
    [("durable_days = 100", None), ("days_of_type = {television = 100}", None), ("durable_days = 9", 100)],
)
def test_how_long_something_is_had_comes_from_the_catalogue_the_type_or_the_policy(
    policy: str, lasts: float | None
) -> None:
    catalogue = [row("tv", nature="durable", product_type="television", lasts_days=lasts)]
    recommender = under(f"{ANY}[owned]\n{policy}\n", catalogue, [offer("tv", "replacement", "tv")])
    assert shown(recommender.recommend(history=[line("tv", 100)], at=AT)) == []
    assert shown(recommender.recommend(history=[line("tv", 101)], at=AT)) == ["tv"]
    again = [line("tv", 300), line("tv", 5)]
    assert shown(recommender.recommend(history=again, at=AT)) == [], "the latest purchase counts"


def test_what_the_shopper_says_to_have_is_had() -> None:
    recommender = under(ANY, HOUSE, [offer("tv"), offer("milk")])
    assert shown(recommender.recommend(shopper={"owned": ["tv", "milk"]})) == ["milk"]


COVER = [
    row("phone", 500.0),
    row("laptop", 900.0),
    row("phone 2y", nature="warranty", product_type="two years", accessory_for=["phone"]),
    row("laptop 2y", nature="warranty", product_type="two years", accessory_for=["laptop"]),
    row("any 2y", nature="warranty", product_type="two years"),
    row("music", nature="subscription", product_type="stream"),
    row("music and films", 14.0, nature="subscription", product_type="bundle", includes=["films", "music"]),
    row("films", nature="subscription", product_type="films"),
]


def test_a_warranty_is_not_offered_to_who_has_one_of_its_type_unless_it_is_for_something_else() -> None:
    offers = [offer(name) for name in ("phone 2y", "laptop 2y", "any 2y")]
    answer = under(ANY, COVER, offers).recommend(history=[line("phone 2y", 30)], at=AT)
    assert shown(answer) == ["laptop 2y"]
    assert answer.filtered == {"covered": 2}
    assert len(under(ANY, COVER, offers).recommend(history=[line("phone 2y", 731)], at=AT)) == 3, "it has run out"


def test_a_warranty_in_the_cart_is_had() -> None:
    offers = [offer("any 2y"), offer("films")]
    assert shown(under(ANY, COVER, offers).recommend(cart=["phone", "phone 2y"])) == ["films"]


def test_a_subscription_covers_what_it_includes() -> None:
    recommender = under(ANY, COVER, [offer("music"), offer("films")])
    assert recommender.recommend(history=[line("music and films", 30)], at=AT).filtered == {"covered": 2}
    assert shown(recommender.recommend(shopper={"owned": ["music"]})) == ["films"]
    assert len(recommender.recommend(history=[line("music and films", 366)], at=AT)) == 2


def test_a_larger_subscription_may_replace_the_one_in_the_cart_and_none_that_runs() -> None:
    catalogue = [
        row("small", 10.0, nature="subscription", product_type="s"),
        row("large", 14.0, nature="subscription", product_type="s"),
    ]
    recommender = under(ANY, catalogue, [offer("large", "upsell", "small")])
    assert shown(recommender.recommend(cart=["small"])) == ["large"]
    assert recommender.recommend(cart=["small"], shopper={"owned": ["small"]}).filtered == {"covered": 1}


def test_no_more_of_one_type_stand_side_by_side_than_the_policy_says_one_by_default() -> None:
    catalogue = [row(name, product_type="tea") for name in "abc"] + [row("d", product_type="milk"), row("e"), row("f")]
    policy = ALL + "limit = 9\n"
    offers = [offer(name) for name in "abcdef"]
    answer = under(policy, catalogue, offers).recommend()
    assert shown(answer) == ["a", "d", "e", "f"]
    assert answer.filtered == {"most of a type": 2}
    answer = under(policy + "[diversity]\nmost_of_type = 2\n", catalogue, offers).recommend()
    assert shown(answer) == ["a", "b", "d", "e", "f"]
    assert answer.filtered == {"most of a type": 1}


def test_of_kinds_that_are_never_mixed_the_first_one_stays() -> None:
    policy = ALL + 'limit = 9\nnever_together = [["upsell", "cross-sell"]]\n'
    catalogue = [row("own"), row("a"), row("b"), row("dear", 12.0)]
    answer = under(policy, catalogue, [offer("a"), offer("dear", "upsell", "own"), offer("b")]).recommend(cart=["own"])
    assert shown(answer) == ["a", "b"]
    assert answer.filtered == {"never together": 1}


FITS = [
    row("phone", 300.0),
    row("better phone", 400.0),
    row("old phone", 200.0),
    row("case", accessory_for=["phone"]),
    row("charger", accessory_for=["phone", "better phone"]),
    row("case of both", accessory_for=["phone", "old phone"]),
    row("cloth"),
]


def test_no_accessory_that_fits_only_what_an_upsell_replaces_stands_beside_it() -> None:
    upsell = offer("better phone", "upsell", "phone")
    others = [offer(name, "cross-sell", "phone") for name in ("case", "charger", "case of both", "cloth")]
    policy = ANY.replace("limit = 9", 'limit = 9\nfirst = ["upsell"]')
    answer = under(policy, FITS, [upsell, *others]).recommend(cart=["phone"])
    assert shown(answer) == ["better phone", "charger", "cloth"]
    assert answer.filtered == {"coherence": 2}
    both = under(policy, FITS, [upsell, *others]).recommend(cart=["phone", "old phone"])
    assert "case of both" in shown(both), "it fits what stays in the cart"


def test_the_upsell_gives_way_where_the_accessory_comes_first() -> None:
    offers = [offer("case", "cross-sell", "phone"), offer("better phone", "upsell", "phone"), offer("cloth")]
    answer = under(ANY, FITS, offers).recommend(cart=["phone"])
    assert shown(answer) == ["case", "cloth"]
    assert answer.filtered == {"coherence": 1}
