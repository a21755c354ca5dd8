"""The data contract: clean lines and products out of purchases, and a count by reason of all that is not clean.

Reasons are tried in the order of `contract_rules`. A line counts under one alone: the first that rejects it, or, where
none does, the first that it is kept though.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

import duckdb

from mersalg.errors import ConfigError, DataError
from mersalg_training.columns import NO_PRICE, SWITCHED_OFF, find_exact
from mersalg_training.config import ContractConfig
from mersalg_training.data.catalogue import (
    RELATIONS,
    build_products,
    clear_catch_all,
    find_fees,
    gather_catalogue,
    settle_relations,
)
from mersalg_training.data.contract_report import ContractReport, Row, percent, row_text
from mersalg_training.data.contract_rules import contract_rules, count_reasons, find_examples, judge, type_lines
from mersalg_training.data.known_products import check_known
from mersalg_training.data.mends import OF_LINES, mend_number, mend_time, unread_amounts
from mersalg_training.data.package_size import unit_of_column
from mersalg_training.data.purchases import Purchases, reading
from mersalg_training.data.sources import literal
from mersalg_training.engine.database import fitting

MIN_CUSTOMERS: Final = 20
"""Fewer do not tell what is usual."""
CROWD: Final = 10
"""So many times the median customer's orders may be those of many."""
CROWD_SHARE: Final = 0.02
AS_PIECES: Final = 'If the till writes a line for each piece, set contract.duplicate = "keep", which adds them up'


def apply_contract(
    purchases: Purchases,
    config: ContractConfig,
    *,
    examples: bool = False,
    keep_judged: bool = False,
    now: datetime | None = None,
) -> ContractReport:
    """Make the tables `lines` and `products` in the purchases' database, and tell what was dropped and why.

    lines(customer_id VARCHAR NULL, order_id VARCHAR, product_id VARCHAR, ordered_at TIMESTAMP, quantity DOUBLE,
    unit_price DOUBLE NULL): one row an order and product; quantity summed, unit_price weighted by quantity. An order
    has one time, its lines' earliest, and one customer, its lines' most frequent (ties: the smallest id).
    products(product_id, name, category, product_type, brand, size, variant_of, features, accessory_for, excludes,
    similar_to, successor_of VARCHAR NULL, price, cost DOUBLE NULL, listed BOOLEAN): each product of the lines or of
    the catalogue once, without rejected fees; several values of one field have `|` between them.
    examples: whether the report, or the error, shows lines. keep_judged: whether `judged` stays, too: every line that
    was read, with the rule that rejects it. now: in UTC, without its zone; None = the clock's.
    DataError if more than config.max_reject_share of the lines are rejected or none is left, if the catalogue knows
    none of their products, or if they cannot be read; ConfigError if they fit neither in memory nor on the disk.
    """
    with reading("data.orders"), fitting(purchases.connection):
        report = judged_purchases(purchases, config, examples, now or datetime.now(UTC).replace(tzinfo=None))
        if not keep_judged:
            purchases.connection.execute("DROP TABLE judged")
        return report


def judged_purchases(
    purchases: Purchases, config: ContractConfig, with_examples: bool, now: datetime
) -> ContractReport:
    """The same; duckdb.Error where lines cannot be read."""
    connection = purchases.connection
    check_pattern(connection, "cancelled_order_pattern", config.cancelled_order_pattern)
    check_pattern(connection, "fee_pattern", config.fee_pattern)
    notes = list(purchases.notes)
    source = "data.products" if purchases.has_catalogue else "data.orders"
    with reading(source), fitting(connection):
        size = purchases.products.get("size")
        notes += gather_catalogue(connection, unit_of_column(size.told) if size is not None else "")
        notes += unread_amounts(purchases)
    notes += type_lines(purchases, config)
    notes += check_known(purchases)
    find_fees(connection, config.fee_pattern)
    rules = contract_rules(purchases, config, now)
    judge(connection, rules)
    connection.execute("DROP TABLE typed")
    lines_read, rejected, kept_though = count_reasons(connection, rules)
    examples = find_examples(connection, rules) if with_examples else {}
    check_shares(purchases, lines_read, rejected, examples, config.max_reject_share)
    merge_lines(connection, duplicates_count=config.duplicate == "keep")
    connection.execute("DROP TABLE kept_rows")
    notes += build_products(connection, config.fee == "reject", is_listed=purchases.has_catalogue)
    notes += clear_catch_all(connection) if purchases.category_is_type else []
    notes += settle_relations(connection)
    notes += order_notes(connection)
    notes += crowd_notes(connection)
    notes += gap_notes(connection)
    connection.execute("DROP TABLE kept_orders")
    if "duplicate" in rejected:
        notes.append(
            f"{rejected['duplicate']:,} lines equal an earlier line of their order and are dropped. {AS_PIECES}"
        )
    orders, customers, products, first, last, priced = connection.execute("""
        SELECT count(DISTINCT order_id), count(DISTINCT customer_id), (SELECT count(*) FROM products),
               min(ordered_at), max(ordered_at), count(unit_price) FROM lines
    """).fetchall()[0]
    return ContractReport(
        lines_read=lines_read,
        lines_kept=lines_read - sum(rejected.values()),
        rejected=rejected,
        kept_though=kept_though,
        examples=examples,
        orders=orders,
        customers=customers,
        products=products,
        first=first,
        last=last,
        notes=notes,
        switched_off=purchases.switched_off + empty_columns(purchases, customers, priced),
        digest=digest(connection),
        pinned=purchases.pinned,
    )


def check_pattern(connection: duckdb.DuckDBPyConnection, key: str, pattern: str) -> None:
    """ConfigError if a pattern is no regular expression of RE2, which DuckDB uses."""
    try:
        connection.execute(f"SELECT regexp_matches('', {literal(pattern)})")
    except duckdb.Error as error:
        raise ConfigError(f"contract.{key}: expected a regular expression (RE2), got {pattern!r}: {error}") from error


def check_shares(
    purchases: Purchases,
    lines_read: int,
    rejected: dict[str, int],
    examples: dict[str, list[Row]],
    max_reject_share: float,
) -> None:
    """DataError if there are no lines, if all are rejected, or more than the share that is allowed; it says why."""
    if not lines_read:
        raise DataError("data.orders: holds no lines; expected at least one order line")
    dropped = sum(rejected.values())
    if dropped < lines_read and dropped <= max_reject_share * lines_read:
        return
    worst = sorted(rejected.items(), key=lambda item: -item[1])[:3]
    told = [
        f"{dropped} of {lines_read} order lines ({percent(dropped, lines_read)}) are rejected; "
        f"contract.max_reject_share allows {max_reject_share:.0%}"
    ]
    for reason, count in worst:
        told.append(f"  {reason}: {count} lines{', as in' if reason in examples else ''}")
        told += [f"    {row_text(row)}" for row in examples.get(reason, ())]
    mends = [mend for reason, _ in worst for mend in mends_of(purchases, reason)]
    told += mends or ["Map the columns in [data.columns], set [contract] to keep a reason, or allow a larger share"]
    if not examples:
        told.append("`mersalg validate CONFIG --examples` shows some of these lines")
    raise DataError("\n".join(told))


def mends_of(purchases: Purchases, reason: str) -> list[str]:
    """What mends most lines of a reason, where that can be found out."""
    if reason == "wrong type":
        return [mend for column in OF_LINES if (mend := mend_number(purchases, column))]
    if reason == "unparsable date":
        return [mend for mend in [mend_time(purchases)] if mend]
    return [AS_PIECES] if reason == "duplicate" else []


def merge_lines(connection: duckdb.DuckDBPyConnection, duplicates_count: bool) -> None:
    """Make `lines` of the rows that no rule rejects; `kept_orders` tells what an order had before it was made one."""
    copies = "copies" if duplicates_count else "1"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE kept_rows AS
        SELECT customer_id, order_id, product_id, ordered_at,
               {copies} * CASE WHEN quantity > 0 THEN quantity ELSE 1.0 END AS quantity,
               CASE WHEN unit_price > 0 THEN unit_price END AS unit_price
        FROM judged WHERE rejected_by IS NULL
    """)
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE kept_orders AS
        WITH times AS (
            SELECT order_id, min(ordered_at) AS ordered_at, max(ordered_at) AS last_at,
                   count(DISTINCT customer_id) AS customers
            FROM kept_rows GROUP BY order_id
        ), counted AS (
            SELECT order_id, customer_id, count(*) AS rows FROM kept_rows
            WHERE customer_id IS NOT NULL GROUP BY order_id, customer_id
        ), ranked AS (
            SELECT order_id, customer_id,
                   row_number() OVER (PARTITION BY order_id ORDER BY rows DESC, customer_id) AS place
            FROM counted
        )
        SELECT t.order_id, r.customer_id, t.ordered_at, t.last_at, t.customers
        FROM times t LEFT JOIN ranked r ON t.order_id = r.order_id AND r.place = 1
    """)
    connection.execute("""
        CREATE OR REPLACE TABLE lines AS
        WITH merged AS (
            SELECT order_id, product_id, round(sum(quantity), 6) AS quantity,
                   round(sum(quantity * unit_price) / sum(CASE WHEN unit_price IS NOT NULL THEN quantity END), 6)
                       AS unit_price
            FROM kept_rows GROUP BY order_id, product_id
        )
        SELECT o.customer_id, o.order_id, m.product_id, o.ordered_at, m.quantity, m.unit_price
        FROM merged m JOIN kept_orders o ON m.order_id = o.order_id
    """)


def order_notes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say where order ids seem to stand for more than one order."""
    several, long = connection.execute("""
        SELECT count(*) FILTER (WHERE customers > 1), count(*) FILTER (WHERE last_at > ordered_at + INTERVAL 7 DAY)
        FROM kept_orders
    """).fetchall()[0]
    notes = []
    if several:
        notes.append(f"{several} orders name several customers; each went to the one with most lines")
    if long:
        notes.append(f"{long} orders last more than 7 days; if numbers are used again, map order_id to an expression")
    return notes


def crowd_notes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say where one customer has so many orders that it may stand for all who are not known."""
    customers, most, usual, orders = connection.execute("""
        SELECT count(*), max(orders), median(orders), sum(orders)
        FROM (SELECT count(*) AS orders FROM kept_orders WHERE customer_id IS NOT NULL GROUP BY customer_id)
    """).fetchall()[0]
    if customers < MIN_CUSTOMERS or most < CROWD * usual or most < CROWD_SHARE * orders:
        return []
    return [
        f"one customer has {most:,} of {orders:,} orders; if that is how guests are written, make it none with a "
        "mapping, as customer_id = \"nullif(THE_COLUMN, 'GUEST')\""
    ]


def gap_notes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Name each span of more than a year without an order, since what lies beyond it may be a wrong date."""
    gaps = connection.execute("""
        SELECT earlier, later, before, orders - before FROM (
            SELECT lag(ordered_at) OVER times AS earlier, ordered_at AS later, row_number() OVER times - 1 AS before,
                   count(*) OVER () AS orders
            FROM kept_orders WINDOW times AS (ORDER BY ordered_at)
        ) WHERE later > earlier + INTERVAL 1 YEAR ORDER BY later
    """).fetchall()
    return [
        f"no order lies between {earlier:%Y-%m-%d} and {later:%Y-%m-%d}, {before:,} before and {after:,} after; "
        "if some of these dates are wrong, mend them: the windows go from the first order to the last"
        for earlier, later, before, after in gaps
    ]


def empty_columns(purchases: Purchases, customers: int, priced: int) -> list[str]:
    """A sentence for each column that the source has but that is empty in every line that is left."""
    sentences = []
    if "customer_id" in purchases.orders and not customers:
        sentences.append(f"{SWITCHED_OFF['customer_id']} (the column is empty)")
    if "unit_price" in purchases.orders and not priced:
        told = SWITCHED_OFF["unit_price"] if "price" in purchases.products else NO_PRICE
        mapping = purchases.orders["unit_price"].told
        is_column = find_exact(mapping, purchases.order_lines.columns) is not None
        why = "the column is empty" if is_column else f"{mapping} gives no number on any line"
        sentences.append(f"{told} ({why})")
    return sentences


def digest(connection: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 over `lines` and `products`, whatever the order of their rows: of each, the count and the sum of MD5s."""
    told = []
    since = [f"'{name}' || {name}" for name in RELATIONS if name != "accessory_for"]
    # A relation that nothing declares leaves the digest as it was before it could be declared: NULL is skipped.
    for table, columns, more in (
        ("lines", "customer_id, order_id, product_id, epoch_us(ordered_at), quantity, unit_price", []),
        (
            "products",
            "product_id, name, category, product_type, brand, price, cost, size, variant_of, features, accessory_for",
            since,
        ),
    ):
        texts = ", ".join([*(f"coalesce(CAST({column} AS VARCHAR), chr(30))" for column in columns.split(", ")), *more])
        told.append(
            connection.execute(
                f"SELECT count(*), CAST(sum(md5_number_lower(concat_ws(chr(31), {texts}))) AS VARCHAR) FROM {table}"
            ).fetchall()[0]
        )
    return hashlib.sha256(repr(told).encode()).hexdigest()
