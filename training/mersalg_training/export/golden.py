"""Golden requests: made of products alone, so that a bundle holds no row about a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from mersalg.names import KINDS, MOMENTS
from mersalg.recommender import Recommender
from mersalg_training.tables.shop_tables import ShopTables

MADE_AT = datetime(2020, 1, 1, 12)
"""The time of every golden request; only ages matter to the graph."""
GOLDEN = 24
"""Golden requests of a bundle."""
GOLDEN_TRIES = 20
"""So often each is drawn, until it is answered with an offer: an empty answer shows little of a graph."""


def golden(
    recommender: Recommender, tables: ShopTables, product_ids: list[str], random: np.random.Generator
) -> dict[str, Any]:
    """Golden requests with this bundle's offers. product_ids: (n_items,) by item index."""
    drawn = [golden_requests(tables, product_ids, GOLDEN, random) for _ in range(GOLDEN_TRIES)]
    answered = [recommender.score(requests) for requests in drawn]
    chosen = [next((t for t in range(GOLDEN_TRIES) if answered[t][i]), 0) for i in range(GOLDEN)]
    requests = [drawn[t][i] for i, t in enumerate(chosen)]
    answers = [[offer.to_dict() for offer in answered[t][i]] for i, t in enumerate(chosen)]
    return {"requests": requests, "answers": answers}


def golden_requests(
    tables: ShopTables, product_ids: list[str], n: int, random: np.random.Generator
) -> list[dict[str, Any]]:
    """N requests over drawn products: all moments, empty carts, unknown products, duplicates, none to long histories.

    Some want the order by value, and some are restricted to a few products.

    product_ids: (n_items,) by item index.
    """
    weight = tables.vocabulary.orders[:-1] / tables.vocabulary.orders.sum()

    def draw(size: int) -> list[str]:
        return [product_ids[i] for i in random.choice(len(product_ids), size=size, p=weight)]

    requests = []
    for i in range(n):
        cart = draw(int(random.integers(0, 12))) if i % 5 else []
        if i % 7 == 3:
            cart = [*cart, "no-such-product", *cart[:1]]
        bought = draw(int(random.integers(1, 120))) if i % 4 else []
        days = random.integers(1, 180, size=len(bought))
        requests.append(
            {
                "request_id": f"golden-{i}",
                "cart": cart,
                "history": [
                    {"product_id": product, "ordered_at": (MADE_AT - timedelta(days=int(d))).isoformat(), "quantity": 1}
                    for product, d in zip(bought, days, strict=True)
                ],
                "at": MADE_AT.isoformat(),
                "moment": MOMENTS[i % len(MOMENTS)],
                "kinds": list(KINDS) if i % 2 or i % 8 == 2 else None,
                "limit": 1 + i % 10,
                "exclude": cart[:1] if i % 6 == 1 else [],
                "only": [*bought[:20], *draw(int(random.integers(1, 40))), "no-such-product"] if i % 8 == 2 else [],
                "order": "value" if i % 3 == 2 else "relevance",
            }
        )
    return requests
