"""Claims: a job trains on whatever a shop has, and says what it cannot learn."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mersalg import KINDS
from quick_job import QUICK, TalkativeRun, offers_of, run, without_customers
from small_shop import Line, Product, SmallShop, small_config, write_shop, write_table

Files = Callable[[SmallShop, Path], tuple[Path, Path | None]]


def two_files(drop_orders: tuple[str, ...] = (), drop_products: tuple[str, ...] = ()) -> Files:
    def write(shop: SmallShop, folder: Path) -> tuple[Path, Path | None]:
        orders = write_table(shop.lines, Line, folder / "orders.csv", drop_orders)
        return orders, write_table(shop.products, Product, folder / "products.parquet", drop_products)

    return write


def orders_alone(shop: SmallShop, folder: Path) -> tuple[Path, Path | None]:
    return write_table(shop.lines, Line, folder / "orders.parquet"), None


def bare_minimum(shop: SmallShop, folder: Path) -> tuple[Path, Path | None]:
    return write_table(shop.lines, Line, folder / "o.csv", ("customer_id", "quantity", "unit_price")), None


NO_CUSTOMER = {"more-of-same", "replacement"}
POOREST = "all but order, product and time"
POORER = {
    # what is missing: (how the files are written, what the job says is off, kinds that cannot occur without a history)
    "customers": (two_files(("customer_id",)), "no customer_id", NO_CUSTOMER),
    "prices": (two_files(("unit_price",), ("price",)), "no unit_price and no price", {"upsell"}),
    "product types": (two_files((), ("product_type", "category")), "no product_type", {"upsell"}),
    "a catalogue": (orders_alone, "no product_type", {"upsell"}),
    POOREST: (bare_minimum, "no customer_id", {*NO_CUSTOMER, "upsell"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("missing", POORER)
def test_a_shop_without_it_trains_and_is_told_what_is_off(
    missing: str, small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, told, impossible = POORER[missing]
    run_ = TalkativeRun("tracked")
    if missing == POOREST:  # whose pictures have the least to draw
        monkeypatch.setattr("mersalg_training.train.open_run", lambda *_: contextlib.nullcontext(run_))
    config = small_config(*write(small_shop, tmp_path), **QUICK)
    trained, printed = run(config, tmp_path / "bundle")
    assert ("plots/results.png" in run_.told) == (missing == POOREST)
    manifest = json.loads((trained.bundle / "manifest.json").read_text())
    assert any(told in sentence for sentence in manifest["data"]["switched_off"])
    assert told in printed
    request = {"cart": ["toy-0", "pasta-0"], "at": "2024-07-01T12:00:00", "moment": "cart", "limit": 30}
    offers = offers_of(trained.bundle, [{**request, "kinds": list(KINDS)}])
    assert offers
    if missing != "customers":
        assert {offer.kind for offer in offers}.isdisjoint(impossible)


@pytest.mark.slow
def test_lines_without_a_customer_id_train_like_a_file_without_the_column(
    small_shop: SmallShop, tmp_path: Path
) -> None:
    trained, printed = run(write_shop(without_customers(small_shop), tmp_path, **QUICK), tmp_path / "bundle")
    assert "the column is empty" in printed
    thresholds = json.loads((trained.bundle / "manifest.json").read_text())["kinds"]
    assert thresholds["replacement"]["threshold"] is None


@pytest.mark.slow
def test_without_a_test_window_there_is_a_bundle_and_no_evaluation(small_shop: SmallShop, tmp_path: Path) -> None:
    config = write_shop(small_shop, tmp_path, split={"test_days": 0}, **QUICK)
    trained, _ = run(config, tmp_path / "bundle")
    manifest = json.loads((trained.bundle / "manifest.json").read_text())
    assert trained.evaluation is None
    assert not (trained.bundle / "evaluation.json").exists()
    assert manifest["metrics"] == {}
    assert manifest["windows"]["test_from"] == manifest["windows"]["to"]
    assert offers_of(trained.bundle, [{"cart": ["coffee-0"], "at": "2024-07-01T12:00:00", "moment": "cart"}])
