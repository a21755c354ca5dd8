"""Claims: what one customer alone bought together, a bundle does not tell."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import mersalg
from mersalg import KINDS, MOMENTS
from mersalg_training.train import train
from small_shop import START, Line, SmallShop, write_shop

QUICK: dict[str, dict[str, Any]] = {
    "split": {"test_days": 0},
    "ranker": {"trees": 4, "requests": 300},
    "factors": {"iterations": 1},
}
TIMES = 8
"""As often as a product has to be bought to have neighbours of its own."""


def with_secrets(shop: SmallShop) -> SmallShop:
    """One customer bought SECRET-A and SECRET-B, alone of all; another KNOWN-A with KNOWN-B, which others bought apart.

    None of them has a type or was bought lately, so that neither a type nor popularity brings it.
    """
    lines = [line for line in shop.lines if line.order_id < "060"]
    for n in range(TIMES):
        day = 4 + 10 * n
        for planted, customer in (("SECRET", "one"), ("KNOWN", "two")):
            lines += [line(f"{planted}/{n}", customer, f"{planted}-{side}", day) for side in "AB"]
        lines += [line(f"{side}/{n}", f"guest-{side}-{n}", f"KNOWN-{side}", day + 1) for side in "AB"]
    return shop.with_lines(lines)


def line(order: str, customer: str, product: str, day: int) -> Line:
    return Line(customer, f"planted/{order}", product, START + timedelta(days=day, hours=12), 1.0, 10.0)


def trained(shop: SmallShop, folder: Path, min_customers: int) -> tuple[mersalg.Recommender, dict[str, Any]]:
    config = write_shop(with_secrets(shop), folder, privacy={"min_customers": min_customers}, **QUICK)
    bundle = train(config, folder / "bundle", Console(file=io.StringIO())).bundle
    return mersalg.load(bundle), json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))


def answers(recommender: mersalg.Recommender, product: str, threshold: bool) -> set[str]:
    """All that is offered because of a product, in the cart or bought before, at any moment."""
    at = (START + timedelta(days=201)).isoformat()
    bought = {"product_id": product, "ordered_at": (START + timedelta(days=80)).isoformat(), "quantity": 1}
    asked = [
        {"cart": [product], "history": history, "at": at, "moment": moment, "kinds": list(KINDS), "limit": 100}
        for moment in MOMENTS
        for history in ([], [bought])
    ]
    return {offer.product_id for offers in recommender.score(asked, threshold=threshold) for offer in offers}


@pytest.mark.slow
def test_what_one_customer_alone_bought_together_is_never_answered(small_shop: SmallShop, tmp_path: Path) -> None:
    recommender, manifest = trained(small_shop, tmp_path, 5)
    for threshold in (True, False):
        assert "SECRET-B" not in answers(recommender, "SECRET-A", threshold)
        assert "SECRET-A" not in answers(recommender, "SECRET-B", threshold)
    alone = [{"cart": ["KNOWN-A"], "moment": moment, "kinds": list(KINDS), "limit": 100} for moment in MOMENTS]
    found = recommender.score(alone, threshold=False)
    assert any(found)
    assert "KNOWN-B" not in {offer.product_id for offers in found for offer in offers}
    left_out = manifest["privacy"]["left_out"]
    assert manifest["privacy"]["min_customers"] == 5
    assert left_out["products"] >= 2
    assert left_out["pairs"] >= 1


@pytest.mark.slow
def test_it_is_answered_by_a_bundle_that_is_told_to_keep_what_one_customer_did(
    small_shop: SmallShop, tmp_path: Path
) -> None:
    recommender, manifest = trained(small_shop, tmp_path, 1)
    assert "SECRET-B" in answers(recommender, "SECRET-A", threshold=False)
    assert "KNOWN-B" in answers(recommender, "KNOWN-A", threshold=False)
    assert set(manifest["privacy"]["left_out"].values()) == {0}
