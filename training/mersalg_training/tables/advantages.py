"""What makes a dearer product of a type the better one, as columns whose differences tell it.

Larger and cheaper by the unit are read from package sizes. The grade is the price level of a brand within the type, by
the unit where sizes are known, and a word such as "organic". Features are what a catalogue lists, and words of a name.
Between lines, as two brands, a lower price by the unit is no advantage: it may be the cheaper thing in a larger pack.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.package_size import MEASURES
from mersalg_training.data.timeline import Float32, Float64, Int64
from mersalg_training.tables.vocabulary import Vocabulary

DIMENSIONS: Final = ("larger pack", "lower price for the unit", "higher grade")
"""Of `Advantages.qualities`, by position as in `mersalg.names.BETTER`."""
MIN_STEPS: Final = np.log2([1.1, 1.0 / 0.95, 1.25]).astype(np.float32)
"""By DIMENSIONS: a tenth more, a twentieth less by the unit, a brand that is a quarter dearer."""
MAX_CHEAPER: Final = np.array([np.log2(1.0 / 0.8), -np.inf, np.inf], dtype=np.float32)
"""By DIMENSIONS: between lines it counts of what is at most so much cheaper by the unit. A larger pack is better while
it costs at most a fifth less, a lower price by itself says nothing, and a higher grade is one at any."""
APART: Final = 64.0
"""Between qualities that cannot be compared, as grams and litres: more than any two that can."""
SMALLER: Final = float(np.log2(0.99))
"""A step of size below this is a smaller package."""
GRADE_WORD: Final = 1.0
"""Of each step of `GRADES`."""
MIN_PRODUCTS: Final = 3
"""Of a brand in a type, and with and without a word, from which prices tell a level."""
MAX_FEATURES: Final = 62
"""Of a type, the most frequent."""
GRADES: Final = {
    "premium": 1, "organic": 1, "bio": 1, "økologisk": 1, "ekologisk": 1, "deluxe": 1, "gourmet": 1, "reserve": 1,
    "reserva": 1, "pro": 1, "professional": 1, "vsop": 1, "xo": 2,
}  # fmt: skip
"""Words that name a grade, and by how many steps it is above none of them: a brandy VS, VSOP, XO."""
FEATURES: Final = (
    "bluetooth", "wireless", "cordless", "rechargeable", "waterproof", "dimmable", "insulated", "backlit",
    "noise cancelling", "noise canceling", "touchscreen", "trådløs", "trådlös", "genopladelig", "oppladbar",
    "uppladdningsbar", "vandtæt", "vanntett", "vattentät",
)  # fmt: skip
WORDS: Final = re.compile(rf"(?<!\w)(?:{'|'.join((*GRADES, *FEATURES))})(?!\w)", re.IGNORECASE)


@dataclass(frozen=True)
class Advantages:
    """What is known of each item beside others of its type; the last row, of "no item", knows nothing."""

    qualities: Float32
    """(3, n_items + 1) by DIMENSIONS, in doublings; two are compared where they differ by less than APART / 2."""
    features: Int64
    """(n_items + 1,) a bit for each feature, within the type."""
    line: Int64
    """(n_items + 1,) the same for items of one brand, or where it is not known for the variants of one product."""


def build_advantages(vocabulary: Vocabulary, attributes: Attributes, variant: Int64) -> Advantages:
    """Of every item of the vocabulary. variant: (n_items,) by `tables.exclusive.variant_codes`."""
    code, n = vocabulary.code, vocabulary.n_items
    product_type, price = vocabulary.product_type[:-1], vocabulary.price[:-1].astype(np.float64)
    sizes = [attributes.sizes[c] for c in code] if attributes.sizes else [None] * n
    amount = np.log2([np.nan if size is None else size.amount for size in sizes])
    measure = np.array([len(MEASURES) if size is None else MEASURES.index(size.measure) for size in sizes], dtype=int)
    by_unit = np.log2(price) - np.where(np.isnan(amount), 0.0, amount)
    level = by_unit - median_of_group(product_type * (len(MEASURES) + 1) + measure, by_unit)
    written = [frozenset(word.lower() for word in WORDS.findall(attributes.names[c])) for c in code]
    telling = {word: telling_word(word, written, product_type, level) for word in (*GRADES, *FEATURES)}
    grade = brand_level(product_type * (int(vocabulary.brand.max()) + 1) + vocabulary.brand[:-1], level)
    unknown = np.isnan(grade) | (vocabulary.brand[:-1] == len(attributes.brands))
    grade = np.where(unknown, APART * (1.0 + vocabulary.brand[:-1]), grade)
    grade += GRADE_WORD * np.max([steps * telling[word] for word, steps in GRADES.items()], axis=0)
    listed = [attributes.features[c] for c in code] if attributes.features else [frozenset[str]()] * n
    features = [listed[i] | {word for word in FEATURES if telling[word][i]} for i in range(n)]
    return Advantages(
        qualities=np.append(
            np.stack([amount + APART * measure, APART * measure - by_unit + 0.0 * amount, grade]),
            np.full((len(DIMENSIONS), 1), np.nan),
            axis=1,
        ).astype(np.float32),
        features=np.append(feature_bits(features, product_type), 0),
        line=np.append(lines_of(vocabulary, len(attributes.brands), variant), -1),
    )


def lines_of(vocabulary: Vocabulary, n_brands: int, variant: Int64) -> Int64:
    """(n_items,) the line of each item: its brand, else what its variants share, else itself."""
    brand = vocabulary.brand[:-1]
    alone = n_brands + vocabulary.n_items + np.arange(vocabulary.n_items)
    return np.where(brand < n_brands, brand, np.where(variant >= 0, n_brands + variant, alone))


def median_of_group(group: Int64, values: Float64) -> Float64:
    """(n,) the median of the values of the element's group, those that are NaN aside; NaN where there is none."""
    _, where = np.unique(group, return_inverse=True)
    # Within a group ascending, NaN last.
    ordered = values[np.lexsort((values, where))]
    start = np.cumsum(np.append(0, np.bincount(where)[:-1]))
    known = np.bincount(where, weights=~np.isnan(values)).astype(np.int64)
    low, high = start + np.maximum(known - 1, 0) // 2, start + np.minimum(known // 2, np.maximum(known - 1, 0))
    return np.asarray(((ordered[low] + ordered[high]) / 2.0)[where])


def brand_level(brand_in_type: Int64, level: Float64) -> Float64:
    """(n,) the median level of the product's brand in its type; NaN where too few products tell it."""
    _, where = np.unique(brand_in_type, return_inverse=True)
    known = np.bincount(where, weights=~np.isnan(level))[where]
    return np.where(known >= MIN_PRODUCTS, median_of_group(brand_in_type, level), np.nan)


def telling_word(
    word: str, written: Sequence[frozenset[str]], product_type: Int64, level: Float64
) -> npt.NDArray[np.bool_]:
    """(n,) which names have the word, but for types where products with it are no dearer than those without."""
    has = np.array([word in words for words in written], dtype=np.bool_)
    for kind in np.unique(product_type[has]):
        members = product_type == kind
        sides = [level[members & side & ~np.isnan(level)] for side in (has, ~has)]
        if min(map(len, sides)) >= MIN_PRODUCTS and np.median(sides[0]) <= np.median(sides[1]):
            has &= ~members
    return has


def feature_bits(features: Sequence[frozenset[str]], product_type: Int64) -> Int64:
    """(n,) int64: a bit for each of the most frequent features of the product's type."""
    counts: dict[int, Counter[str]] = {}
    for kind, of_product in zip(product_type.tolist(), features, strict=True):
        counts.setdefault(kind, Counter()).update(of_product)
    bits = {
        kind: {name: 1 << i for i, name in enumerate(sorted(count, key=lambda n: (-count[n], n))[:MAX_FEATURES])}
        for kind, count in counts.items()
    }
    return np.array(
        [
            sum(bits[kind].get(name, 0) for name in of_product)
            for kind, of_product in zip(product_type.tolist(), features, strict=True)
        ],
        dtype=np.int64,
    )
