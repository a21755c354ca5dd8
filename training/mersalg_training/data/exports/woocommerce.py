"""WooCommerce: the orders of its REST API as JSON, as pages (lists) or one a line.

Shape: "Orders", https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/. Amounts are text; `customer_id` is 0
for guests; `price` is after discounts; shipping, fees and coupons stand in lists of their own, which are not read.
"""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg_training.data.exports.expressions import (
    CANCELLED,
    DRAFT,
    GUEST,
    OLDER,
    REFUNDED,
    SOMEHOW_IN_PART,
    UNPAID,
    all_told,
    amount,
    each,
    hashed,
    told,
)
from mersalg_training.data.exports.files import Export, Spec, records

ITEM: Final = (
    "name", "parent_name", "product_id", "variation_id", "quantity", "subtotal", "total", "price", "sku",
)  # fmt: skip
ORDER: Final[dict[str, Spec]] = {
    **dict.fromkeys(
        ("id", "number", "status", "currency", "customer_id", "date_created", "date_created_gmt", "date_modified_gmt"),
        "VARCHAR"),
    "billing": {"email": "VARCHAR"},
    "line_items": [dict.fromkeys(ITEM, "VARCHAR")],
    "refunds": "JSON",
}  # fmt: skip
DRAFTS: Final = ("checkout-draft", "auto-draft", "draft")


def lines(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the order lines: a line item each, of the newest copy of its order.

    A product is its variation, or the product where it has none; variants of one product name that.
    """
    no_purchase = told(
        {
            OLDER: "copy > 1",
            CANCELLED: "status IN ('cancelled', 'trash')",
            REFUNDED: "status = 'refunded'",
            UNPAID: "status IN ('pending', 'failed')",
            DRAFT: f"status IN {DRAFTS}",
        }
    )
    decisions = all_told(
        {
            GUEST: "account IS NULL AND guest IS NOT NULL",
            SOMEHOW_IN_PART: "refunds > 0 AND status <> 'refunded'",
            "are of products that are deleted: their SKU or name is their product": "parent_id IS NULL",
        }
    )
    return f"""
        WITH orders AS (
            SELECT *, row_number() OVER (PARTITION BY id ORDER BY date_modified_gmt DESC) AS copy
            FROM {records(connection, export, ORDER, "")}
        ), items AS (
            SELECT * EXCLUDE (line_items), unnest(line_items) AS i FROM orders
        ), sold AS (
            SELECT nullif(customer_id, '0') AS account, {hashed("billing.email")} AS guest, id AS order_id, number,
                   status, copy, coalesce(date_created_gmt, date_created) AS ordered_at, currency,
                   coalesce(json_array_length(refunds), 0) AS refunds, nullif(i.variation_id, '0') AS variation_id,
                   nullif(i.product_id, '0') AS parent_id, nullif(trim(i.sku), '') AS sku, i.name, i.quantity,
                   {each(amount("i.total"), "i.quantity")} AS paid, {each(amount("i.subtotal"), "i.quantity")} AS price,
                   i.price AS told_price
            FROM items
        )
        SELECT coalesce(account, guest) AS customer_id, order_id,
               coalesce(variation_id, parent_id, sku, name) AS product_id, ordered_at, quantity,
               coalesce(paid, told_price) AS unit_price,
               {no_purchase} AS no_purchase,
               name, price, CASE WHEN variation_id IS NOT NULL THEN parent_id END AS variant_of, sku, number, currency,
               {decisions} AS decisions
        FROM sold
    """
