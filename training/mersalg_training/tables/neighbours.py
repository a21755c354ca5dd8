"""Fixed-width neighbour tables: for each product, the candidates that it brings and why.

A table's row belongs to a frequent product (row = item index) or, behind those, to a product type, whose row serves
the type's rare products; the last row is empty and serves what is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config, KindsConfig
from mersalg_training.data.timeline import Float32, Float64, Int64
from mersalg_training.tables.accessories import Accessories
from mersalg_training.tables.association import lift_of, lower_bound, strength_of, surely_above_chance
from mersalg_training.tables.basket import basket_entries, best_seller_lifts
from mersalg_training.tables.counts import Counts, PairCounts
from mersalg_training.tables.entries import Entries, placed, rank_in_run
from mersalg_training.tables.ladder import ladder_entries
from mersalg_training.tables.relations import Relations
from mersalg_training.tables.strong_pairs import StrongPairs, no_pairs, pairs_of_products
from mersalg_training.tables.vocabulary import Vocabulary, spread

CART_CHANNELS = ("cosine", "confidence", "ease", "strength", "lift", "directed")
"""What is known of a pair (anchor in the cart, candidate)."""
ANCHOR_CHANNELS = ("ladder", "follow", "near", "strength", "lift")
"""What is known of a pair (own or carted product, candidate for a later order)."""

MERGED_WIDTH = 64
DIRECTED_SHARE = 1 / 3
"""Of a product's neighbours in the cart, places for directed pairs that would not be among them by their cosine."""
TYPE_NEIGHBOURS = 32
"""Types kept beside each type."""


@dataclass(frozen=True)
class NeighbourTable:
    """Neighbours of each row, strongest first; unused places hold "no item" and zeros."""

    items: npt.NDArray[np.int32]
    """(n_rows, width) item indices."""
    values: Float32
    """(n_rows, width, channels)."""

    def halved(self) -> NeighbourTable:
        """The same with values in half precision: so a bundle keeps them, and so everything is learned from them."""
        return NeighbourTable(self.items, self.values.astype(np.float16).astype(np.float32))


@dataclass(frozen=True)
class Neighbours:
    """The tables, and the row of each item."""

    row_of_item: Int64
    """(n_items + 1,) row of the tables."""
    cart: NeighbourTable
    """Bought in one order with the row's product."""
    ladder: NeighbourTable
    """Dearer products of the row's type, for what is in the cart."""
    anchor: NeighbourTable
    """For own products: what customers bought first afterwards, the nearest by order, the next steps of the ladder."""
    type_affinity: NeighbourTable
    """(n_types + 1, width, 1): the softened cosine of a type with the row's type; items are product types here."""
    popular_of_type: NeighbourTable
    """(n_types + 1, width, 1): the most bought products of each type, then some never sold yet, by their share."""
    strong: StrongPairs = field(default_factory=no_pairs)
    """Of the pairs of an order, what people are told."""


def build_neighbours(
    counts: Counts,
    vocabulary: Vocabulary,
    n_types: int,
    config: Config,
    ease: Float32,
    accessories: Accessories | None = None,
    relations: Relations | None = None,
) -> Neighbours:
    """Select the neighbours of every row from the counts, the price ladder and what the catalogue declares.

    ease: (m, m) the weights of the first m items.
    """
    frequent = vocabulary.supported
    n_rows = frequent + n_types + 1
    retrieve = config.retrieve
    ladder = ladder_entries(counts.switches, vocabulary, n_types, config.kinds, retrieve.ladder_steps)
    keeper = Keeper(vocabulary, config, ease, accessories, relations)
    basket = basket_entries(counts, vocabulary, n_types, config, keeper.wanted)
    basket = replace(basket, values={**basket.values, "ease": ease_of_pairs(ease, basket)})
    follow = follow_entries(counts, vocabulary, config.kinds)
    if relations is not None:
        basket, follow = (Entries(*relations.inherited(e.row, e.item, e.values)) for e in (basket, follow))
    if accessories is not None:
        basket = with_accessories(basket, accessories)
        follow = with_accessories(follow, accessories)
    cart = beside_directed(basket, retrieve.basket_neighbours)
    steps = ladder.best(ladder.values["ladder"], retrieve.ladder_steps)
    close = basket.best(basket.values["cosine"], retrieve.follow_neighbours)
    later = [
        follow.best(follow.values["follow"], retrieve.follow_neighbours),
        ladder.best(ladder.values["ladder"], retrieve.ladder_steps // 4),
        Entries(
            close.row,
            close.item,
            {"near": close.values["cosine"], "strength": close.values["strength"], "lift": close.values["lift"]},
        ),
    ]
    no_item = vocabulary.n_items
    anchor = merged(later, ANCHOR_CHANNELS)
    row_of_item = rows_of_items(vocabulary, frequent, n_types)
    if relations is not None:
        row_of_item = relations.taught(row_of_item, np.unique(cart.row))
    return Neighbours(
        row_of_item=row_of_item,
        cart=table(cart, cart.values["cosine"], n_rows, no_item, CART_CHANNELS).halved(),
        ladder=table(steps, steps.values["ladder"], n_rows, no_item, ("ladder",)).halved(),
        anchor=table(
            anchor,
            anchor.values["follow"] + anchor.values["ladder"] + anchor.values["near"],
            n_rows,
            no_item,
            ANCHOR_CHANNELS,
        ).halved(),
        type_affinity=type_affinity(counts, vocabulary, n_types, config.counts.cosine_cart),
        popular_of_type=popular_of_type(vocabulary, n_types, retrieve.type_products, retrieve.type_unsold),
        strong=keeper.strong_pairs(),
    )


class Keeper:
    """Knows which pairs of an order may still stand in a table or a list, when all of an anchor's are seen."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        config: Config,
        ease: Float32,
        accessories: Accessories | None,
        relations: Relations | None,
    ) -> None:
        self.vocabulary, self.config, self.ease = vocabulary, config, ease
        self.accessories, self.relations = accessories, relations
        self._strong: list[StrongPairs] = []

    def wanted(self, entries: Entries, counted: PairCounts) -> npt.NDArray[np.bool_]:
        """(n,) the nearest of each row, what extends it, and what is declared or replaced."""
        strong = pairs_of_products(entries, counted, self.vocabulary.supported)
        self._strong.append(strong.where(strong.listed(self.vocabulary, self.config.kinds)))
        width = max(self.config.retrieve.basket_neighbours, self.config.retrieve.follow_neighbours)
        ease = ease_of_pairs(self.ease, entries)
        wanted = placed(entries, entries.values["cosine"]) < width
        wanted |= (ease > 0.0) & (placed(entries, ease) < width)
        wanted |= entries.values["directed"] > 0.0
        if self.accessories is not None:
            wanted |= self.accessories.is_declared(entries.row, entries.item)
        if self.relations is not None:
            wanted |= np.isin(entries.item, self.relations.old)
        return wanted

    def strong_pairs(self) -> StrongPairs:
        """Of all slices, the pairs that people are told of."""
        parts = [vars(part) for part in self._strong]
        return StrongPairs(*(np.concatenate([part[name] for part in parts]) for name in parts[0]))


def ease_of_pairs(ease: Float32, entries: Entries) -> Float64:
    """(n,) the weight of each pair from row to item; 0 where it is negative or not modelled."""
    m = len(ease)
    known = (entries.row < m) & (entries.item < m)
    result = np.zeros(len(entries.row))
    result[known] = np.maximum(ease[entries.row[known], entries.item[known]], 0.0)
    return result


def rows_of_items(vocabulary: Vocabulary, frequent: int, n_types: int) -> Int64:
    """(n_items + 1,) own row of a frequent product, its type's row of a rare one, the empty row without a type."""
    row = frequent + vocabulary.product_type
    row[:frequent] = np.arange(frequent)
    row[-1] = frequent + n_types
    return row


def with_accessories(entries: Entries, accessories: Accessories) -> Entries:
    """The entries without what an accessory does not fit, and with all that it fits, as if typical of those counted.

    The lift of a pair that was not counted stays 0.
    """
    declared = accessories.is_declared(entries.row, entries.item)
    missing = accessories.missing(entries.row, entries.item)
    values = {}
    for name, value in entries.values.items():
        typical = float(np.median(value[declared])) if declared.any() and name != "lift" else 0.0
        values[name] = np.append(value, np.full(int(missing.sum()), typical))
    row = np.append(entries.row, accessories.anchor[missing])
    item = np.append(entries.item, accessories.accessory[missing])
    values["strength"] = accessories.bound(row, item, values["strength"])
    if "directed" in values:
        values["directed"] = accessories.one_way(row, item, values["directed"])
    return Entries(row, item, values)


def beside_directed(basket: Entries, width: int) -> Entries:
    """The `width` neighbours of each row that come first by cosine or by EASE, but for DIRECTED_SHARE of them.

    Those places are for the directed pairs among the others, the most confident first: an accessory that goes with many
    products has a low cosine with each. What they do not fill goes to the next.
    """
    ease, sure = basket.values["ease"], basket.values["confidence"] * basket.values["directed"]
    by_ease = np.where(ease > 0.0, placed(basket, ease) + 0.5, np.inf)
    close = -np.minimum(placed(basket, basket.values["cosine"]), by_ease)
    sure = np.where(placed(basket, close) < width - int(DIRECTED_SHARE * width), np.inf, sure)
    order = np.lexsort((basket.item, -close, -sure, basket.row))
    return basket.where(order[rank_in_run(basket.row[order]) < width])


def follow_entries(counts: Counts, vocabulary: Vocabulary, kinds: KindsConfig) -> Entries:
    """Products that customers bought for the first time in the order after one with the row's product."""
    of_code, n_items = vocabulary.item_of_code, vocabulary.n_items
    followed, company = (spread(counts.followed, name, of_code, n_items) for name in ("n", "company"))
    firsts = spread(counts.firsts, "n", of_code, n_items)
    row, item = of_code[counts.follow.a], of_code[counts.follow.b]
    lift = lift_of(counts.follow.n, company[row], firsts[item] / np.maximum(1.0, firsts.sum()))
    customers, supported = counts.follow.customers, vocabulary.supported
    needed = best_seller_lifts(item, supported, kinds)
    together = lift >= kinds.least_lift * needed
    together &= surely_above_chance(lift, customers, supported * supported, kinds)
    return Entries(
        row,
        item,
        {
            "follow": counts.follow.n / np.maximum(followed[row], PRIOR_FOLLOWED),
            "strength": strength_of(lower_bound(lift, customers) / needed, together),
            "lift": lift,
        },
    )


PRIOR_FOLLOWED = 10.0
"""Least number of orders over which a follow-on share is taken, so that two of two is not certainty."""


def type_affinity(counts: Counts, vocabulary: Vocabulary, n_types: int, exponent: float) -> NeighbourTable:
    """For each product type, the types that are bought in one order with it, by softened cosine of their lines."""
    keys: list[Int64] = []
    times: list[Float64] = []
    for pair in counts.by_type.slices():
        of_types = pair.a * (n_types + 1) + vocabulary.product_type[vocabulary.item_of_code[pair.b]]
        key, where = np.unique(of_types, return_inverse=True)
        keys.append(key.astype(np.int64))
        times.append(np.bincount(where, weights=pair.n, minlength=len(key)).astype(np.float64))
    # An anchor's pairs lie in one slice, and so do those of a key.
    key, together = np.concatenate(keys), np.concatenate(times)
    a, b = key // (n_types + 1), key % (n_types + 1)
    lines = np.maximum(1.0, np.bincount(vocabulary.product_type, weights=vocabulary.orders, minlength=n_types + 1))
    known = b != n_types
    a, b = a[known], b[known]
    score = together[known] / (lines[a] ** exponent * lines[b] ** (1.0 - exponent))
    entries = Entries(a, b, {"affinity": score}).best(score, TYPE_NEIGHBOURS)
    return table(entries, None, n_types + 1, n_types, ("affinity",))


def popular_of_type(vocabulary: Vocabulary, n_types: int, sold: int, unsold: int) -> NeighbourTable:
    """Each type's `sold` most bought products by their share of its orders, and `unsold` never sold, with share 0.

    Of the products never sold, those of the type's most bought brand come first.
    """
    product_type, orders = vocabulary.product_type[:-1], vocabulary.orders[:-1]
    item = np.flatnonzero(product_type < n_types)
    group = product_type[item]
    total = np.maximum(1.0, np.bincount(group, weights=orders[item], minlength=n_types))
    share = orders[item] / total[group]
    brand = group * (int(vocabulary.brand.max()) + 1) + vocabulary.brand[:-1][item]
    brand_codes, where = np.unique(brand, return_inverse=True)
    of_brand = np.bincount(where, weights=orders[item], minlength=len(brand_codes))[where]
    old, new = orders[item] > 0, orders[item] == 0
    parts = [
        Entries(group[old], item[old], {"share": share[old]}).best(share[old], sold),
        Entries(group[new], item[new], {"share": share[new]}).best(of_brand[new], unsold),
    ]
    both = merged(parts, ("share",))
    return table(both, both.values["share"], n_types + 1, vocabulary.n_items, ("share",))


def merged(sources: list[Entries], channels: tuple[str, ...]) -> Entries:
    """One entry a pair, with the values of every source; zero where a source does not know the pair.

    What several sources know of a pair is the largest of what they say.
    """
    row, item = (np.concatenate([getattr(source, name) for source in sources]) for name in ("row", "item"))
    width = int(item.max(initial=0)) + 1
    pair, where = np.unique(row * width + item, return_inverse=True)
    values = {name: np.zeros(len(pair)) for name in channels}
    start = 0
    for source in sources:
        places = where[start : start + len(source.row)]
        start += len(source.row)
        for name, value in source.values.items():
            values[name][places] = np.maximum(values[name][places], value)
    return Entries(pair // width, pair % width, values)


def table(
    entries: Entries, score: Float64 | None, n_rows: int, no_item: int, channels: tuple[str, ...]
) -> NeighbourTable:
    """Lay entries into fixed-width rows, at most MERGED_WIDTH wide, the best score first."""
    order = np.lexsort((entries.item, np.zeros(len(entries.row)) if score is None else -score, entries.row))
    place = rank_in_run(entries.row[order])
    order, place = order[place < MERGED_WIDTH], place[place < MERGED_WIDTH]
    width = int(place.max(initial=0)) + 1
    items = np.full((n_rows, width), no_item, dtype=np.int32)
    values = np.zeros((n_rows, width, len(channels)), dtype=np.float32)
    items[entries.row[order], place] = entries.item[order]
    for channel, name in enumerate(channels):
        values[entries.row[order], place, channel] = entries.values[name][order]
    return NeighbourTable(items, values)
