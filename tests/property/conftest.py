from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

import mersalg
from small_shop import SmallShop


@pytest.fixture(scope="session")
def recommender(trained_bundle: Path) -> mersalg.Recommender:
    """The bundle of the small shop, as a shop loads it."""
    return mersalg.load(trained_bundle)


@pytest.fixture(scope="session")
def products(recommender: mersalg.Recommender) -> list[str]:
    return sorted(recommender.names)


@pytest.fixture(scope="session")
def value_of(small_shop: SmallShop) -> dict[str, float]:
    """What a sale of each product brings: its price less its cost, where that is known."""
    known = {p.product_id: p.price - (p.cost or 0.0) for p in small_shop.products if p.price is not None}
    middle = median(known.values())
    return {p.product_id: known.get(p.product_id, middle) for p in small_shop.products}
