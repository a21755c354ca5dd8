"""What the counts say of a shop's products, for people: what goes with what, what extends it, ladders, rhythms.

Every row rests on `privacy.min_customers` distinct customers, as the counts do that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.tables.association import lower_bound
from mersalg_training.tables.entries import rank_in_run
from mersalg_training.tables.neighbours import basket_entries
from mersalg_training.tables.shop_tables import ShopTables

MAX_ANCHORS: Final = 500
MAX_PAIRS_OF_ANCHOR: Final = 20
MAX_PAIRS: Final = 5000
MAX_ROWS: Final = 1000
"""Add-ons, ladders, rhythms and unusual pairs of a file, each."""
UNUSUAL_LIFT: Final = 3.0
"""The least that a lift surely is, of a pair that is unusual."""
ONE_WAY: Final = 5.0
"""So many times as likely with the anchor given than the other way round."""
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


@dataclass(frozen=True)
class CountedPairs:
    """Pairs of frequent products, (n,) each: item indices, and what is known of anchor and product together."""

    anchor: Int64
    product: Int64
    n: Float64
    customers: Float64
    lift: Float64
    assured: Float64
    """What the lift surely is."""
    directed: Float64

    def rows(self, order: Int64, product_ids: list[str], unusual: dict[int, str]) -> list[ProductPair]:
        """The pairs at these positions."""
        return [
            ProductPair(
                anchor=product_ids[int(self.anchor[i])],
                product=product_ids[int(self.product[i])],
                lift=round(float(self.lift[i]), TOLD_DECIMALS),
                orders=int(self.n[i]),
                customers=int(self.customers[i]),
                unusual=unusual.get(int(i), ""),
            )
            for i in order
        ]


def patterns_of(tables: ShopTables, attributes: Attributes, product_ids: list[str]) -> Patterns:
    """The patterns of a shop. product_ids: (n_items,) by item index."""
    vocabulary = tables.vocabulary
    pairs = counted_pairs(tables)
    price = vocabulary.price.astype(np.float64)
    cheaper = price[pairs.product] <= tables.config.kinds.add_on_price * price[pairs.anchor]
    found: dict[str, list[Any]] = {
        "pairs": pairs.rows(strongest(pairs), product_ids, {}),
        "add_ons": pairs.rows(best(pairs, (pairs.directed > 0) & cheaper), product_ids, {}),
        "ladders": list(ladder_steps(tables, product_ids)),
        "rhythms": list(rhythms(tables, product_ids)),
        "unusual": unusual_pairs(tables, pairs, product_ids),
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


def counted_pairs(tables: ShopTables) -> CountedPairs:
    """All pairs of frequent products that the counts hold."""
    vocabulary, counted = tables.vocabulary, tables.counts.basket
    entries = basket_entries(tables.counts, vocabulary, vocabulary.supported, tables.n_types, tables.config)
    own = slice(0, len(counted.n))
    lift = entries.values["lift"][own]
    return CountedPairs(
        entries.row[own], entries.item[own], counted.n, counted.customers, lift,
        lower_bound(lift, counted.customers), entries.values["directed"][own],
    )  # fmt: skip


def best(pairs: CountedPairs, among: np.ndarray[Any, Any], most: int = MAX_ROWS) -> Int64:
    """Positions of the pairs with the highest assured lift, above 1, among some; ties by anchor, then product."""
    order = np.lexsort((pairs.product, pairs.anchor, -pairs.assured))
    return order[among[order] & (pairs.assured[order] > 1.0)][:most]


def strongest(pairs: CountedPairs) -> Int64:
    """Positions of the strongest pairs: a few of an anchor, of the anchors whose best pair is strongest."""
    order = best(pairs, np.ones(len(pairs.n), dtype=np.bool_), len(pairs.n))
    anchors, first = np.unique(pairs.anchor[order], return_index=True)
    chosen = anchors[np.argsort(first, kind="stable")][:MAX_ANCHORS]
    order = order[np.isin(pairs.anchor[order], chosen)]
    by_anchor = order[np.argsort(pairs.anchor[order], kind="stable")]
    kept = by_anchor[rank_in_run(pairs.anchor[by_anchor]) < MAX_PAIRS_OF_ANCHOR]
    return order[np.isin(order, kept)][:MAX_PAIRS]


def unusual_pairs(tables: ShopTables, pairs: CountedPairs, product_ids: list[str]) -> list[ProductPair]:
    """Strong pairs across categories, and those that hold in one direction alone."""
    vocabulary = tables.vocabulary
    category = vocabulary.category
    apart = category[pairs.anchor] != category[pairs.product]
    known = (category[pairs.anchor] < tables.n_categories) & (category[pairs.product] < tables.n_categories)
    ratio = vocabulary.orders[pairs.product] / np.maximum(vocabulary.orders[pairs.anchor], 1.0)
    one_way = ratio >= ONE_WAY
    across = apart & known
    order = best(pairs, (across | one_way) & (pairs.assured >= UNUSUAL_LIFT))
    told = {
        int(i): ", ".join(
            word for word, holds in (("across categories", across[i]), ("in one direction", one_way[i])) if holds
        )
        for i in order
    }
    return pairs.rows(order, product_ids, told)


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
