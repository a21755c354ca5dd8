"""Claims about a bundle of a real job whose catalogue declares relations: what is kept apart never stands together."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

import mersalg
from mersalg import KINDS, Offers
from mersalg_training.train import train
from small_shop import SmallShop, write_shop

QUICK: dict[str, dict[str, Any]] = {
    "split": {"test_days": 0},
    "ranker": {"trees": 4, "requests": 300},
    "factors": {"iterations": 1},
    "thresholds": {"precision": dict.fromkeys(KINDS, 0.001)},
}
DECLARED = {
    # product: (excludes, similar_to, successor_of)
    "filter-1": ("battery-0|no-such-id", "", ""),
    "torch-0": ("", "toy-1", ""),
    "camera-new": ("", "", "camera-0"),
}
EXCLUDED, SIMILAR = ("filter-1", "battery-0"), ("torch-0", "toy-1")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def job(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The bundle, and what the job printed."""
    folder = tmp_path_factory.mktemp("declared")
    config = write_shop(small_shop, folder, **QUICK)
    rows = ", ".join(str((name, *relations)) for name, relations in DECLARED.items())
    products = folder / "products.csv"
    with duckdb.connect() as connection:
        connection.execute(f"""
            CREATE TABLE products AS
            SELECT product_id, coalesce(p.name, 'Camera, the new one') AS name, p.category, p.product_type, p.brand,
                   p.price, excludes, similar_to, successor_of
            FROM read_csv('{products}') p
            FULL JOIN (VALUES {rows}) d(product_id, excludes, similar_to, successor_of) USING (product_id)
        """)
        connection.execute(f"COPY products TO '{products}' (FORMAT csv, HEADER)")
    printed = io.StringIO()
    train(config, folder / "bundle", Console(file=printed, width=300))
    return folder / "bundle", printed.getvalue()


@pytest.fixture(scope="module")
def recommender(job: tuple[Path, str]) -> mersalg.Recommender:
    return mersalg.load(job[0])


@pytest.fixture(scope="module")
def carts(small_shop: SmallShop) -> list[list[str]]:
    """What was bought in one order, its products one by one and in twos."""
    orders: dict[str, set[str]] = {}
    for line in small_shop.lines[:1500]:
        orders.setdefault(line.order_id, set()).add(line.product_id)
    found = {(a,) for order in orders.values() for a in order}
    found |= {pair for order in orders.values() for pair in combinations(sorted(order), 2)}
    return [list(cart) for cart in sorted(found)]


def answers(
    recommender: mersalg.Recommender, carts: Sequence[Sequence[str]], kinds: list[str] | None, **fields: Any
) -> list[Offers]:
    asked = [{"cart": cart, "moment": "cart", "kinds": kinds, "limit": 60, **fields} for cart in carts]
    return recommender.score(asked)


def ids(offers: Offers) -> set[str]:
    return {offer.product_id for offer in offers}


def test_the_job_names_what_is_declared_of_no_product(job: tuple[Path, str]) -> None:
    assert "excludes: 1 ids name no product, as 'no-such-id' of 'filter-1'" in job[1]


@pytest.mark.parametrize("kinds", [None, list(KINDS)])
@pytest.mark.parametrize("pair", [EXCLUDED, SIMILAR])
def test_what_is_kept_apart_never_stands_in_one_answer(
    pair: tuple[str, str], kinds: list[str] | None, recommender: mersalg.Recommender, carts: list[list[str]]
) -> None:
    a, b = pair
    without = [cart for cart in carts if not {a, b} & set(cart)]
    found = [ids(offers) for offers in answers(recommender, without, kinds)]
    assert not any({a, b} <= offered for offered in found)
    alone = [answers(recommender, without, kinds, exclude=[other]) for other in (b, a)]
    both = [a in ids(first) and b in ids(second) for first, second in zip(*alone, strict=True)]
    assert any(both), "each would stand there without the other"
    assert all({a, b} & offered for offered, each in zip(found, both, strict=True) if each), "one of both stays"


def test_a_list_that_is_short_of_what_was_kept_apart_is_filled_by_the_next(
    recommender: mersalg.Recommender, carts: list[list[str]]
) -> None:
    whole, two = (answers(recommender, carts, list(KINDS), limit=limit) for limit in (60, 2))
    for long, short in zip(whole, two, strict=True):
        assert [offer.product_id for offer in short] == [offer.product_id for offer in long[:2]]


@pytest.mark.parametrize("moment", ["cart", "checkout", "order-confirmation"])
def test_nothing_is_offered_beside_what_it_excludes(
    moment: str, recommender: mersalg.Recommender, carts: list[list[str]]
) -> None:
    for a, b in (EXCLUDED, EXCLUDED[::-1]):
        found = answers(recommender, carts, list(KINDS), moment=moment)
        bringing = [cart for cart, offers in zip(carts, found, strict=True) if b in ids(offers) and a not in cart]
        assert bringing
        beside = [[*cart, a] for cart in bringing]
        assert not any(b in ids(offers) for offers in answers(recommender, beside, list(KINDS), moment=moment))


def test_the_new_model_is_offered_by_its_name_where_the_old_one_was(
    job: tuple[Path, str], recommender: mersalg.Recommender, carts: list[list[str]]
) -> None:
    names = json.loads((job[0] / "products.json").read_text(encoding="utf-8"))
    found = [offers for kinds in (None, list(KINDS)) for offers in answers(recommender, carts, kinds)]
    assert not any("camera-0" in ids(offers) for offers in found)
    shown = [offer for offers in found for offer in offers if names[offer.product_id] == "Camera, the new one"]
    assert shown
    assert all(offer.because != "camera-0" for offer in shown)
    for camera, is_counted in (("camera-new", False), ("camera-1", True)):
        beside = recommender.recommend(cart=[camera], moment="cart", kinds=list(KINDS))
        (battery,) = [offer for offer in beside if offer.product_id == "battery-0"]
        assert battery.because == camera
        assert (battery.lift is not None) == is_counted, "nobody bought the new one with a battery yet"
