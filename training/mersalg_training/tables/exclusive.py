"""Which products exclude one another in an answer: those of a type, or else the variants of one product.

Of a type of which people take several at a time, as flavours of yogurt, the variants of one product alone do.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes, variant_of
from mersalg_training.data.history import CodedLines
from mersalg_training.data.timeline import UNKNOWN, Int32, Int64
from mersalg_training.tables.vocabulary import Vocabulary

Booleans = npt.NDArray[np.bool_]

NO_GROUP: Final = -1
SEVERAL_SHARE: Final = 0.25
"""People take several products of a type where so many of the orders that hold one hold another, too,"""
SEVERAL_ORDERS: Final = 20
"""of at least so many orders that hold one."""


def exclusive_groups(vocabulary: Vocabulary, attributes: Attributes, variant: Int64, taken_together: Booleans) -> Int64:
    """(n_items + 1,) of each item the products of which one stands in an answer; NO_GROUP where it is alone.

    variant: (n_items,) by `variant_codes`; taken_together: (n_types,) by `types_taken_together`.
    """
    n_types = len(attributes.product_types)
    of_variant = np.where(variant == NO_GROUP, NO_GROUP, n_types + variant)
    product_type = vocabulary.product_type[:-1]
    excludes = np.append(~taken_together, False)
    return np.append(np.where(excludes[product_type], product_type, of_variant), NO_GROUP)


def types_taken_together(latest: CodedLines, product_type: Int32, n_types: int, config: Config) -> Booleans:
    """(n_types,) whether people take several products of a type at a time. latest: lines of the latest orders.

    product_type: (n_products,) by product code; n_types where it is not known. That it is so rests on at least
    `privacy.min_customers` distinct customers who did; an order without one counts as one of its own.
    """
    # A product stands once in an order: so many lines of a type are so many products.
    held, products = np.unique(latest.order * (n_types + 1) + product_type[latest.product], return_counts=True)
    order, held_type, is_several = held // (n_types + 1), held % (n_types + 1), products > 1
    orders = np.bincount(held_type, minlength=n_types + 1)[:n_types]
    several = np.bincount(held_type, weights=is_several, minlength=n_types + 1)[:n_types]
    customer = latest.customer[np.searchsorted(latest.order, order)]
    person = np.where(customer == UNKNOWN, -1 - order, customer)
    who = np.unique(person[is_several] * (n_types + 1) + held_type[is_several])
    people = np.bincount(who % (n_types + 1), minlength=n_types + 1)[:n_types]
    is_known = (orders >= SEVERAL_ORDERS) & (people >= config.privacy.min_customers)
    return is_known & (several >= SEVERAL_SHARE * orders)


def variant_codes(attributes: Attributes, code: Int32) -> Int64:
    """(n_items,) from 0, the same for variants of one product; NO_GROUP where there is none. code: (n_items,)."""
    types = [*attributes.product_types, None]
    declared = attributes.variant_of or [None] * len(attributes.names)
    variant = [
        variant_of(attributes.names[c], int(attributes.brand[c]), declared[c], types[attributes.product_type[c]])
        for c in code.tolist()
    ]
    codes = {name: i for i, name in enumerate(sorted({name for name in variant if name is not None}))}
    return np.array([NO_GROUP if name is None else codes[name] for name in variant], dtype=np.int64)


def variants_of_several(variant: Int64) -> Int64:
    """(n_items + 1,) of products that share their code with another one, else NO_GROUP. variant: (n_items,)."""
    _, place, times = np.unique(variant, return_inverse=True, return_counts=True)
    return np.append(np.where(times[place] > 1, variant, NO_GROUP), NO_GROUP)
