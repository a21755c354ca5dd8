"""What is likely wrong with values that cannot be read, and the mapping that mends it, tried on the lines at hand."""

from __future__ import annotations

import json
from typing import Final

from mersalg_training.columns import Column
from mersalg_training.data.casts import number, sane
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


def mend_number(purchases: Purchases, column: Column) -> str | None:
    """The mapping that reads a column's numbers, and reads none otherwise that is read already; None without one."""
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
                  FROM raw_orders WHERE nullif({text}, '') IS NOT NULL)
        """).fetchall()[0]
        if bad and not broken and mended >= MENDED * bad:
            return told(bound, f"{column} has {what}", expression)
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
            return told(bound, f"ordered_at is in {what}", expression)
    return None


def plain_bound(purchases: Purchases, column: Column) -> Bound | None:
    """How a column of the order lines is found; None where it is not, or by an expression, which is the shop's own."""
    bound = purchases.orders.get(column)
    return bound if bound is not None and bound.sql == identifier(bound.told) else None


def told(bound: Bound, what: str, expression: str) -> str:
    """What is wrong, and the lines of the configuration that mend it."""
    return f"{what}; this reads it:\n[data.columns]\n  {bound.column} = {json.dumps(expression.format(name_of(bound)))}"


def name_of(bound: Bound) -> str:
    """A column's name as an expression has it: quoted where it is no plain word."""
    return bound.told if bound.told.isidentifier() else identifier(bound.told)
