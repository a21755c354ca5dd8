"""Why a product is not offered: each stage by a request made for it, and all of them beside what a shop can ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mersalg import KINDS, Recommender, RequestError
from mersalg.bundle import read_bundle
from mersalg.errors import BundleError
from mersalg.policy import Catalogue, PolicyRecommender, default_policy, parse_policy
from mersalg_training.explanation.explainer import Explainer
from mersalg_training.explanation.result import STAGES, Stage, WhyNot
from toy_bundle import write_bundle

AT = "2024-07-18T12:00:00"
CART: dict[str, Any] = {"cart": ["pasta-1", "coffee-0"], "at": AT}
OWN = [{"product_id": "milk-0", "ordered_at": f"2024-07-{day:02}T09:00:00"} for day in (1, 8, 15)]
EVERYTHING = 1000


def asked(explainer: Explainer, request: dict[str, Any], product: str, **options: Any) -> WhyNot:
    """Why a product is not there, which it has to be."""
    explanation = explainer.explain(request, product=product, **options)
    assert explanation.offers == ()
    assert explanation.why_not is not None
    assert explanation.why_not.product_id == product
    return explanation.why_not


@pytest.mark.parametrize(
    ("stage", "request_", "product", "says"),
    [
        ("request", CART | {"limit": 0}, "milk-0", "the request wants no offers"),
        ("unknown product", CART, "no such product", "does not know"),
        ("in the cart", CART, "pasta-1", "in the cart"),
        ("in the cart", CART | {"moment": "order-confirmation"}, "pasta-1", "just paid for"),
        ("excluded by the request", CART | {"exclude": ["sauce-1"]}, "sauce-1", "excludes"),
        ("outside only", CART | {"only": ["filter-0", "milk-0"]}, "sauce-1", "2 other products"),
        ("kind not asked for", CART | {"kinds": ["add-on", "upsell"]}, "sauce-1", "cross-sell, which is not asked"),
        ("kind not asked for", CART | {"history": OWN, "moment": "product-page"}, "milk-0", "on a product page"),
        ("not at this moment", CART | {"moment": "order-confirmation"}, "pasta-2", "no upsell"),
        ("nothing brings it", CART, "milk-0", "a pair counts from 2.5 times on"),
        ("not better", {"cart": ["torch-0"], "at": AT}, "torch-2", "dearer than torch no. 0"),
        ("behind others", CART | {"limit": 1}, "filter-0", "behind sauce no. 1, 2 pcs; the answer holds 1"),
    ],
)
def test_a_request_that_is_made_for_a_stage_is_told_it(
    explainer: Explainer, stage: Stage, request_: dict[str, Any], product: str, says: str
) -> None:
    missing = asked(explainer, request_, product)
    assert missing.stage == stage
    assert says in missing.sentence


@pytest.mark.parametrize(
    ("stage", "request_", "product", "says"),
    [
        ("excluded by a declared relation", {"cart": ["milk-0", "battery-0"]}, "filter-1", "apart from battery no. 0"),
        ("replaced", {"cart": ["battery-0"]}, "camera-0", "replaces it"),
        ("varies the cart", {"cart": ["toy-0", "battery-0"]}, "toy-1", "another colour or size"),
        ("does not fit", {"cart": ["filter-1"], "only": ["filter-2"]}, "filter-2", "fit what filter no. 1, 2 pcs fits"),
        ("kind silent", {"history": OWN, "moment": "follow-up", "kinds": ["replacement"]}, "milk-0", "never shows"),
    ],
)
def test_what_the_catalogue_declares_is_told_by_its_stage(
    declared: Explainer, stage: Stage, request_: dict[str, Any], product: str, says: str
) -> None:
    missing = asked(declared, request_ | {"at": "2024-07-28T12:00:00"}, product)
    assert missing.stage == stage
    assert says in missing.sentence


class Shop:
    """Asks the bundle, as a shop can, what becomes of a product."""

    def __init__(self, plain: Recommender, request: dict[str, Any], product: str) -> None:
        self.plain = plain
        self.request = request | {"limit": EVERYTHING}
        self.product = product

    def is_listed(self, *, threshold: bool, **changes: Any) -> bool:
        """Whether the product is in an answer without a limit."""
        (answer,) = self.plain.score([self.request | changes], threshold=threshold)
        return self.product in [offer.product_id for offer in answer]

    def candidates(self, **changes: Any) -> int:
        """How many products are retrieved."""
        (answer,) = self.plain.score([self.request | changes], threshold=False)
        return answer.retrieved

    def stages(self) -> set[Stage]:
        """The stages that agree with the answers."""
        if self.product in self.request["cart"]:
            return {"in the cart"}
        if not self.candidates(only=[self.product]):
            of_any_kind = self.candidates(only=[self.product], kinds=list(KINDS))
            return {"kind not asked for"} if of_any_kind else {"not at this moment"}
        if self.candidates() == self.candidates(exclude=[self.product]):
            return {"not retrieved"}
        return self.stages_of_candidate() if self.is_listed(threshold=False) else {"cut before the trees"}

    def stages_of_candidate(self) -> set[Stage]:
        """The same for a product that the trees have scored."""
        if self.is_listed(threshold=True):
            return {"behind others"}
        if self.is_listed(threshold=True, only=[self.product], kinds=list(KINDS)):
            return {"excluded by another offer", "enough of its turn"}
        ((offer,),) = self.plain.score([self.request | {"only": [self.product]}], threshold=False)
        if offer.kind in ("cross-sell", "add-on") and offer.because is None:
            return {"nothing brings it"}
        if offer.kind == "upsell" and not offer.better:
            return {"not better"}
        return {"below threshold"} if offer.relevance < self.plain.manifest["kinds"][offer.kind]["threshold"] else set()


def test_every_stage_agrees_with_what_the_bundle_answers_otherwise(
    explainer: Explainer, plain: Recommender, requests: list[dict[str, Any]]
) -> None:
    told: Counter[str] = Counter()
    for number, request in enumerate(requests[:20]):
        limited = request | {"limit": 1} | ({"history": []} if number % 2 else {})
        shown = [offer.product_id for offer in plain.score([limited])[0]]
        for product in sorted(plain.names)[number % 3 :: 3]:
            missing = explainer.explain(limited, product=product).why_not if product not in shown else None
            if missing is None:
                assert product in shown
                continue
            told[missing.stage] += 1
            assert missing.stage in Shop(plain, limited, product).stages(), (limited, product)
            if missing.relevance is not None and missing.stage in ("below threshold", "behind others"):
                ((offer,),) = plain.score([limited | {"only": [product]}], threshold=False)
                assert missing.relevance == offer.relevance
    assert {"not retrieved", "cut before the trees", "below threshold", "behind others"} <= told.keys()
    assert {"excluded by another offer", "enough of its turn"} <= told.keys()
    assert set(told) <= set(STAGES)


def test_sources_say_what_brought_a_product_and_how_strong_the_pair_is(explainer: Explainer) -> None:
    missing = asked(explainer, CART | {"limit": 1}, "filter-0")
    sources = {source.source: source for source in missing.sources}
    neighbours = sources["basket neighbours"]
    lifts = dict(zip(neighbours.by, neighbours.lifts, strict=True))
    assert lifts["coffee-0"] == pytest.approx(missing.lift)
    assert missing.lift is not None
    assert missing.lift > 2.5
    assert not sources["own products"].brought
    own = asked(explainer, CART | {"history": OWN, "kinds": ["upsell"]}, "milk-0")
    assert next(source for source in own.sources if source.source == "own products").brought


@pytest.mark.parametrize(
    ("policy", "facts", "stage", "rule"),
    [
        ("", {"stock": 0}, "policy", "out of stock"),
        ("[blocked]\nproducts = ['sauce-1']\n", {}, "policy", "blocked"),
        ("[moments.cart]\nkinds = {upsell = 1}\nfirst = []\nnever_together = []\n", {}, "kind not asked for", None),
        ("[moments.cart]\nkinds = {}\nfirst = []\nnever_together = []\n", {}, "request", None),
    ],
)
def test_a_policy_is_told_by_its_rule(
    explainer: Explainer, policy: str, facts: dict[str, Any], stage: Stage, rule: str | None
) -> None:
    catalogue = Catalogue([{"product_id": name, "price": 2.0} | facts for name in ("sauce-1", "filter-0")])
    parsed = parse_policy(policy) if policy else default_policy()
    under = PolicyRecommender(explainer.recommender, parsed, catalogue)
    missing = asked(explainer, CART, "sauce-1", policy=under)
    assert (missing.stage, missing.rule) == (stage, rule)


def test_under_a_policy_offers_are_explained_that_it_shows_and_others_are_behind(explainer: Explainer) -> None:
    names = ("sauce-1", "filter-0", "pasta-1", "coffee-0")
    under = PolicyRecommender(
        explainer.recommender, default_policy(), Catalogue([{"product_id": name, "price": 2.0} for name in names])
    )
    (shown,) = explainer.explain(CART | {"limit": 1}, policy=under).offers
    assert shown.offer == under.recommend(**CART, limit=1)[0]
    assert shown.base + sum(part.value for part in shown.contributions) == pytest.approx(shown.offer.score, abs=1e-6)
    other = "filter-0" if shown.offer.product_id == "sauce-1" else "sauce-1"
    missing = asked(explainer, CART | {"limit": 1}, other, policy=under)
    assert (missing.stage, missing.place) == ("behind others", 2)


def test_a_graph_that_is_built_in_another_way_is_refused_with_what_to_do(tmp_path: Path) -> None:
    bundle = read_bundle(write_bundle(tmp_path / "toy"))
    with pytest.raises(BundleError, match="train it again"):
        Explainer(bundle)


def test_a_product_that_is_no_text_is_refused(explainer: Explainer) -> None:
    with pytest.raises(RequestError, match="product"):
        explainer.explain(CART, product="")
