"""A training job on the export of a shop system learns what it learns from a plain table of the same lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mersalg.cli import main
from mersalg_training.config import DataConfig, load_config
from quick_job import QUICK, run
from small_shop import Product, SmallShop, small_config, write_shop, write_table
from system_exports import WRITERS


def learned(bundle: Path) -> dict[str, Any]:
    """What a manifest tells of the data and of what was learned from it."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    return {
        "rejected": manifest["data"]["rejected"],
        "kinds": manifest["kinds"],
        "graph": manifest["files"]["scorer.onnx"],
    }


@pytest.fixture(scope="module")
def plain(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of the job on the tables."""
    folder = tmp_path_factory.mktemp("plain")
    run(write_shop(small_shop, folder / "data", **QUICK), folder / "bundle")
    return learned(folder / "bundle")


@pytest.mark.long
@pytest.mark.parametrize("name", ["ga4", "shopify-json", "woocommerce", "magento"])
def test_a_job_on_an_export_makes_the_bundle_of_the_plain_lines(
    name: str, plain: dict[str, Any], small_shop: SmallShop, tmp_path: Path
) -> None:
    format, write = WRITERS[name]
    (tmp_path / "orders").mkdir()
    orders = write(small_shop.lines, tmp_path / "orders")
    products = write_table(small_shop.products, Product, tmp_path / "products.csv")
    run(small_config(orders, products, data={"format": format}, **QUICK), tmp_path / "bundle")
    assert learned(tmp_path / "bundle") == plain


@pytest.mark.slow
def test_init_writes_the_format_and_a_job_on_it_trains(
    small_shop: SmallShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    format, write = WRITERS["shopify-csv"]
    orders, config = write(small_shop.lines, tmp_path), tmp_path / "shop.toml"
    assert main(["init", str(config), "--format", format, "--orders", str(orders)]) == 0
    assert load_config(config).data == DataConfig(orders=str(orders), format="shopify")
    capsys.readouterr()
    assert main(["validate", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["contract"]["lines_kept"] == len(small_shop.lines)
    quick = [f"--set={section}.{key}={value}" for section, keys in QUICK.items() for key, value in keys.items()]
    assert main(["train", str(config), "--out", str(tmp_path / "bundle"), "--set=tracking.enabled=false", *quick]) == 0
    assert learned(tmp_path / "bundle")["rejected"] == {}
