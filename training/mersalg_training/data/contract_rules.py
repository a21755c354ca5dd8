"""Order lines judged: cast, one row for equal lines, and the reason why a line is no plain purchase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import duckdb

from mersalg_training.config import ContractConfig
from mersalg_training.data.casts import float_notes, id_text, is_told, is_unusable, number, timestamp_sql, truth
from mersalg_training.data.contract_report import Row
from mersalg_training.data.purchases import Purchases
from mersalg_training.data.sources import literal

Reason = Literal[
    "missing id", "unusable id", "unparsable date", "date in the future", "wrong type", "no purchase",
    "cancellation", "non-positive quantity", "non-positive price", "duplicate", "fee", "unknown product",
]  # fmt: skip
IDS: Final = ("customer_id", "order_id", "product_id")
EXAMPLES: Final = 3
CLOCKS_DIFFER: Final = timedelta(days=1)
"""So far after now an order may be: its clock may be ahead, or of another time zone."""


@dataclass(frozen=True)
class Rule:
    """A reason, the SQL condition that raises it, and whether it rejects the line."""

    reason: Reason
    condition: str
    rejects: bool


def contract_rules(purchases: Purchases, config: ContractConfig, now: datetime) -> list[Rule]:
    """The rules in the order in which they are tried; t is a row of `typed`, f its fee, c its product.

    now: in UTC, without its zone.
    """
    unknown = "c.product_id IS NULL" if purchases.has_catalogue else "false"
    return [
        Rule("missing id", "t.order_id IS NULL OR t.product_id IS NULL", True),
        Rule("unusable id", is_unusable("t.product_id"), True),
        Rule("unparsable date", "t.ordered_at IS NULL", True),
        Rule("date in the future", f"t.ordered_at > TIMESTAMP '{now + CLOCKS_DIFFER:%Y-%m-%d %H:%M:%S}'", True),
        Rule("wrong type", "t.bad_quantity IS NOT NULL OR t.bad_price IS NOT NULL", True),
        Rule("no purchase", "t.no_purchase", True),
        Rule("cancellation", "t.is_cancelled OR t.quantity < 0", config.cancellation == "reject"),
        Rule("non-positive quantity", "t.quantity <= 0", config.non_positive_quantity == "reject"),
        Rule("non-positive price", "t.unit_price <= 0", config.non_positive_price == "reject"),
        Rule("duplicate", "t.copies > 1", config.duplicate == "reject"),
        Rule("fee", "t.is_fee OR f.product_id IS NOT NULL", config.fee == "reject"),
        Rule("unknown product", unknown, config.unknown_product == "reject"),
    ]


def type_lines(purchases: Purchases, config: ContractConfig) -> list[str]:
    """Make `typed`: each distinct line once, cast, with the number of its copies and what could not be cast."""
    ordered_at, note = timestamp_sql(purchases.connection, "raw_orders", "ordered_at")
    quantity = "CAST(quantity AS VARCHAR)" if "quantity" in purchases.orders else "'1'"
    cancelled = f"regexp_matches(order_id, {literal(config.cancelled_order_pattern)})"
    purchases.connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE typed AS
        WITH cast_lines AS (
            SELECT {id_text("customer_id")} AS customer_id, {id_text("order_id")} AS order_id,
                   {id_text("product_id")} AS product_id, {ordered_at} AS ordered_at,
                   {number(quantity)} AS quantity, {number("CAST(unit_price AS VARCHAR)")} AS unit_price,
                   trim(CAST(ordered_at AS VARCHAR)) AS date_text, {quantity} AS quantity_text,
                   nullif(trim(CAST(unit_price AS VARCHAR)), '') AS price_text,
                   {truth("is_fee")} AS is_fee, {is_told("no_purchase")} AS no_purchase
            FROM raw_orders
        )
        SELECT customer_id, order_id, product_id, ordered_at, quantity, unit_price,
               CASE WHEN ordered_at IS NULL THEN date_text END AS bad_date,
               CASE WHEN quantity IS NULL THEN coalesce(quantity_text, '') END AS bad_quantity,
               CASE WHEN unit_price IS NULL THEN price_text END AS bad_price,
               {cancelled if config.cancelled_order_pattern else "false"} AS is_cancelled,
               is_fee, no_purchase, count(*) AS copies
        FROM cast_lines GROUP BY ALL
    """)
    return [*([note] if note else []), *float_notes(purchases.connection, "raw_orders", IDS)]


def judge(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Make `judged`: `typed` with `rejected_by` and `kept_though`, the positions of its first rules of each sort.

    Being a duplicate is a matter of the copies of a row, and is left to whoever counts or merges them.
    """

    def first(rejects: bool) -> str:
        cases = [
            f"WHEN {rule.condition} THEN {position}"
            for position, rule in enumerate(rules)
            if rule.rejects == rejects and rule.reason != "duplicate"
        ]
        return f"CASE {' '.join(cases)} END" if cases else "NULL"

    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        SELECT t.*, CAST({first(True)} AS INTEGER) AS rejected_by, CAST({first(False)} AS INTEGER) AS kept_though
        FROM typed t
        LEFT JOIN fees f ON t.product_id = f.product_id
        LEFT JOIN catalogue c ON t.product_id = c.product_id
    """)


def count_reasons(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]
) -> tuple[int, dict[str, int], dict[str, int]]:
    """The number of lines read, and of lines by the reason that rejects them, and by the reason they are kept though.

    Of equal lines the first is judged by the other rules; the rest are duplicates, unless an earlier rule has them.
    """
    groups = connection.execute("""
        SELECT rejected_by, kept_though, count(*), CAST(sum(copies) AS BIGINT) FROM judged GROUP BY ALL
    """).fetchall()
    place = next(position for position, rule in enumerate(rules) if rule.reason == "duplicate")
    rejected, kept = [0] * len(rules), [0] * len(rules)
    for rejected_by, kept_though, rows, copies in groups:
        if rejected_by is not None:
            rejected[rejected_by] += rows
        elif kept_though is not None:
            kept[kept_though] += rows
        rejecting = [p for p in (rejected_by, place if rules[place].rejects else None) if p is not None]
        if rejecting:
            rejected[min(rejecting)] += copies - rows
        else:
            kept[min(place, place if kept_though is None else kept_though)] += copies - rows
    return sum(group[3] for group in groups), named(rules, rejected), named(rules, kept)


def named(rules: Sequence[Rule], counts: Sequence[int]) -> dict[str, int]:
    """The counts above zero by reason, in the order of the rules."""
    return {rule.reason: count for rule, count in zip(rules, counts, strict=True) if count}


def find_examples(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> dict[str, list[Row]]:
    """At most three rows for each reason, as the source spells them, the first by order and product."""
    result: dict[str, list[Row]] = {}
    for position, rule in enumerate(rules):
        if rule.reason == "duplicate":
            condition = f"copies > 1 AND coalesce(rejected_by, {position}) >= {position}"
        else:
            condition = f"coalesce(rejected_by, kept_though) = {position}"
        rows = connection.execute(f"""
            SELECT customer_id, order_id, product_id, coalesce(bad_date, CAST(ordered_at AS VARCHAR)) AS ordered_at,
                   coalesce(bad_quantity, CAST(quantity AS VARCHAR)) AS quantity,
                   coalesce(bad_price, CAST(unit_price AS VARCHAR)) AS unit_price
            FROM judged WHERE {condition} ORDER BY ALL LIMIT {EXAMPLES}
        """)
        names = [column[0] for column in rows.description]
        if examples := [dict(zip(names, row, strict=True)) for row in rows.fetchall()]:
            result[rule.reason] = examples
    return result
