"""Magento 2 (Adobe Commerce): the orders of its REST API as JSON, as pages `{"items": [...]}`, lists or one a line.

Shape: salesOrderRepositoryV1 GET /V1/orders, https://developer.adobe.com/commerce/webapi/rest/quick-reference/. A
configurable product is two items: its own, with the price, the quantity and the SKU of what was chosen, and a child
with `parent_item_id` and a price of 0. Times are UTC. Shipping is no item.
"""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg_training.data.casts import number
from mersalg_training.data.exports.expressions import (
    CANCELLED,
    GUEST,
    IN_PART,
    OLDER,
    REFUNDED,
    UNPAID,
    all_told,
    amount,
    each,
    hashed,
    left_over,
    told,
)
from mersalg_training.data.exports.files import Export, Spec, records

ITEM: Final = (
    "parent_item_id", "product_id", "product_type", "sku", "name", "qty_ordered", "qty_canceled", "qty_refunded",
    "base_price", "base_original_price", "base_row_total", "base_discount_amount", "base_cost",
)  # fmt: skip
ORDER: Final[dict[str, Spec]] = {
    **dict.fromkeys(
        ("entity_id", "increment_id", "created_at", "updated_at", "state", "customer_id", "customer_is_guest",
         "customer_email", "base_currency_code"), "VARCHAR"),
    "items": [dict.fromkeys(ITEM, "VARCHAR")],
}  # fmt: skip
GIFT_CARD: Final = "giftcard"


def lines(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the order lines: an item without a parent each, of the newest copy of its order.

    A product is its SKU; those that were chosen out of one configurable product are variants of it. Prices are in the
    currency of the website.
    """
    taken = "coalesce(canceled, 0) + coalesce(refunded, 0)"
    no_purchase = told(
        {
            OLDER: "copy > 1",
            CANCELLED: "state = 'canceled'",
            REFUNDED: "state = 'closed'",
            UNPAID: "state = 'pending_payment'",
            "cancelled or refunded": f"{taken} >= {number('pieces')}",
        }
    )
    decisions = all_told(
        {
            GUEST: "account IS NULL AND guest IS NOT NULL",
            IN_PART: f"{taken} > 0 AND {taken} < {number('pieces')}",
            "are configurable products: the SKU that was chosen is their product": "sort = 'configurable'",
            "are bundles, which count as one product": "sort = 'bundle'",
            "are gift cards, which are fees": f"sort = '{GIFT_CARD}'",
        }
    )
    return f"""
        WITH orders AS (
            SELECT *, row_number() OVER (PARTITION BY increment_id ORDER BY updated_at DESC) AS copy
            FROM {records(connection, export, ORDER, "items")}
        ), items AS (
            SELECT * EXCLUDE (items), unnest(items) AS i
            FROM orders
        ), sold AS (
            SELECT CASE WHEN coalesce(customer_is_guest, '0') NOT IN ('1', 'true') THEN customer_id END AS account,
                   {hashed("customer_email")} AS guest, increment_id AS order_id, created_at AS ordered_at, state, copy,
                   base_currency_code AS currency, nullif(trim(i.sku), '') AS sku, i.product_id AS entity, i.name,
                   i.product_type AS sort, i.qty_ordered AS pieces, {number("i.qty_canceled")} AS canceled,
                   {number("i.qty_refunded")} AS refunded, i.base_price, i.base_original_price, i.base_cost AS cost,
                   {amount("i.base_row_total")} - coalesce({amount("i.base_discount_amount")}, 0) AS total
            FROM items WHERE i.parent_item_id IS NULL
        )
        SELECT coalesce(account, guest) AS customer_id, order_id, coalesce(sku, entity) AS product_id, ordered_at,
               {left_over("pieces", f"({taken})")} AS quantity, coalesce({each("total", "pieces")}, base_price)
                   AS unit_price, coalesce(sort = '{GIFT_CARD}', false) AS is_fee,
               {no_purchase} AS no_purchase,
               name, coalesce(base_original_price, base_price) AS price, cost,
               CASE WHEN sort = 'configurable' THEN entity END AS variant_of, sku, currency,
               {decisions} AS decisions
        FROM sold
    """
