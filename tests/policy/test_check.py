from __future__ import annotations

from typing import Any

import pytest

from mersalg.names import KINDS
from mersalg.policy import Catalogue, PolicyRecommender, check_policy, default_policy, parse_policy
from policy.given_offers import GivenOffers


def findings(policy: str, sort: str, **against: Any) -> list[tuple[str, str]]:
    return [(f.where, f.says) for f in check_policy(parse_policy(policy), **against) if f.sort == sort]


@pytest.mark.parametrize(
    ("policy", "where", "other_end"),
    [
        ("[moments.cart]\nkinds = {cross-sell = 2}\nlimit = 1\n", "moments.cart.kinds", "moments.cart.limit = 1"),
        ("[moments.checkout]\nfirst = ['upsell']\n", "moments.checkout.first", "moments.checkout.kinds"),
        (
            "[moments.checkout]\nnever_together = [['add-on', 'upsell']]\n",
            "moments.checkout.never_together",
            "names upsell",
        ),
        ("[moments.cart]\nkinds = {upsell = 2}\n", "moments.cart.kinds", "diversity.most_of_type = 1"),
        (
            "[owned]\none_is_enough = ['tv']\n[blocked]\nproduct_types = ['tv']",
            "owned.one_is_enough",
            "blocked.product_types",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_named_with_both_ends(policy: str, where: str, other_end: str) -> None:
    ((found, says),) = findings(policy, "contradiction")
    assert found == where
    assert other_end in says


def test_the_default_contradicts_nothing() -> None:
    assert check_policy(default_policy()) == ()


def test_a_policy_that_leaves_no_product_is_a_contradiction() -> None:
    catalogue = Catalogue([{"product_id": "a", "price": 1.0, "stock": 0}])
    ((where, says),) = findings("", "contradiction", catalogue=catalogue)
    assert where == "products"
    assert says == "0 of 1 may be offered to somebody today: out of stock takes out 1"


def test_what_the_catalogue_does_not_know_switches_off_by_name_what_depends_on_it() -> None:
    catalogue = Catalogue([{"product_id": "a", "price": 1.0}])
    policy = "[blocked]\nbrands = ['Acme']\n[owned]\none_is_enough = ['tv']\n[eligibility]\nleast_margin = 0.1\n"
    off = dict(findings(policy, "switched off", catalogue=catalogue))
    assert off.keys() == {
        "out of stock", "region", "age", "margin", "usual price", "owned", "covered", "most of a type", "coherence",
        "blocked.brands", "owned.one_is_enough",
    }  # fmt: skip
    assert off["margin"] == "the catalogue knows cost of no product"
    given: Any = GivenOffers([])
    recommender = PolicyRecommender(given, parse_policy(policy), catalogue)
    assert set(recommender.switched_off) == off.keys() - {"blocked.brands", "owned.one_is_enough"}
    assert "switched off: out of stock" in repr(recommender)


def test_names_that_no_product_bears_are_told() -> None:
    policy = "[blocked]\nproducts = ['a', 'x']\nbrands = ['Nobody']\n[owned]\ndays_of_type = {sofa = 9}\n"
    catalogue = Catalogue(
        [{"product_id": "a", "price": 1.0, "brand": "Acme", "product_type": "tea", "nature": "durable"}]
    )
    assert findings(policy, "unknown", catalogue=catalogue) == [
        ("blocked.products", "no product of the catalogue is 'x'"),
        ("blocked.brands", "no product of the catalogue is 'Nobody'"),
        ("owned.days_of_type", "no product of the catalogue is 'sofa'"),
    ]


def test_products_are_counted_that_only_the_bundle_or_only_the_catalogue_knows() -> None:
    catalogue = Catalogue([{"product_id": name, "price": 1.0} for name in ("a", "b", "new")])
    assert findings("", "unknown", catalogue=catalogue, names={"a", "b", "gone", "lost"}) == [
        ("bundle", "2 of its 4 named products are not in the catalogue"),
        ("catalogue", "1 of its 3 products have no name in the bundle"),
    ]


def test_moments_are_told_whose_kinds_are_silent_in_the_bundle() -> None:
    shown = {"cross-sell": 0.1, "more-of-same": 0.2}
    manifest = {"kinds": {kind: {"threshold": shown.get(kind)} for kind in KINDS}}
    policy = "[moments.order-confirmation]\nkinds = {add-on = 1}\n[moments.follow-up]\nkinds = {}\nfirst = []\n"
    told = dict(findings(policy, "silent", manifest=manifest))
    assert told["moments.product-page"] == "silent in the bundle: add-on, upsell"
    assert told["moments.order-confirmation"] == "offers nothing: all its kinds are silent in the bundle"
    assert told["moments.follow-up"] == "offers nothing: it names no kinds"
