"""SQL that the adapters have in common: money, e-mails, times, and what was decided about a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mersalg_training.data.casts import number
from mersalg_training.data.sources import literal

HASH_CHARACTERS: Final = 16
"""Of the SHA-256 of an e-mail, in hexadecimal: 64 bits, which keep the customers of a shop apart."""
PLACES: Final = 6
"""Of a price that is computed."""

CANCELLED: Final = "a cancelled order"
REFUNDED: Final = "a refunded order"
UNPAID: Final = "an order that was never paid"
TEST: Final = "a test order"
DRAFT: Final = "a draft"
OLDER: Final = "an older copy of an order"
GUEST: Final = "are of guests: the hash of the e-mail is their customer"
IN_PART: Final = "are refunded in part: what is left counts"
SOMEHOW_IN_PART: Final = "are of orders refunded in part, and count: the export does not say which lines"
"""Why a line is no purchase, and what was decided about one that is."""


def told(cases: Mapping[str, str]) -> str:
    """SQL for the first text whose condition holds, NULL where none does. cases: text -> condition."""
    return "CASE " + " ".join(f"WHEN {condition} THEN {literal(text)}" for text, condition in cases.items()) + " END"


def all_told(cases: Mapping[str, str]) -> str:
    """SQL for the list of all texts whose conditions hold. cases: text -> condition."""
    texts = ", ".join(f"CASE WHEN {condition} THEN {literal(text)} END" for text, condition in cases.items())
    return f"list_filter([{texts}], lambda told: told IS NOT NULL)"


def hashed(email: str) -> str:
    """SQL for a customer id in place of an e-mail, which is no name to keep; NULL for what is no e-mail."""
    plain = f"lower(trim({email}))"
    return f"CASE WHEN contains({plain}, '@') THEN left(sha256({plain}), {HASH_CHARACTERS}) END"


def money(text: str) -> str:
    """SQL for the text of an amount without its currency and the marks between thousands.

    Of a point and a comma the last is the decimal mark; a comma alone is one where one or two digits follow it. What
    holds no digit stays as it is, for the data contract to count.
    """
    bare = f"regexp_replace({text}, '[^0-9.,-]', '', 'g')"
    point, comma = f"replace({bare}, ',', '')", f"replace(replace({bare}, '.', ''), ',', '.')"
    return (
        f"CASE WHEN NOT regexp_matches({text}, '[0-9]') THEN {text} "
        f"WHEN regexp_matches({bare}, '[.].*,|^[^.,]*,[0-9]{{1,2}}$') THEN {comma} ELSE {point} END"
    )


def amount(text: str) -> str:
    """SQL for an amount of money as a number; NULL for what is none."""
    return number(money(text))


def each(total: str, quantity: str) -> str:
    """SQL for the price of one piece out of that of all, as text; NULL where either is not known."""
    return f"CAST(round({total} / nullif({number(quantity)}, 0), {PLACES}) AS VARCHAR)"


def less(price: str, discount: str, quantity: str) -> str:
    """SQL for a price less its part of the discount on so many pieces; the price's text where it is no number."""
    part = f"coalesce({amount(discount)}, 0) / nullif({number(quantity)}, 0)"
    return f"coalesce(CAST(round({amount(price)} - coalesce({part}, 0), {PLACES}) AS VARCHAR), {price})"


def zoned(time: str) -> str:
    """SQL for the text of a time, in UTC where it ends in a zone, as `2026-09-03 10:14:00 -0400`; else as it is."""
    joined = f"regexp_replace({time}, ' ?([+-][0-9]{{2}}):?([0-9]{{2}})$', '\\1:\\2')"
    has_zone = f"regexp_matches({time}, ':[0-9]{{2}}.*([+-][0-9]{{2}}:?[0-9]{{2}}|Z)$')"
    in_utc = f"CAST(CAST(TRY_CAST({joined} AS TIMESTAMPTZ) AS TIMESTAMP) AS VARCHAR)"
    return f"CASE WHEN {has_zone} THEN coalesce({in_utc}, {time}) ELSE {time} END"


def left_over(quantity: str, taken: str) -> str:
    """SQL for the text of what is left of a quantity; the text itself where nothing is taken or it is no number."""
    rest = f"CAST({number(quantity)} - {taken} AS VARCHAR)"
    return f"CASE WHEN coalesce({taken}, 0) > 0 THEN coalesce({rest}, {quantity}) ELSE {quantity} END"
