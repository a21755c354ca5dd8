"""A customer who is read once is answered as their history is: by the graph, under a policy, and explained."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mersalg import Customer, Recommender
from mersalg.policy import Catalogue, PolicyRecommender, parse_policy
from mersalg_training.explanation.explainer import Explainer, open_explainer
from property.requests_of_a_shop import AT, requests_of
from property.test_offers import MANY

DAYS = (-300, -100, -3, 0, 1, 40, 4000)
"""From AT to the times at which one customer is asked about; lines lie on both sides of some of them."""
POLICY = """
[budget]
cart_ceiling = 1.5
[moments.cart]
kinds = { upsell = 3, cross-sell = 5, add-on = 5, more-of-same = 5, replacement = 5 }
limit = 10
"""


@pytest.fixture(scope="module")
def under_policy(recommender: Recommender, value_of: dict[str, float]) -> PolicyRecommender:
    """Every third product is durable, so that who has it is offered no second one."""
    rows = [
        {"product_id": name, "price": value, "product_type": name.split("-")[0]}
        | ({"nature": "durable", "lasts_days": 60.0} if place % 3 == 0 else {})
        for place, (name, value) in enumerate(value_of.items())
    ]
    return PolicyRecommender(recommender, parse_policy(POLICY), Catalogue(rows))


@pytest.fixture(scope="module")
def explainer(recommender: Recommender) -> Explainer:
    return open_explainer(recommender.folder)


def kept(request: dict[str, Any], customer: Customer) -> dict[str, Any]:
    """The request with a customer in place of the history."""
    return {name: value for name, value in request.items() if name != "history"} | {"customer": customer}


@given(data=st.data())
@MANY
def test_the_answer_at_any_time_is_that_to_the_history(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products))
    customer = recommender.customer(request["history"])
    cut = data.draw(st.integers(0, len(request["history"])))
    grown = recommender.customer(request["history"][:cut]).bought(request["history"][cut:])
    for days in DAYS:
        at = (AT + timedelta(days=days)).isoformat()
        for threshold in (True, False):
            wanted = recommender.score([{**request, "at": at}], threshold=threshold)
            for one in (customer, grown):
                assert recommender.score([kept({**request, "at": at}, one)], threshold=threshold) == wanted


@given(data=st.data())
@MANY
def test_a_policy_gives_a_customer_what_it_gives_the_history(
    under_policy: PolicyRecommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products, exclude=[], only=[]))
    prices = data.draw(st.lists(st.one_of(st.none(), st.floats(0, 50)), min_size=30, max_size=30))
    lines = [{**line, "unit_price": price} for line, price in zip(request["history"], prices, strict=False)]
    customer = under_policy.customer(lines)
    for days in DAYS:
        asked = {**request, "history": lines, "at": (AT + timedelta(days=days)).isoformat()}
        assert under_policy.recommend(**kept(asked, customer)) == under_policy.recommend(**asked)


def test_an_explanation_for_a_customer_is_that_for_the_history(explainer: Explainer, products: list[str]) -> None:
    lines = [
        {"product_id": name, "ordered_at": (AT - timedelta(days=5 * place)).isoformat()}
        for place, name in enumerate(products[:12])
    ]
    request = {"cart": products[12:14], "history": lines, "at": AT.isoformat()}
    customer = explainer.recommender.customer(lines)
    assert explainer.explain(kept(request, customer)) == explainer.explain(request)
