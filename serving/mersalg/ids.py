"""Ids as the exports of shops spell them, read alike at every door: orders, outcomes, opt-outs, trials, training."""

from __future__ import annotations

import math
import re
from typing import Final

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
