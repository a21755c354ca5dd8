"""Drawn policies, catalogues, offers and requests over a few products, so that every rule meets every other.

All of a case comes from one seed, which is drawn by hypothesis: a case is made in a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from mersalg.names import AFTER_PAYMENT, KINDS, MOMENTS, ORDERS
from policy.given_offers import AT, offer, ranked

PRODUCTS = [f"p{number}" for number in range(14)]
UNKNOWN = "not in the catalogue"
NAMES = [*PRODUCTS, UNKNOWN]
TYPES = ["tea", "phone", "cover"]
REGIONS = ["NO", "SE"]
PRICES = [0.0, 0.5, 1.0, 1.0, 1.4, 1.5, 2.0, 2.5, 3.0, 4.0]


def some(random: Random, of: Any, most: int) -> list[Any]:
    """Up to so many distinct ones."""
    return random.sample(list(of), random.randint(0, most))


def drawn_catalogue(random: Random) -> list[dict[str, Any]]:
    """Rows for every product; each fact is known of many, of some, or of none."""
    facts: dict[str, Callable[[], Any]] = {
        "price": lambda: random.choice(PRICES),
        "cost": lambda: random.choice(PRICES) / 4,
        "stock": lambda: random.randint(-1, 9),
        "minimum_age": lambda: random.choice([0, 0, 0, 18]),
        "lasts_days": lambda: random.choice([10.0, 1000.0]),
        "product_type": lambda: random.choice(TYPES),
        "category": lambda: random.choice(["food", "gear"]),
        "brand": lambda: random.choice(["Acme", "Other"]),
        "variant_of": lambda: random.choice(["p0", "family"]),
        "regions": lambda: random.choice([[], [], REGIONS, ["SE"]]),
        "accessory_for": lambda: some(random, PRODUCTS, 3),
        "includes": lambda: some(random, PRODUCTS, 1),
        "nature": lambda: random.choice(["consumable", "consumable", "durable", "warranty", "subscription"]),
    }
    share = {fact: random.choice([0.0, 0.3, 0.9, 1.0]) for fact in facts}
    return [
        {"product_id": name} | {fact: draw() for fact, draw in facts.items() if random.random() < share[fact]}
        for name in PRODUCTS
    ]


def drawn_moment(random: Random, moment: str) -> str:
    """A table of a moment, as TOML."""
    allowed = [kind for kind in KINDS if kind != "upsell" or moment not in AFTER_PAYMENT]
    kinds = random.sample(allowed, random.choice([0, 2, 3, 4, len(allowed)]))
    caps = ", ".join(f"{kind} = {random.randint(1, 4)}" for kind in kinds)
    groups = [random.sample(KINDS, 2) for _ in range(random.randint(0, 2))]
    return "\n".join(
        [
            f"[moments.{moment}]",
            f"kinds = {{ {caps} }}",
            f"limit = {random.randint(1, 8)}",
            f"first = {random.choice([some(random, KINDS, 2), [random.sample(KINDS, 2)]])}",
            f"order = '{random.choice(ORDERS)}'",
            f"never_together = {groups}",
            f"most_of_cart = {random.choice(['inf', 'inf', '0.3', '1.0'])}",
        ]
    )


def drawn_policy(random: Random) -> str:
    """A policy as TOML."""
    one_of = lambda *texts: random.choice(texts)  # noqa: E731
    return "\n".join(
        [
            *[drawn_moment(random, moment) for moment in MOMENTS],
            "[budget]",
            f"upsell_step = {one_of('inf', '0.5', '1.0')}",
            f"paid_quantile = {one_of('0.5', '0.9', '1.0')}",
            f"paid_lines = {one_of('0', '1', '3')}",
            f"cart_ceiling = {one_of('inf', 'inf', '8', '15')}",
            "[owned]",
            f"durable_days = {one_of('inf', '100')}",
            f"one_is_enough = {some(random, TYPES, 2)}",
            "[eligibility]",
            f"not_in_catalogue = '{one_of('refuse', 'offer')}'",
            f"least_stock = {one_of('0', '1')}",
            f"least_margin = {one_of('-inf', '-inf', '0.0', '0.4')}",
            "[blocked]",
            f"products = {some(random, PRODUCTS, 2)}",
            f"brands = {random.choice([[], [], ['Acme']])}",
            f"product_types = {random.choice([[], [], ['cover']])}",
            "[diversity]",
            f"most_of_type = {one_of('1', '2', '9')}",
            f"coherent = {one_of('true', 'true', 'false')}",
        ]
    )


def drawn_offers(random: Random, cart: list[str]) -> list[Any]:
    """Offers of distinct products, best first; most because of something in the cart."""
    anchors = [None, *NAMES, *cart * 10]
    return ranked(
        offer(name, random.choice(KINDS), random.choice(anchors), random.choice([0.1, 0.2, 0.5]))
        for name in random.sample(NAMES, random.randint(3, len(NAMES)))
    )


def drawn_request(random: Random, *, budget: bool) -> dict[str, Any]:
    """A request with facts of the shopper, some of them unknown."""
    now = datetime.fromisoformat(AT)
    history = [
        {
            "product_id": random.choice(NAMES),
            "ordered_at": (now - timedelta(days=random.choice([1, 9, 11, 99, 101, 900, 1001]))).isoformat(),
            "unit_price": random.choice([None, *PRICES]),
        }
        for _ in range(random.choice([0, 3, 10, 30]))
    ]
    shopper: dict[str, Any] = {
        "region": random.choice([None, *REGIONS, *REGIONS]),
        "age": random.choice([None, 17, 18, 40, 40]),
        "owned": some(random, NAMES, 2),
        "budget": random.choice([None, None, 0, 2, 5.5, 100]) if budget else None,
    }
    request: dict[str, Any] = {
        "cart": random.choices(NAMES, k=random.randint(0, 4)),
        "history": history,
        "at": AT,
        "moment": random.choice(MOMENTS),
        "kinds": random.choice([None, None, some(random, KINDS, 5)]),
        "shopper": random.choice([None, shopper, shopper]),
    }
    if random.random() < 0.5:
        request["limit"] = random.randint(0, 6)
    if random.random() < 0.5:
        request["order"] = random.choice(ORDERS)
    return request


def drawn_upsells(random: Random) -> tuple[list[dict[str, Any]], str, dict[str, Any], list[Any]]:
    """Catalogue, policy, request and offers of a shop that makes many upsells for few pieces, under a tight bound."""
    rows = [
        {"product_id": name, "price": float(random.randint(1, 12) + 4 * (name not in PRODUCTS[:3]))}
        for name in PRODUCTS
    ]
    cart = random.choices(PRODUCTS[:3], k=random.randint(1, 4))
    price = {row["product_id"]: row["price"] for row in rows}
    ceiling = random.choice(["inf", str(sum(price[name] for name in cart) + random.randint(0, 30))])
    moment = random.choice([moment for moment in MOMENTS if moment not in AFTER_PAYMENT])
    policy = "\n".join(
        [
            f"[moments.{moment}]",
            "kinds = { upsell = 4, cross-sell = 1 }",
            "limit = 5",
            "never_together = []",
            "[budget]",
            "upsell_step = inf",
            f"cart_ceiling = {ceiling}",
        ]
    )
    budget = random.choice([None, random.randint(0, 30), random.randint(0, 30)]) if ceiling != "inf" else 20
    request = {"cart": cart, "history": [], "at": AT, "moment": moment, "kinds": None, "shopper": {"budget": budget}}
    offers = ranked(
        offer(name, random.choice(["upsell", "upsell", "upsell", "cross-sell"]), random.choice(cart))
        for name in random.sample(PRODUCTS[3:], 8)
    )
    return rows, policy, request, offers
