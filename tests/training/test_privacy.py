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
from mersalg import KINDS, MOMENTS, Offer
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


def offers(recommender: mersalg.Recommender, product: str, *, threshold: bool, is_paid: bool) -> list[Offer]:
    """All that is offered for a product in the cart: before payment, or after it, when it counts as bought."""
    moments = MOMENTS[3:] if is_paid else MOMENTS[:3]
    asked = [{"cart": [product], "moment": moment, "kinds": list(KINDS), "limit": 100} for moment in moments]
    return [offer for found in recommender.score(asked, threshold=threshold) for offer in found]


@pytest.mark.slow
def test_what_one_customer_alone_bought_together_is_never_answered(small_shop: SmallShop, tmp_path: Path) -> None:
    recommender, manifest = trained(small_shop, tmp_path, 5)
    for product, other in (("SECRET-A", "SECRET-B"), ("SECRET-B", "SECRET-A"), ("KNOWN-A", "KNOWN-B")):
        for is_paid in (False, True):
            shown, ranked = (offers(recommender, product, threshold=t, is_paid=is_paid) for t in (True, False))
            assert ranked
            assert other not in {offer.product_id for offer in shown}
            if product.startswith("SECRET") or not is_paid:
                assert other not in {offer.product_id for offer in ranked}
            # The factors of a product that enough customers know may bring the other, but never because of it.
            assert all((offer.because, offer.lift) == (None, None) for offer in ranked if offer.product_id == other)
    left_out = manifest["privacy"]["left_out"]
    assert manifest["privacy"]["min_customers"] == 5
    assert left_out["products"] >= 2
    assert left_out["pairs"] >= 1


@pytest.mark.slow
def test_it_is_answered_by_a_bundle_that_is_told_to_keep_what_one_customer_did(
    small_shop: SmallShop, tmp_path: Path
) -> None:
    recommender, manifest = trained(small_shop, tmp_path, 1)
    for planted in ("SECRET", "KNOWN"):
        ranked = offers(recommender, f"{planted}-A", threshold=False, is_paid=False)
        assert f"{planted}-B" in {offer.product_id for offer in ranked}
    assert set(manifest["privacy"]["left_out"].values()) == {0}
