"""Whether an output is the one that a page shows: to the letter, numbers within a tolerance, `...` for any text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

ELLIPSIS: Final = "..."
MAX_LINES: Final = 80
"""Of a difference that is told."""
RELATIVE: Final = Decimal("0.05")
NUMBER: Final = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[-+]?\d+)?"
TOKEN: Final = re.compile(
    r"(?P<ellipsis>\.\.\.)"
    r"|(?P<space>\s+)"
    r"|(?P<exact>"
    r"(?<=['\"])[\w:-]+(?=['\"])"  # an id between quotes
    r"|\d{4}-\d\d(?:-\d\d)?(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?"  # a date
    r"|\d{1,2}:\d\d(?::\d\d)?"  # an hour
    r"|\d+(?:\.\d+){2,}"  # a version
    r"|[^\W\d][\w-]*|\d+[^\W\d]+\d\w*(?<!e\d)"  # a word, or a digest
    r")"
    rf"|(?P<number>(?:(?<![\w)\]])[-+])?{NUMBER})"
    r"|(?P<other>.)",
    re.DOTALL | re.IGNORECASE,
)
Item = TypeVar("Item")


class Number(str):
    """A token that is compared with a tolerance."""

    __slots__ = ()


def difference(shown: str, got: str) -> str | None:
    """None where the output is as shown, else both as a diff; blank lines and runs of blanks do not count."""
    expected, lines = lines_of(shown), lines_of(got)
    if matches(expected, lines, same_line):
        return None
    # A line that agrees stands on both sides as it is shown, so that the diff holds what differs alone.
    plain = [line for line in expected if line != ELLIPSIS]
    agreed = [next((line for line in plain if same_line(line, other)), other) for other in lines]
    diff = difflib.unified_diff(expected, agreed, "shown", "got", lineterm="", n=2)
    told = list(diff) or ["shown:", *expected, "got:", *lines]
    return "\n".join(told if len(told) <= MAX_LINES else [*told[:MAX_LINES], f"and {len(told) - MAX_LINES} lines more"])


def lines_of(text: str) -> list[str]:
    """The lines that are not blank, without blanks at their ends."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def same_line(shown: str, got: str) -> bool:
    """Whether a line is as shown; `...` within it is any text."""
    return matches(tokens(shown), tokens(got), same_token)


def tokens(line: str) -> list[str]:
    """Words, numbers, signs and blanks (a run is one); none stands beside an ellipsis."""
    found: list[str] = []
    for match in TOKEN.finditer(line.strip()):
        text = " " if match.lastgroup == "space" else match.group()
        found.append(Number(text) if match.lastgroup == "number" else text)
    return [
        token
        for place, token in enumerate(found)
        if token != " " or ELLIPSIS not in (found[place - 1], found[min(place + 1, len(found) - 1)])
    ]


def same_token(shown: str, got: str) -> bool:
    """Equal, or numbers that differ by no more than 5 % or one unit of the last digit shown."""
    if shown == got:
        return True
    if not (isinstance(shown, Number) and isinstance(got, Number)):
        return False
    expected, value = Decimal(shown.replace(",", "")), Decimal(got.replace(",", ""))
    unit = Decimal(1).scaleb(int(expected.as_tuple().exponent))
    return abs(expected - value) <= max(RELATIVE * abs(expected), unit)


def matches(pattern: Sequence[Item], items: Sequence[Item], same: Callable[[Item, Item], bool]) -> bool:
    """Whether the items are those of the pattern, where `...` stands for any of them, also for none."""
    place = at = 0
    star, resume = -1, 0
    while at < len(items):
        if place < len(pattern) and pattern[place] == ELLIPSIS:
            star, resume = place, at
            place += 1
        elif place < len(pattern) and same(pattern[place], items[at]):
            place, at = place + 1, at + 1
        elif star >= 0:
            resume += 1
            place, at = star + 1, resume
        else:
            return False
    return all(item == ELLIPSIS for item in pattern[place:])
