"""Shopify: the orders that the admin exports as CSV, and those of the Admin API as JSON.

CSV: "Exporting orders", https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders; one row a
line item, `Name` and `Email` on each, most columns of the order on its first row alone (https://docs.xbp.app/docs/
development/integrations/shopify/order-format has a real one). JSON: the REST resource Order,
https://shopify.dev/docs/api/admin-rest/latest/resources/order, one a line, a list, or pages `{"orders": [...]}`.
"""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg_training.data.casts import number
from mersalg_training.data.exports.expressions import (
    CANCELLED,
    DRAFT,
    GUEST,
    IN_PART,
    OLDER,
    REFUNDED,
    SOMEHOW_IN_PART,
    TEST,
    UNPAID,
    all_told,
    hashed,
    left_over,
    less,
    money,
    told,
    zoned,
)
from mersalg_training.data.exports.files import Export, Spec, records
from mersalg_training.data.sources import literal

OF_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "email": ("Email",), "status": ("Financial Status",), "created_at": ("Created at",),
    "cancelled_at": ("Cancelled at", "Canceled at"), "method": ("Payment Method",), "currency": ("Currency",),
    "refunded": ("Refunded Amount",),
}  # fmt: skip
"""Columns of the CSV that stand on the first row of an order alone."""
OF_LINE: Final[dict[str, tuple[str, ...]]] = {
    "order_id": ("Name",), "pieces": ("Lineitem quantity",), "name": ("Lineitem name",), "sku": ("Lineitem sku",),
    "list_price": ("Lineitem price",), "discount": ("Lineitem discount",), "brand": ("Vendor",),
}  # fmt: skip
NOT_PAID: Final = ("voided", "expired")
GIFT_CARD: Final = "(?i)^(e-?)?gift card( - .*)?$"
TIP: Final = "(?i)^tip$"
DRAFT_NAME: Final = "^#?D[0-9]+$"
"""The name of a draft, which is no order yet."""

ITEM: Final = (
    "id", "variant_id", "product_id", "name", "title", "sku", "vendor", "quantity", "current_quantity", "price",
    "total_discount", "gift_card",
)  # fmt: skip
ORDER: Final[dict[str, Spec]] = {
    **dict.fromkeys(
        ("id", "name", "email", "created_at", "processed_at", "updated_at", "cancelled_at", "financial_status", "test",
         "currency"), "VARCHAR"),
    "customer": {"id": "VARCHAR", "email": "VARCHAR"},
    "line_items": [{**dict.fromkeys(ITEM, "VARCHAR"), "discount_allocations": [{"amount": "VARCHAR"}]}],
    "refunds": [{"refund_line_items": [{"line_item_id": "VARCHAR", "quantity": "VARCHAR"}]}],
}  # fmt: skip


def lines(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the order lines of either."""
    return api_lines(connection, export) if export.is_json else csv_lines(export)


def csv_lines(export: Export) -> str:
    """SQL for the order lines of the CSV: a row each. A product is its SKU, or its name where it has none."""
    columns = ", ".join(f"{export.column(*names)} AS {name}" for name, names in {**OF_ORDER, **OF_LINE}.items())
    filled = ", ".join(f"max({name}) OVER (PARTITION BY order_id) AS {name}" for name in OF_ORDER)
    kept_refund = f"status = 'partially_refunded' OR (status IS NULL AND {number(money('refunded'))} > 0)"
    no_purchase = told(
        {
            CANCELLED: "cancelled_at IS NOT NULL",
            REFUNDED: "status = 'refunded'",
            UNPAID: f"status IN {NOT_PAID}",
            TEST: "method ILIKE '%bogus%'",
            DRAFT: f"regexp_matches(order_id, {literal(DRAFT_NAME)})",
        }
    )
    decisions = all_told(
        {
            "have the hash of an e-mail as their customer": "contains(email, '@')",
            "have no SKU: their product is its name": "sku IS NULL AND name IS NOT NULL",
            SOMEHOW_IN_PART: kept_refund,
            "are gift cards or tips, which are fees": is_no_merchandise("name", "false"),
        }
    )
    return f"""
        WITH filled AS (SELECT {filled}, {", ".join(OF_LINE)} FROM (SELECT {columns} FROM {export.relation}))
        SELECT {hashed("email")} AS customer_id, order_id, coalesce(sku, name) AS product_id,
               {zoned("created_at")} AS ordered_at, pieces AS quantity,
               {less("list_price", "discount", "pieces")} AS unit_price, {is_no_merchandise("name", "false")} AS is_fee,
               {no_purchase} AS no_purchase,
               name, brand, {money("list_price")} AS price, sku, currency,
               {decisions} AS decisions
        FROM filled
    """


def api_lines(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the order lines of the Admin API: a line item each, of the newest copy of its order.

    A product is its SKU, as in the CSV, or else its variant.
    """
    allocated = "list_sum(list_transform(i.discount_allocations, lambda d: TRY_CAST(d.amount AS DOUBLE)))"
    given_back = "list_filter(given_back, lambda g: g.line_item_id = i.id)"
    back = f"list_sum(list_transform({given_back}, lambda g: TRY_CAST(g.quantity AS DOUBLE)))"
    taken = f"coalesce({number('i.quantity')} - {number('i.current_quantity')}, {back}, 0)"
    discount = f"coalesce(CAST({allocated} AS VARCHAR), i.total_discount)"
    no_purchase = told(
        {
            OLDER: "copy > 1",
            TEST: "test = 'true'",
            CANCELLED: "cancelled_at IS NOT NULL",
            REFUNDED: "financial_status = 'refunded'",
            UNPAID: f"financial_status IN {NOT_PAID}",
            "refunded or removed": f"taken >= {number('pieces')}",
        }
    )
    decisions = all_told(
        {
            GUEST: "is_guest AND customer_id IS NOT NULL",
            "have no SKU: their product is its variant": "sku IS NULL",
            IN_PART: f"taken > 0 AND taken < {number('pieces')}",
            "are gift cards or tips, which are fees": "is_fee",
        }
    )
    return f"""
        WITH orders AS (
            SELECT *, row_number() OVER (PARTITION BY id ORDER BY updated_at DESC) AS copy,
                   flatten(list_transform(refunds, lambda r: r.refund_line_items)) AS given_back
            FROM {records(connection, export, ORDER, "orders")}
        ), items AS (
            SELECT * EXCLUDE (line_items), unnest(line_items) AS i FROM orders
        ), sold AS (
            SELECT coalesce(customer.id, {hashed("coalesce(email, customer.email)")}) AS customer_id,
                   customer.id IS NULL AS is_guest, name AS order_id, copy, test, cancelled_at, financial_status,
                   coalesce(processed_at, created_at) AS ordered_at, currency, i.quantity AS pieces,
                   nullif(trim(i.sku), '') AS sku, i.variant_id, i.product_id AS variant_of, i.vendor AS brand,
                   coalesce(i.name, i.title) AS item_name, i.price AS list_price, {taken} AS taken,
                   {discount} AS discount, {is_no_merchandise("i.title", "i.gift_card = 'true'")} AS is_fee
            FROM items
        )
        SELECT customer_id, order_id, coalesce(sku, variant_id, variant_of, item_name) AS product_id, ordered_at,
               {left_over("pieces", "taken")} AS quantity, {less("list_price", "discount", "pieces")} AS unit_price,
               is_fee,
               {no_purchase} AS no_purchase,
               item_name AS name, brand, {money("list_price")} AS price, variant_of, sku, variant_id, currency,
               {decisions} AS decisions
        FROM sold
    """


def is_no_merchandise(name: str, is_gift_card: str) -> str:
    """SQL for whether a line is a gift card or a tip."""
    named = f"regexp_matches({name}, {literal(GIFT_CARD)}) OR regexp_matches({name}, {literal(TIP)})"
    return f"coalesce({is_gift_card}, false) OR coalesce({named}, false)"
