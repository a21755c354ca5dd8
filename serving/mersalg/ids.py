"""Ids as the exports of shops spell them, read alike at every door: orders, outcomes, opt-outs, trials, training."""

from __future__ import annotations

import math
import re
from typing import Final

from mersalg.errors import RequestError

BLANKS: Final = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""The characters that are taken off both ends of an id: those of Unicode that are white space."""
WHOLE: Final = r"(-?[1-9][0-9]*|0)\.0+"
"""A whole number as a column of floating-point numbers is exported."""


def id_text(value: object) -> str:
    """An id as text without blanks around it, 17850 where an export made it 17850.0.

    Empty for what is no id: None, a truth value, a number that is not finite, and a text that is blank, holds NUL or
    cannot be written in UTF-8.
    """
    if value is None or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = str(value).strip(BLANKS)
    whole = re.fullmatch(WHOLE, text)
    if whole is not None:
        return whole[1]
    try:
        return "" if "\0" in text or not text.encode() else text
    except UnicodeEncodeError:
        return ""


def check_product_ids(ids: list[str], field: str) -> None:
    """Refuse an id that is no string, empty (the padding), or that the graph's UTF-8 strings cannot hold.

    `field` makes the field's name of a position, as "cart[{}]" does.
    """
    try:
        joined = "".join(ids)
        if all(ids) and (joined.isascii() or joined.encode()) and "\0" not in joined:
            return
    except (TypeError, UnicodeEncodeError):
        pass  # the loop below names the id
    for position, product_id in enumerate(ids):
        name = field.format(position)
        if not isinstance(product_id, str):
            raise RequestError(name, "a product id as text (write the number 42 as '42')", product_id)
        if not product_id:
            raise RequestError(name, "a product id, not an empty string", product_id)
        if "\0" in product_id or any("\ud800" <= character <= "\udfff" for character in product_id):
            raise RequestError(name, "a product id in Unicode text without NUL and surrogates", product_id)
    raise AssertionError("a product id was refused without a reason")
