"""Google Analytics 4: the events that BigQuery exports, as JSON Lines or Parquet, one event a record.

Shape: "[GA4] BigQuery Export schema", https://support.google.com/analytics/answer/7029846. The fields of an item are
those of the events `purchase` and `refund`, https://developers.google.com/analytics/devguides/collection/ga4/
reference/events. JSON holds whole numbers as text and leaves NULL out; what a tag does not set is "(not set)".
"""

from __future__ import annotations

from typing import Final

import duckdb

from mersalg_training.data.casts import number
from mersalg_training.data.exports.expressions import IN_PART, all_told, left_over, money, told
from mersalg_training.data.exports.files import Export, Spec, records

LEVELS: Final = ("item_category2", "item_category3", "item_category4", "item_category5")
ITEM: Final = (
    "item_id", "item_name", "item_brand", "item_variant", "item_category", *LEVELS, "price", "quantity",
)  # fmt: skip
EVENT: Final[dict[str, Spec]] = {
    **dict.fromkeys(("event_name", "event_timestamp", "user_id", "user_pseudo_id"), "VARCHAR"),
    "ecommerce": {"transaction_id": "VARCHAR"},
    "event_params": [{"key": "VARCHAR", "value": {"string_value": "VARCHAR"}}],
    "items": [dict.fromkeys(ITEM, "VARCHAR")],
}


def lines(connection: duckdb.DuckDBPyConnection, export: Export) -> str:
    """SQL for the order lines: an item of a `purchase` event each.

    A transaction that comes again, as when its page is loaded again, is no purchase; one without an id is the order of
    its event. A `refund` event takes its items back, or the whole transaction where it has none.
    """
    fields = ", ".join(f"{known(f'item.{name}')} AS {name}" for name in ITEM)
    taken = number("r.taken")
    no_purchase = told(
        {
            "an event that repeats its transaction": "copy > 1",
            "refunded": f"coalesce(f.is_whole, false) OR {taken} >= {number('pieces')}",
        }
    )
    decisions = all_told(
        {
            "have the id of a device (user_pseudo_id) as their customer": "user_id IS NULL AND device <> ''",
            "have no transaction_id: their event is their order": "s.transaction_id IS NULL",
            IN_PART: f"{taken} < {number('pieces')}",
        }
    )
    return f"""
        WITH events AS MATERIALIZED (
            SELECT event_name, TRY_CAST(event_timestamp AS BIGINT) AS micros, {known("user_id")} AS user_id,
                   {known("user_pseudo_id")} AS device, {known("ecommerce.transaction_id")} AS transaction_id, items,
                   list_filter(event_params, lambda p: p.key = 'currency')[1].value.string_value AS currency
            FROM {records(connection, export, EVENT, "")} WHERE event_name IN ('purchase', 'refund')
        ), orders AS (
            SELECT *, coalesce(transaction_id, concat_ws('-', user_id, device, micros)) AS order_id,
                   row_number() OVER (PARTITION BY coalesce(transaction_id, concat_ws('-', user_id, device, micros))
                                      ORDER BY micros, device) AS copy
            FROM events WHERE event_name = 'purchase'
        ), refunds AS (
            SELECT transaction_id, bool_or(coalesce(len(items), 0) = 0) AS is_whole
            FROM events WHERE event_name = 'refund' AND transaction_id IS NOT NULL GROUP BY transaction_id
        ), refunded AS (
            SELECT transaction_id, coalesce({known("item.item_id")}, {known("item.item_name")}) AS product_id,
                   CAST(sum(coalesce({number("item.quantity")}, 1)) AS VARCHAR) AS taken
            FROM (SELECT transaction_id, unnest(items) AS item FROM events WHERE event_name = 'refund')
            GROUP BY ALL
        ), items AS (
            SELECT order_id, transaction_id, copy, micros, user_id, device, currency, {fields}
            FROM (SELECT *, unnest(items) AS item FROM orders)
        ), sold AS (
            SELECT *, coalesce(item_id, item_name) AS product_id, coalesce(quantity, '1') AS pieces FROM items
        )
        SELECT coalesce(user_id, device) AS customer_id, order_id, s.product_id, make_timestamp(micros) AS ordered_at,
               {left_over("pieces", taken)} AS quantity, {money("s.price")} AS unit_price,
               {no_purchase} AS no_purchase,
               item_name AS name, item_category AS category, item_category2 AS product_type, item_brand AS brand,
               item_variant, {", ".join(LEVELS)}, s.currency,
               {decisions} AS decisions
        FROM sold s
        LEFT JOIN refunds f ON s.transaction_id = f.transaction_id
        LEFT JOIN refunded r ON s.transaction_id = r.transaction_id AND s.product_id = r.product_id
    """


def known(field: str) -> str:
    """SQL for the text of a field, NULL where it is not set."""
    return f"CASE WHEN trim({field}) NOT IN ('', '(not set)') THEN trim({field}) END"
