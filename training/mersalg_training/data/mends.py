"""What is likely wrong with values that cannot be read, and the mapping that mends it, tried on the lines at hand."""

from __future__ import annotations

import json
from typing import Final

from mersalg_training.columns import Column
from mersalg_training.data.casts import SAMPLE, number, sane
from mersalg_training.data.catalogue import AMOUNTS
from mersalg_training.data.mapping import Bound
from mersalg_training.data.purchases import Purchases
from mersalg_training.data.sources import identifier

NUMBERS: Final = {
    "decimal commas": "replace(regexp_replace({}, '[^0-9,-]', '', 'g'), ',', '.')",
    "thousands between commas, or a currency": "regexp_replace({}, '[^0-9.-]', '', 'g')",
}
"""What numbers may have -> SQL that reads them; a comma is first taken for a decimal one."""
DECIMAL_COMMA: Final = r",\d{1,2}\D*$"
TIMES: Final = {
    "seconds since 1970": (9, 10, "to_timestamp(CAST({} AS DOUBLE))"),
    "milliseconds since 1970": (12, 13, "to_timestamp(CAST({} AS DOUBLE) / 1000)"),
    "microseconds since 1970": (15, 16, "to_timestamp(CAST({} AS DOUBLE) / 1000000)"),
}
"""What times may be -> least and most digits, and SQL that reads them."""
MENDED: Final = 0.9
"""A mapping is told that reads at least so much of what is not read."""
OF_LINES: Final[tuple[Column, ...]] = ("unit_price", "quantity")
"""The numbers of order lines; those of products are AMOUNTS."""


def mapped_numbers(purchases: Purchases) -> dict[Column, tuple[str, str]]:
    """Each column whose numbers, by the first lines, a mapping reads -> what they have, and the mapping."""
    return {
        column: mapping
        for table, columns in (("raw_orders", OF_LINES), ("raw_products", AMOUNTS))
        for column in columns
        if (mapping := number_mapping(purchases, column, f"(FROM {table} LIMIT {SAMPLE})"))
    }


def unread_amounts(purchases: Purchases) -> list[str]:
    """A sentence for each amount of the catalogue that is no number in some rows, and is taken as unknown."""
    notes = []
    for column in (amount for amount in AMOUNTS if amount in purchases.products):
        text = f"nullif(trim(CAST({column} AS VARCHAR)), '')"
        bad, rows = purchases.connection.execute(
            f"SELECT count(*) FILTER ({number(text)} IS NULL), count(*) FROM raw_products WHERE {text} IS NOT NULL"
        ).fetchall()[0]
        if not bad:
            continue
        mapping = number_mapping(purchases, column, "raw_products")
        mend = f". {told(column, *mapping)}" if mapping else ""
        notes.append(f"catalogue: {column} is no number in {bad:,} of {rows:,} rows, and unknown there{mend}")
    return notes


def mend_number(purchases: Purchases, column: Column) -> str | None:
    """What is wrong with a column's numbers in the order lines, and the mapping that reads them; None without one."""
    mapping = number_mapping(purchases, column, "raw_orders")
    return told(column, *mapping) if mapping else None


def number_mapping(purchases: Purchases, column: Column, relation: str) -> tuple[str, str] | None:
    """What a column's numbers have, and a mapping that reads them and none otherwise that is read already."""
    bound = plain_bound(purchases, column)
    if bound is None:
        return None
    text = f"trim(CAST({column} AS VARCHAR))"
    for what, expression in NUMBERS.items():
        way = number(f"TRY({expression.format(text)})")
        is_meant = f"regexp_matches({text}, '{DECIMAL_COMMA}')" if what == "decimal commas" else "true"
        bad, mended, broken = purchases.connection.execute(f"""
            SELECT count(*) FILTER (plain IS NULL), count(*) FILTER (plain IS NULL AND other IS NOT NULL AND is_meant),
                   count(*) FILTER (plain <> other)
            FROM (SELECT {number(text)} AS plain, {way} AS other, {is_meant} AS is_meant
                  FROM {relation} WHERE nullif({text}, '') IS NOT NULL)
        """).fetchall()[0]
        if bad and not broken and mended >= MENDED * bad:
            return what, expression.format(name_of(bound))
    return None


def mend_time(purchases: Purchases) -> str | None:
    """The mapping that reads times which are a count since 1970; None where they are none."""
    bound = plain_bound(purchases, "ordered_at")
    if bound is None:
        return None
    text = "trim(CAST(ordered_at AS VARCHAR))"
    for what, (least, most, expression) in TIMES.items():
        way = sane(f"CAST(TRY({expression.format(text)}) AS TIMESTAMP)")
        lines, read = purchases.connection.execute(f"""
            SELECT count(*), count({way}) FILTER (regexp_full_match({text}, '\\d{{{least},{most}}}([.]\\d+)?'))
            FROM raw_orders WHERE nullif({text}, '') IS NOT NULL
        """).fetchall()[0]
        if lines and read >= MENDED * lines:
            return told("ordered_at", what, expression.format(name_of(bound)), verb="is in")
    return None


def plain_bound(purchases: Purchases, column: Column) -> Bound | None:
    """How a column is found; None where it is not, or by an expression, which is the shop's own."""
    bound = (purchases.products if column in AMOUNTS else purchases.orders).get(column)
    return bound if bound is not None and bound.sql == identifier(bound.told) else None


def told(column: Column, what: str, mapping: str, verb: str = "has") -> str:
    """What is wrong, and the lines of the configuration that mend it."""
    mend = json.dumps(mapping, ensure_ascii=False)
    return f"{column} {verb} {what}; this reads it:\n[data.columns]\n  {column} = {mend}"


def name_of(bound: Bound) -> str:
    """A column's name as an expression has it: quoted where it is no plain word."""
    return bound.told if bound.told.isidentifier() else identifier(bound.told)
