"""Variants of one product: what differs in nothing but colour or size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from mersalg_training.data.package_size import without_sizes

NO_BRAND: Final = -1
"""Of variants that the catalogue itself declares."""
LOOKS: Final = frozenset(
    re.findall(
        r"\w+",
        "black white red blue green yellow pink purple orange brown grey gray beige navy silver gold ivory cream "
        "turquoise teal aqua cyan magenta slate charcoal heather lime maroon light dark "
        "sort svart hvid hvit vit rød röd blå grøn grønn grön gul lilla brun grå "
        "xs s m l xl xxl xxxl small medium large mini",
    )
)
"""Words of a name by which variants of one product differ: colours, and sizes of clothes."""


def variant_of(name: str, brand: int, declared: str | None, product_type: str | None) -> tuple[str, int] | None:
    """What the variants of a product share: what the catalogue declares, else the brand and the name without its looks.

    None for a name that holds nothing else, or no more than the name of its type.
    """
    if declared is not None:
        return declared, NO_BRAND
    bare = without_looks(name.split("#", maxsplit=1)[0])
    return (bare, brand) if bare and (product_type is None or bare != without_looks(product_type)) else None


def types_of_variants(
    names: Sequence[str], brand: Sequence[int], declared: Sequence[str | None], product_type: Sequence[str | None]
) -> list[str | None]:
    """The types as they are, and for a product without one that of its variants, where it has any: their common name.

    So another colour of what is in the cart is more of the same, as a shop reads the word.
    """
    shared = [
        variant_of(*product) if product[3] is None else None
        for product in zip(names, brand, declared, product_type, strict=True)
    ]
    times = Counter(shared)
    return [
        variant[0] if variant is not None and times[variant] > 1 else known
        for variant, known in zip(shared, product_type, strict=True)
    ]


def without_looks(text: str) -> str:
    """The words of a name, in small letters, without sizes and LOOKS."""
    words = re.findall(r"[^\W\d_]+|\d+", without_sizes(text).lower())
    return " ".join(word for word in words if word not in LOOKS)
