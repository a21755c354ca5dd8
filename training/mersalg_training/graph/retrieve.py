"""Candidates: every product that the cart, the history, the price ladder or popularity brings, each once.

The neighbour lists of all anchors are laid side by side, sorted by product (a TopK over whole rows), and added up by
segment, so that the cost does not depend on the size of the catalogue. A linear first score over what is known of
every candidate then keeps the best for the trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.request import Request, run_starts
from mersalg_training.graph.tables import ShopTables
from mersalg_training.neighbours import ANCHOR_CHANNELS, CART_CHANNELS

CHANNELS = (
    "cosine",
    "confidence",
    "directed",
    "factor",
    "ladder",
    "follow",
    "near",
    "taste",
    "own",
    "excluded",
    "in_cart",
    "anchors",
)
"""Added up over the entries of a candidate. `own` is 1 + the position among the own products."""
SCANNED = 4096
"""Popular products that are compared with the customer's taste."""
STRENGTH_STEPS = 2**20
"""A strength in [0, 1] takes so many steps inside a sort key; a catalogue holds at most 2**40 products."""


@dataclass(frozen=True)
class Entries:
    """E places of N requests: an item, the anchor that brought it, the channels and the strength of the pair."""

    item: Value
    """(N, E) int64."""
    anchor: Value
    """(N, E) int64 item index, "no item" for none."""
    strength: Value
    """(N, E) float32 in [0, 1]."""
    channels: Value
    """(N, E, len(CHANNELS)) float32."""


@dataclass(frozen=True)
class Pool:
    """Each product at most once: U places of N requests, ascending by item, "no item" last."""

    item: Value
    """(N, U, 1) int64."""
    total: Value
    """(N, U, len(CHANNELS)) float32 sums over a candidate's entries."""
    best: Value
    """(N, U, len(CHANNELS)) float32 channels of its strongest entry."""
    best_anchor: Value
    """(N, U, 1) int64 the anchor of the strongest entry."""


def gather_pool(graph: GraphBuilder, tables: ShopTables, request: Request, exclude: Value) -> Pool:
    """Everything that the sources bring, added up by product."""
    parts = [
        cart_entries(graph, tables, request),
        ladder_entries(graph, tables, request),
        anchor_entries(graph, tables, request),
        own_entries(graph, tables, request),
        taste_entries(graph, tables, request),
        marks(graph, request.whole_cart, "in_cart", tables.n_items),
        marks(graph, exclude, "excluded", tables.n_items),
        popular_entries(graph, tables, request),
    ]
    names = ("item", "anchor", "strength", "channels")
    joined = Entries(*(graph.concat([getattr(part, name) for part in parts], 1) for name in names))
    return added_up(graph, joined, tables.n_items, max(tables.own_places, tables.new_places))


def cart_entries(graph: GraphBuilder, tables: ShopTables, request: Request) -> Entries:
    """Neighbours of what is in the cart."""
    table = tables.neighbours.cart
    row = graph.constant(tables.neighbours.row_of_item, "row_of_item").gather(request.cart)
    item = graph.constant(table.items, "cart_neighbours").gather(row).integers()
    values = graph.constant(table.values, "cart_neighbour_values").gather(row)
    cosine, factor = (channel(values, CART_CHANNELS.index(name)) for name in ("cosine", "factor"))
    strength = graph.op("Clip", cosine + factor * 0.1, 0.0, 0.9)
    brought = flat((item < tables.n_items).floats()).unsqueeze(2)
    return Entries(
        flat(item),
        repeated(request.cart, table.items.shape[1]),
        flat(strength),
        placed(
            graph, [(0, len(CART_CHANNELS), flat(values, len(CART_CHANNELS))), (CHANNELS.index("anchors"), 1, brought)]
        ),
    )


def ladder_entries(graph: GraphBuilder, tables: ShopTables, request: Request) -> Entries:
    """Dearer products of the types in the cart."""
    table = tables.neighbours.ladder
    row = graph.constant(tables.neighbours.row_of_item, "row_of_item").gather(request.cart)
    item = graph.constant(table.items, "ladder_neighbours").gather(row).integers()
    values = graph.constant(table.values, "ladder_neighbour_values").gather(row)
    return Entries(
        flat(item),
        repeated(request.cart, table.items.shape[1]),
        flat(channel(values, 0) * 0.05),
        placed(graph, [(CHANNELS.index("ladder"), 1, flat(values, 1))]),
    )


def anchor_entries(graph: GraphBuilder, tables: ShopTables, request: Request) -> Entries:
    """What customers bought first after the cart's products and after the most bought own ones; the latter's ladder."""
    table = tables.neighbours.anchor
    width = table.items.shape[1]
    k = graph.op("Min", request.own.dim(1), graph.constant(np.array([tables.config.retrieve.own_anchors])))
    _, place = request.own_long.sorted(k=k, largest=True)
    anchor = graph.concat([request.cart, request.own.gather_elements(place)], 1)
    row = graph.constant(tables.neighbours.row_of_item, "row_of_item").gather(anchor)
    item = graph.constant(table.items, "anchor_neighbours").gather(row).integers()
    values = graph.constant(table.values, "anchor_neighbour_values").gather(row)
    ladder, follow, near = (channel(values, ANCHOR_CHANNELS.index(name)) for name in ANCHOR_CHANNELS)
    strength = graph.op("Clip", follow * 0.3 + near * 0.3 + ladder * 0.05, 0.0, 0.9)
    return Entries(
        flat(item),
        repeated(anchor, width),
        flat(strength),
        placed(graph, [(CHANNELS.index("ladder"), len(ANCHOR_CHANNELS), flat(values, len(ANCHOR_CHANNELS)))]),
    )


def own_entries(graph: GraphBuilder, tables: ShopTables, request: Request) -> Entries:
    """The customer's own products: each is its own anchor."""
    position = graph.op("Range", 1, request.own.dim(1).squeeze(0) + 1, 1).unsqueeze(0)
    there = (request.own < tables.n_items).floats()
    position = there * position.floats()
    return Entries(
        request.own,
        request.own,
        there,
        placed(graph, [(CHANNELS.index("own"), 1, position.unsqueeze(2))]),
    )


def taste_entries(graph: GraphBuilder, tables: ShopTables, request: Request) -> Entries:
    """Of the shop's popular products, those that fit the customer's history best and are new to it.

    Only so many are looked at that the cost does not grow with the catalogue.
    """
    scanned = tables.most_popular(min(SCANNED, tables.n_items))
    place_of = np.full(tables.n_items + 1, len(scanned), dtype=np.int64)
    place_of[scanned[scanned < tables.n_items]] = np.flatnonzero(scanned < tables.n_items)
    factors = graph.constant(np.ascontiguousarray(tables.taste.factors[scanned].T), "scanned_factors")
    score = request.taste.op("MatMul", factors)
    score = graph.concat([score, graph.full(0.0, score.dim(0), 1)], 1)
    own = graph.constant(place_of, "scanned_place").gather(request.own)
    score = score.scatter(own, request.own_long * 0.0 - 1e9).slice(1, 0, len(scanned))
    width = min(tables.config.retrieve.taste_candidates, len(scanned))
    best, place = score.sorted(k=graph.constant(np.array([width])), largest=True)
    liked = best > 1e-6
    item = graph.constant(scanned, "scanned").gather(place)
    return Entries(
        graph.where(liked, item, tables.n_items),
        graph.full(tables.n_items, item.dim(0), width),
        graph.full(0.0, item.dim(0), width),
        placed(graph, [(CHANNELS.index("taste"), 1, graph.op("Max", best, 0.0).unsqueeze(2))]),
    )


def marks(graph: GraphBuilder, item: Value, name: str, no_item: int) -> Entries:
    """Products that are only marked: those of the cart and the excluded ones."""
    zero = item.floats() * 0.0
    marked = placed(graph, [(CHANNELS.index(name), 1, (zero + 1.0).unsqueeze(2))])
    return Entries(item, item * 0 + no_item, zero, marked)


def popular_entries(graph: GraphBuilder, tables: ShopTables, request: Request) -> Entries:
    """The shop's most bought products of the last weeks, so that no request is short of places."""
    popular = tables.popular[None, :]
    n = request.cart.dim(0)
    item = graph.constant(popular, "popular").expand(n, popular.shape[1])
    none = graph.full(tables.n_items, n, popular.shape[1])
    return Entries(
        item,
        none,
        graph.full(0.0, n, popular.shape[1]),
        graph.full(0.0, n, popular.shape[1], len(CHANNELS)),
    )


def channel(values: Value, index: int) -> Value:
    """One channel of (..., channels)."""
    return values.op("Gather", values.graph.constant(index), axis=-1)


def flat(values: Value, channels: int | None = None) -> Value:
    """(N, anchors, width[, channels]) -> (N, anchors * width[, channels])."""
    return values.reshape(0, -1) if channels is None else values.reshape(0, -1, channels)


def repeated(anchor: Value, width: int) -> Value:
    """(N, anchors) -> (N, anchors * width), each anchor beside its neighbours."""
    return anchor.unsqueeze(2).expand(1, 1, width).reshape(0, -1)


def placed(graph: GraphBuilder, blocks: list[tuple[int, int, Value]]) -> Value:
    """(N, E, len(CHANNELS)): blocks (N, E, m), each with its first channel and m; zeros elsewhere."""
    total: Value | None = None
    for first, size, block in blocks:
        pads = np.array([0, 0, first, 0, 0, len(CHANNELS) - first - size], dtype=np.int64)
        laid = block.op("Pad", graph.constant(pads))
        total = laid if total is None else total + laid
    if total is None:
        raise ValueError("no block to place")
    return total


def added_up(graph: GraphBuilder, entries: Entries, no_item: int, least: int) -> Pool:
    """Sort the entries by item, the strongest first within an item, and add the channels of each item.

    The pool is as wide as the request with the most products needs, and at least `least`.
    """
    size = entries.item.dim(1)
    steps = (entries.strength * float(STRENGTH_STEPS - 1)).integers()
    key = entries.item * STRENGTH_STEPS + (graph.constant(STRENGTH_STEPS - 1) - steps)
    ordered, place = key.sorted(k=size, largest=False)
    item = ordered // STRENGTH_STEPS
    segment = graph.op("Sub", run_starts(graph, item, -1).integers().cumsum(1), 1)
    row = graph.op("Range", 0, entries.item.dim(0).squeeze(0), 1).unsqueeze(1) * size
    n_channels = len(CHANNELS)
    laid_flat = entries.channels.reshape(-1, n_channels)
    from_row = (place + row).reshape(-1)
    to_row = (segment + row).reshape(-1, 1)
    zeros = graph.full(0.0, laid_flat.dim(0), n_channels)
    total = graph.op("ScatterND", zeros, to_row, laid_flat.gather(from_row), reduction="add")
    order = graph.op("Range", 0, size.squeeze(0), 1).unsqueeze(0)
    first = (item * 0 + size).scatter(segment, order.expand(entries.item.dim(0), 1), "min")
    used = graph.op("Max", segment.op("ReduceMax", keepdims=0).reshape(1) + 1, graph.constant(np.array([least])))
    first = first.slice(1, 0, used)
    present = first < size
    first = graph.where(present, first, 0)
    strongest = place.gather_elements(first)
    best = laid_flat.gather((strongest + row).reshape(-1))
    n = entries.item.dim(0)
    return Pool(
        item=graph.where(present, item.gather_elements(first), no_item).unsqueeze(2),
        total=total.reshape(n, size, n_channels).slice(1, 0, used),
        best=best.reshape(n, used, n_channels),
        best_anchor=entries.anchor.gather_elements(strongest).unsqueeze(2),
    )


def split(values: Value, names: Sequence[str] = CHANNELS) -> dict[str, Value]:
    """(N, U, m) as one (N, U, 1) for each name."""
    parts = values.graph.node("Split", [values], len(names), axis=2, num_outputs=len(names))
    return dict(zip(names, parts, strict=True))
