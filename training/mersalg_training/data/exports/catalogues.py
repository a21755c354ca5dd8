"""The products that shop systems export, as a catalogue whose ids are those of the adapters of orders."""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg_training.data.exports.expressions import money
from mersalg_training.data.exports.files import Export, Spec, records

SHOPIFY: Final[dict[str, tuple[str, ...]]] = {
    "handle": ("Handle", "URL handle"), "title": ("Title",), "brand": ("Vendor",), "category": ("Product Category",),
    "product_type": ("Type",), "gift_card": ("Gift Card",), "sku": ("Variant SKU", "SKU"),
    "price": ("Variant Price", "Price"), "cost": ("Cost per item",), "option_1": ("Option1 Value",),
    "option_2": ("Option2 Value",), "option_3": ("Option3 Value",),
}  # fmt: skip
OF_PRODUCT: Final = ("title", "brand", "category", "product_type", "gift_card")
"""Stand on the first row of a product alone."""
ONLY_VARIANT: Final = "Default Title"
"""The option of a product that has no variants."""
WOOCOMMERCE: Final[dict[str, Spec]] = {
    **dict.fromkeys(("id", "parent_id", "name", "sku", "price", "regular_price"), "VARCHAR"),
    "categories": [{"name": "VARCHAR"}], "brands": [{"name": "VARCHAR"}], "variations": "JSON",
}  # fmt: skip
MAGENTO: Final[dict[str, Spec]] = {
    **dict.fromkeys(("sku", "name", "price", "type_id"), "VARCHAR"), "custom_attributes": "JSON",
}  # fmt: skip


def shopify(_: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the products of the admin's CSV, https://help.shopify.com/en/manual/products/import-export/using-csv.

    A variant each, by its SKU, or the name that order lines give it; variants of one product share its handle. Rows of
    further pictures have no price and are left out.
    """
    columns = ", ".join(f"{export.column(*names)} AS {name}" for name, names in SHOPIFY.items())
    filled = ", ".join(f"max({name}) OVER (PARTITION BY handle) AS {name}" for name in OF_PRODUCT)
    options = f"nullif(nullif(concat_ws(' / ', option_1, option_2, option_3), '{ONLY_VARIANT}'), '')"
    return f"""
        WITH filled AS (
            SELECT * EXCLUDE ({", ".join(OF_PRODUCT)}), {filled} FROM (SELECT {columns} FROM {export.relation})
        ), named AS (
            SELECT *, concat_ws(' - ', title, {options}) AS name, count(*) OVER (PARTITION BY handle) AS variants
            FROM filled WHERE price IS NOT NULL OR sku IS NOT NULL
        )
        SELECT coalesce(sku, name) AS product_id, name, category, product_type, brand, {money("price")} AS price,
               {money("cost")} AS cost, gift_card AS is_fee, CASE WHEN variants > 1 THEN handle END AS variant_of
        FROM named
    """


def woocommerce(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the products of GET /products, https://developer.woocommerce.com/docs/apis/rest-api/v3/products/.

    A product each, and each of its variations by its id with what the product tells; a category is the first.
    """
    return f"""
        WITH products AS (
            SELECT *, from_json(variations, '["VARCHAR"]') AS ids
            FROM {records(connection, export, WOOCOMMERCE, "")}
        ), variants AS (
            SELECT id, NULL AS variant_of, * EXCLUDE (id) FROM products
            UNION ALL SELECT unnest(ids) AS id, id AS variant_of, * EXCLUDE (id) FROM products
        )
        SELECT id AS product_id, name, categories[1].name AS category, brands[1].name AS brand,
               coalesce(nullif(regular_price, ''), nullif(price, '')) AS price,
               coalesce(variant_of, nullif(parent_id, '0')) AS variant_of
        FROM variants
    """


def magento(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the products of GET /V1/products, https://developer.adobe.com/commerce/webapi/rest/quick-reference/.

    A product each, by its SKU. A category is the first of its ids, for names of categories are not among them.
    """
    attributes = 'from_json(custom_attributes, \'[{"attribute_code": "VARCHAR", "value": "JSON"}]\')'

    def attribute(code: str) -> str:
        return f"list_filter(attributes, lambda a: a.attribute_code = '{code}')[1].value"

    return f"""
        SELECT sku AS product_id, name, json_extract_string({attribute("category_ids")}, '$[0]') AS category, price,
               json_extract_string({attribute("cost")}, '$') AS cost, type_id = 'giftcard' AS is_fee
        FROM (SELECT *, {attributes} AS attributes FROM {records(connection, export, MAGENTO, "items")})
    """
