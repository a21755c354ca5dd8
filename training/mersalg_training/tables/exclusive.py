"""Which products exclude one another in an answer: those of a type, or, without types, the variants of one product."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.package_size import without_sizes
from mersalg_training.data.timeline import Int64
from mersalg_training.tables.vocabulary import Vocabulary

NO_GROUP: Final = -1
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


def exclusive_groups(vocabulary: Vocabulary, attributes: Attributes) -> Int64:
    """(n_items + 1,) of each item the products of which one stands in an answer; NO_GROUP where it is alone."""
    n_types = len(attributes.product_types)
    variant = [variant_of(attributes, code) for code in vocabulary.code.tolist()]
    codes = {name: n_types + i for i, name in enumerate(sorted({name for name in variant if name is not None}))}
    of_variant = np.array([NO_GROUP if name is None else codes[name] for name in variant], dtype=np.int64)
    product_type = vocabulary.product_type[:-1]
    return np.append(np.where(product_type < n_types, product_type, of_variant), NO_GROUP)


def variant_of(attributes: Attributes, code: int) -> tuple[str, int] | None:
    """What the variants of a product share: what the catalogue declares, else the brand and the name without its looks.

    None for a name that holds nothing else.
    """
    declared = attributes.variant_of[code] if attributes.variant_of else None
    if declared is not None:
        return declared, NO_GROUP
    words = re.findall(r"[^\W\d_]+|\d+", without_sizes(attributes.names[code].split("#")[0]).lower())
    name = " ".join(word for word in words if word not in LOOKS)
    return (name, int(attributes.brand[code])) if name else None
