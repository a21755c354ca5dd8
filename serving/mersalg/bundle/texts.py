"""The texts of a bundle that people and programs see: product ids and names, of a length and of characters that show.

Refused are control characters, NUL and line breaks among them, which drive terminals and break files, and those that
turn the direction of what follows, by which a text shows as another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mersalg.errors import BundleError

MAX_ID_CHARACTERS: Final = 256
MAX_NAME_CHARACTERS: Final = 1000
ODD_CHARACTERS: Final = (
    (0x00, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029), (0x202A, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF),
)  # fmt: skip
"""First and last code points of the ranges that no text may hold; the last are halves of characters."""
ODD: Final = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in ODD_CHARACTERS) + "]")


def is_plain(text: str, most: int) -> bool:
    """Whether a text has at most so many characters, all of which show."""
    return len(text) <= most and ODD.search(text) is None


def check_texts(texts: list[bytes], where: str) -> None:
    """Refuse a text of a graph that could not be a product id, the first in order. ValueError for one that is no UTF-8.

    They are looked at together, and one by one where that finds something.
    """
    joined = str(b" ".join(texts), "utf-8", "surrogateescape")
    if max(map(len, texts), default=0) > MAX_ID_CHARACTERS or ODD.search(joined):
        refuse_text((str(text, "utf-8") for text in texts), MAX_ID_CHARACTERS, where)


def check_names(names: Mapping[str, Any], where: str) -> None:
    """Refuse a product id or a name that is none."""
    for product_id, name in names.items():
        if not isinstance(name, str):
            raise BundleError(
                f"{where}: {product_id[:80]!r}: expected a name, got {str(name)[:80]}; export the bundle again"
            )
    refuse_text(names, MAX_ID_CHARACTERS, where)
    refuse_text(names.values(), MAX_NAME_CHARACTERS, where)


def refuse_text(texts: Iterable[str], most: int, where: str) -> None:
    """Refuse the first text that is not plain."""
    for text in texts:
        if not is_plain(text, most):
            raise BundleError(
                f"{where}: expected texts of at most {most} characters without control and direction characters, got "
                f"{text[:40]!a} of {len(text)}; train the bundle again, which leaves such products out"
            )
