"""Drawn policies, catalogues, offers and requests over a few products, so that every rule meets every other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from mersalg.names import AFTER_PAYMENT, KINDS, MOMENTS, ORDERS
from policy.given_offers import AT, offer, ranked

PRODUCTS = [f"p{number}" for number in range(14)]
UNKNOWN = "not in the catalogue"
TYPES = ["tea", "phone", "cover"]
REGIONS = ["NO", "SE"]

product_id = st.sampled_from([*PRODUCTS, UNKNOWN])
some_products = st.lists(st.sampled_from(PRODUCTS), max_size=3, unique=True)
price = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 10.0])


@st.composite
def catalogues(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows for every product; each fact is known of many, of some, or of none."""
    facts: dict[str, st.SearchStrategy[Any]] = {
        "price": price,
        "cost": price,
        "stock": st.integers(-1, 2),
        "minimum_age": st.sampled_from([0, 18]),
        "lasts_days": st.sampled_from([10.0, 1000.0]),
        "product_type": st.sampled_from(TYPES),
        "category": st.sampled_from(["food", "gear"]),
        "brand": st.sampled_from(["Acme", "Other"]),
        "variant_of": st.sampled_from(["p0", "family"]),
        "regions": st.lists(st.sampled_from(REGIONS), max_size=2),
        "accessory_for": some_products,
        "includes": some_products,
        "nature": st.sampled_from(["consumable", "durable", "warranty", "subscription"]),
    }
    known = {fact: draw(st.sampled_from([True, True, False])) for fact in facts}
    return [
        {"product_id": name}
        | {fact: draw(st.one_of(st.none(), values, values, values)) for fact, values in facts.items() if known[fact]}
        for name in PRODUCTS
    ]


@st.composite
def moment_rules(draw: st.DrawFn, moment: str) -> str:
    """A table of a moment, as TOML."""
    allowed = [kind for kind in KINDS if kind != "upsell" or moment not in AFTER_PAYMENT]
    kinds = draw(st.dictionaries(st.sampled_from(allowed), st.integers(1, 4), max_size=5))
    caps = ", ".join(f"{kind} = {most}" for kind, most in kinds.items())
    groups = draw(st.lists(st.lists(st.sampled_from(KINDS), min_size=2, max_size=2, unique=True), max_size=2))
    return "\n".join(
        [
            f"[moments.{moment}]",
            f"kinds = {{ {caps} }}",
            f"limit = {draw(st.integers(1, 8))}",
            f"first = {draw(st.lists(st.sampled_from(KINDS), max_size=2, unique=True))}",
            f'order = "{draw(st.sampled_from(ORDERS))}"',
            f"never_together = {groups}",
            f"most_of_cart = {draw(st.sampled_from(['inf', '0.3', '1.0']))}",
        ]
    )


@st.composite
def policies(draw: st.DrawFn) -> str:
    """A policy as TOML."""
    one_of = lambda *texts: draw(st.sampled_from(texts))  # noqa: E731
    return "\n".join(
        [
            *[draw(moment_rules(moment)) for moment in MOMENTS],
            "[budget]",
            f"upsell_step = {one_of('inf', '0.5', '1.0')}",
            f"paid_quantile = {one_of('0.5', '0.9', '1.0')}",
            f"paid_lines = {one_of('0', '1', '3')}",
            f"cart_ceiling = {one_of('inf', '5', '15')}",
            "[owned]",
            f"durable_days = {one_of('inf', '100')}",
            f"one_is_enough = {draw(st.lists(st.sampled_from(TYPES), max_size=2, unique=True))}",
            "[eligibility]",
            f"not_in_catalogue = '{one_of('refuse', 'offer')}'",
            f"least_stock = {one_of('0', '1')}",
            f"least_margin = {one_of('-inf', '0.0', '0.4')}",
            "[blocked]",
            f"products = {draw(st.lists(st.sampled_from(PRODUCTS), max_size=2, unique=True))}",
            f"brands = {draw(st.sampled_from([[], ['Acme']]))}",
            f"product_types = {draw(st.sampled_from([[], ['cover']]))}",
            "[diversity]",
            f"most_of_type = {one_of('1', '2', '9')}",
            f"coherent = {one_of('true', 'true', 'false')}",
        ]
    ).replace("'", '"')


@st.composite
def offer_lists(draw: st.DrawFn) -> list[Any]:
    """Offers of distinct products, best first."""
    products = draw(st.lists(product_id, max_size=14, unique=True))
    relevance = st.sampled_from([0.1, 0.2, 0.5])
    return ranked(
        offer(name, draw(st.sampled_from(KINDS)), draw(st.one_of(st.none(), product_id)), draw(relevance))
        for name in products
    )


@st.composite
def requests(draw: st.DrawFn, *, budget: bool) -> dict[str, Any]:
    """A request with facts of the shopper, some of them unknown."""
    now = datetime.fromisoformat(AT)
    line = st.builds(
        lambda name, days, paid: {
            "product_id": name,
            "ordered_at": (now - timedelta(days=days)).isoformat(),
            "unit_price": paid,
        },
        product_id,
        st.sampled_from([1, 9, 11, 99, 101, 900, 1001]),
        st.one_of(st.none(), price),
    )
    shopper: dict[str, Any] = {
        "region": draw(st.sampled_from([None, *REGIONS, "DE"])),
        "age": draw(st.sampled_from([None, 17, 18, 40])),
        "owned": draw(st.lists(product_id, max_size=2)),
        "budget": draw(st.sampled_from([None, 0, 2, 5.5, 100])) if budget else None,
    }
    request = {
        "cart": draw(st.lists(product_id, max_size=4)),
        "history": draw(st.lists(line, max_size=8)),
        "at": AT,
        "moment": draw(st.sampled_from(MOMENTS)),
        "kinds": draw(st.one_of(st.none(), st.none(), st.lists(st.sampled_from(KINDS), unique=True))),
        "shopper": draw(st.one_of(st.none(), st.just(shopper), st.just(shopper))),
    }
    if draw(st.booleans()):
        request["limit"] = draw(st.integers(0, 6))
    if draw(st.booleans()):
        request["order"] = draw(st.sampled_from(ORDERS))
    return request
