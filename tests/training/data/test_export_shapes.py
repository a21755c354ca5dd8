"""A file of another shape is refused with what it lacks and what it looks like; catalogues are read by the same ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mersalg.errors import DataError
from mersalg_training.config import ContractConfig, DataConfig
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import Purchases, open_purchases
from small_shop import SmallShop
from system_exports import OTHER, WRITERS, rows, woocommerce_order, write_csv

PLAIN = "order_id,product_id,ordered_at\n1,bread,2024-01-01\n"
TITLES = {
    "ga4": "GA4 events", "shopify-csv": "Shopify's orders (CSV)", "shopify-json": "Shopify's orders (JSON)",
    "woocommerce": "WooCommerce orders", "magento": "Magento orders",
}  # fmt: skip
SHOPIFY_PRODUCTS = [
    {"Handle": "loaf", "Title": "Loaf", "Vendor": "Miller", "Product Category": "Food > Bread", "Type": "Bread",
     "Option1 Value": "small", "Variant SKU": "bread", "Variant Price": "3.50", "Cost per item": "1.00"},
    {"Handle": "loaf", "Title": "", "Vendor": "", "Product Category": "", "Type": "", "Option1 Value": "large",
     "Variant SKU": "bread-l", "Variant Price": "5.00", "Cost per item": ""},
    {"Handle": "loaf", "Title": "", "Vendor": "", "Product Category": "", "Type": "", "Option1 Value": "",
     "Variant SKU": "", "Variant Price": "", "Cost per item": ""},
    {"Handle": "jam", "Title": "Jam", "Vendor": "", "Product Category": "", "Type": "",
     "Option1 Value": "Default Title", "Variant SKU": "", "Variant Price": "2.00", "Cost per item": ""},
]  # fmt: skip


def refusal(location: Path, format: str) -> str:
    with pytest.raises(DataError) as caught:
        open_purchases(DataConfig.model_validate({"orders": str(location), "format": format}))
    return str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_an_export_under_another_format_is_known_for_what_it_is(name: str, tmp_path: Path) -> None:
    format, write = WRITERS[name]
    other = "magento" if format != "magento" else "woocommerce"
    told = refusal(write(OTHER, tmp_path), other)
    assert f'It looks like {TITLES[name]}: set data.format = "{format}".' in told


def test_what_a_file_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("Name,Email,Lineitem name\n#1,a@b.c,Bread\n")
    told = refusal(tmp_path / "orders.csv", "shopify")
    assert "it has no Created at, Lineitem quantity." in told
    assert "Found: Name, Email, Lineitem name" in told


def test_a_plain_table_under_a_format_is_known_as_one(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(PLAIN)
    assert "It looks like a plain table of order lines: leave data.format out." in refusal(
        tmp_path / "orders.csv", "shopify"
    )


def test_an_export_without_a_format_is_known(tmp_path: Path) -> None:
    _, write = WRITERS["shopify-csv"]
    assert 'set data.format = "shopify"' in refusal(write(OTHER, tmp_path), "table")


def test_json_without_a_format_is_told_of_it(tmp_path: Path) -> None:
    _, write = WRITERS["magento"]
    assert "JSON of a shop system is read where data.format names it" in refusal(write(OTHER, tmp_path), "table")


def test_products_in_place_of_orders_are_known(tmp_path: Path) -> None:
    told = refusal(write_csv(SHOPIFY_PRODUCTS, tmp_path / "products.csv"), "shopify")
    assert "It looks like Shopify's products (CSV): name it as data.products." in told


@pytest.mark.parametrize("text", ['{"id": 1', "[1, 2]", ""])
def test_what_is_no_json_of_records_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "orders.json").write_text(text)
    assert "data.orders" in refusal(tmp_path / "orders.json", "woocommerce")


def test_a_field_of_another_type_is_refused_without_its_value(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text(json.dumps([woocommerce_order(OTHER) | {"line_items": "SECRET"}]))
    told = refusal(tmp_path / "orders.json", "woocommerce")
    assert "cannot be read as WooCommerce orders" in told
    assert "SECRET" not in told


def test_a_page_larger_than_the_usual_limit_of_an_object_is_read(
    small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mersalg_training.data.exports.files.MAX_OBJECT_BYTES", 100_000)
    orders = WRITERS["magento"][1](small_shop.lines, tmp_path)
    assert orders.stat().st_size > 1_000_000
    purchases = open_purchases(DataConfig(orders=str(orders), format="magento"))
    assert len(rows(purchases, "order_id", "raw_orders")) == len(small_shop.lines)


def with_products(folder: Path, name: str, products: Path) -> Purchases:
    """The orders of a writer beside a catalogue, through the contract."""
    format, write = WRITERS[name]
    (folder / "orders").mkdir()
    orders = write(OTHER, folder / "orders")
    tables = {"orders": str(orders), "products": str(products), "format": format}
    purchases = open_purchases(DataConfig.model_validate(tables))
    apply_contract(purchases, ContractConfig())
    return purchases


def test_products_of_shopify_are_variants_with_the_facts_of_their_product(tmp_path: Path) -> None:
    products = write_csv(SHOPIFY_PRODUCTS, tmp_path / "products_export.csv")
    purchases = with_products(tmp_path, "shopify-csv", products)
    columns = "product_id, name, category, product_type, brand, price, cost, variant_of"
    assert rows(purchases, columns, "products") == [
        ("Jam", "Jam", None, None, None, 2.0, None, None),
        ("bread", "Loaf - small", "Food > Bread", "Bread", "Miller", 3.5, 1.0, "loaf"),
        ("bread-l", "Loaf - large", "Food > Bread", "Bread", "Miller", 5.0, None, "loaf"),
    ]


def write_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_products_of_woocommerce_bring_their_variations(tmp_path: Path) -> None:
    loaf = {
        "id": 1, "name": "Loaf", "type": "variable", "parent_id": 0, "price": "3.50", "regular_price": "",
        "categories": [{"id": 5, "name": "Bread"}, {"id": 6, "name": "Food"}], "brands": [], "variations": [11, 12],
    }  # fmt: skip
    bread = loaf | {"id": "bread", "regular_price": "4.00", "variations": []}
    purchases = with_products(tmp_path, "woocommerce", write_json(tmp_path / "products.json", [loaf, bread]))
    assert rows(purchases, "product_id, name, category, price, variant_of", "products") == [
        ("1", "Loaf", "Bread", 3.5, None),
        ("11", "Loaf", "Bread", 3.5, "1"),
        ("12", "Loaf", "Bread", 3.5, "1"),
        ("bread", "Loaf", "Bread", 4.0, None),
    ]


def test_products_of_magento_are_known_by_their_sku(tmp_path: Path) -> None:
    bread = {
        "id": 9, "sku": "bread", "name": "Loaf", "attribute_set_id": 4, "price": 3.5, "type_id": "simple",
        "extension_attributes": [], "custom_attributes": [
            {"attribute_code": "cost", "value": "1.0000"}, {"attribute_code": "category_ids", "value": ["7", "2"]},
        ],
    }  # fmt: skip
    page = {"items": [bread], "search_criteria": {}, "total_count": 1}
    purchases = with_products(tmp_path, "magento", write_json(tmp_path / "products.json", page))
    assert rows(purchases, "product_id, name, category, price, cost", "products") == [("bread", "Loaf", "7", 3.5, 1.0)]


def test_a_plain_catalogue_goes_with_any_export(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id,name,price\nbread,Rye,3.75\n")
    purchases = with_products(tmp_path, "ga4", tmp_path / "products.csv")
    assert rows(purchases, "product_id, name, price", "products") == [("bread", "Rye", 3.75)]
