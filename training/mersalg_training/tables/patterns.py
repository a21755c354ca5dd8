"""What the counts say of a shop's products, for people: what goes with what, what extends it, ladders, rhythms.

Every row rests on `privacy.min_customers` distinct customers, as the counts do that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Int64
from mersalg_training.tables.shop_tables import ShopTables
from mersalg_training.tables.strong_pairs import MAX_ROWS, StrongPairs

TOLD_DECIMALS: Final = 3


class PatternRow(BaseModel):
    """A row of the file; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class ProductPair(PatternRow):
    """Two products of one order."""

    anchor: str
    product: str
    lift: float
    """Size-corrected: orders with both over those expected."""
    orders: int
    customers: int
    unusual: str = ""
    """What is unusual about it; empty = nothing."""


class LadderStep(PatternRow):
    """A dearer product of the type that customers bought next."""

    anchor: str
    product: str
    price_ratio: float
    switches: int
    customers: int


class RepurchaseRhythm(PatternRow):
    """How often a product is bought again."""

    product: str
    interval_days: float
    """Median over customers' intervals."""
    intervals: int


class Patterns(PatternRow):
    """The file `patterns.json`; each list has the strongest first."""

    min_customers: int
    types: dict[str, str]
    """Product id -> type, of the products in the rows that have one."""
    pairs: list[ProductPair]
    add_ons: list[ProductPair]
    ladders: list[LadderStep]
    rhythms: list[RepurchaseRhythm]
    unusual: list[ProductPair]


def patterns_of(tables: ShopTables, attributes: Attributes, product_ids: list[str]) -> Patterns:
    """The patterns of a shop. product_ids: (n_items,) by item index."""
    vocabulary, pairs = tables.vocabulary, tables.neighbours.strong
    add_ons = pairs.add_ons(vocabulary, tables.config.kinds)
    found: dict[str, list[Any]] = {
        "pairs": list(pair_rows(pairs, pairs.strongest(), product_ids)),
        "add_ons": list(pair_rows(pairs, add_ons, product_ids)),
        "ladders": list(ladder_steps(tables, product_ids)),
        "rhythms": list(rhythms(tables, product_ids)),
        "unusual": list(unusual_pairs(tables, product_ids)),
    }
    named = {getattr(row, field) for rows in found.values() for row in rows for field in ("anchor", "product")
             if hasattr(row, field)}  # fmt: skip
    of_type = vocabulary.product_type[:-1].tolist()
    types = {
        product_id: attributes.product_types[of_type[item]]
        for item, product_id in enumerate(product_ids)
        if product_id in named and of_type[item] < tables.n_types
    }
    made: dict[str, Any] = {"min_customers": tables.config.privacy.min_customers, "types": types, **found}
    return Patterns(**made)


def pair_rows(
    pairs: StrongPairs, order: Int64, product_ids: list[str], unusual: Callable[[int], str] = lambda i: ""
) -> Iterator[ProductPair]:
    """The pairs at these positions. unusual: says what is unusual about the pair at a position."""
    for i in order.tolist():
        yield ProductPair(
            anchor=product_ids[int(pairs.anchor[i])],
            product=product_ids[int(pairs.product[i])],
            lift=round(float(pairs.lift[i]), TOLD_DECIMALS),
            orders=int(pairs.n[i]),
            customers=int(pairs.customers[i]),
            unusual=unusual(i),
        )


def unusual_pairs(tables: ShopTables, product_ids: list[str]) -> Iterator[ProductPair]:
    """Strong pairs across categories, and those that hold in one direction alone."""
    pairs = tables.neighbours.strong
    order, across, one_way = pairs.unusual(tables.vocabulary)

    def told(i: int) -> str:
        return ", ".join(
            word for word, holds in (("across categories", across[i]), ("in one direction", one_way[i])) if holds
        )

    return pair_rows(pairs, order, product_ids, told)


def ladder_steps(tables: ShopTables, product_ids: list[str]) -> Iterator[LadderStep]:
    """Switches to a dearer product, the most frequent first."""
    vocabulary, switches = tables.vocabulary, tables.counts.switches
    anchor, product = vocabulary.item_of_code[switches.a], vocabulary.item_of_code[switches.b]
    price = vocabulary.price.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = price[product] / price[anchor]
    order = np.lexsort((product, anchor, -switches.n))
    with np.errstate(invalid="ignore"):
        order = order[(ratio[order] >= tables.config.kinds.upsell_step) & np.isfinite(ratio[order])][:MAX_ROWS]
    for i in order:
        yield LadderStep(
            anchor=product_ids[int(anchor[i])],
            product=product_ids[int(product[i])],
            price_ratio=round(float(ratio[i]), TOLD_DECIMALS),
            switches=int(switches.n[i]),
            customers=int(switches.customers[i]),
        )


def rhythms(tables: ShopTables, product_ids: list[str]) -> Iterator[RepurchaseRhythm]:
    """Products that are bought again, those with the most intervals first."""
    counted = tables.counts.intervals
    item = tables.vocabulary.item_of_code[np.asarray(counted["product"], dtype=np.int64)]
    n, days = (np.asarray(counted[name], dtype=np.float64) for name in ("intervals", "interval_days"))
    for i in np.lexsort((item, -n))[:MAX_ROWS]:
        yield RepurchaseRhythm(
            product=product_ids[int(item[i])],
            interval_days=round(float(days[i]), TOLD_DECIMALS),
            intervals=int(n[i]),
        )
