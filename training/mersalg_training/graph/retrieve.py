"""Candidates: every product that the cart, the history, types, taste, the price ladder or popularity bring, each once.

The neighbour lists of all anchors are laid side by side, sorted by product (a TopK over whole rows), and added up by
segment, so that the cost does not depend on the size of the catalogue. A linear first score over what is known of
every candidate then keeps the best for the trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import COUNT_STEPS, SHARE_STEPS, Group
from mersalg_training.graph.request import Request, run_starts
from mersalg_training.graph.tables import ShopTables
from mersalg_training.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, NeighbourTable
from mersalg_training.timeline import Float32, Int64

CHANNELS = ("cosine", "confidence", "ladder", "follow", "near")
"""Added up over the entries of a candidate."""
SCANNED = 2048
"""Popular products that are compared with the customer's taste."""
STRENGTH_STEPS = 2**20
"""A strength in [0, 1] takes so many steps inside a sort key; a catalogue holds at most 2**40 products."""
WEAK = STRENGTH_STEPS - 1
"""The last digits of the key of an entry without strength."""


@dataclass(frozen=True)
class Only:
    """The products that alone are candidates of a request, where it names any."""

    item: Value
    """(N, O) int64 item indices, "no item" for padding and unknown products."""
    named: Value
    """(N, 1) bool: whether the request names any, known or not."""


@dataclass(frozen=True)
class Source:
    """E places of N requests that one source brings."""

    key: Value
    """(N, E) int64: item x STRENGTH_STEPS + how far the pair's strength is from the strongest."""
    anchor: Value | None = None
    """(N, E) int64: 2 x the anchor's item + 1 where the pair is directed. Sources without anchors come last."""
    added: dict[str, Value] = field(default_factory=dict)
    """Channel -> (N, E) float32, added up by candidate."""


@dataclass(frozen=True)
class Pool:
    """Each product at most once: U places of N requests, ascending by item, "no item" last. All (N, U)."""

    item: Value
    """int64."""
    anchor: Value
    """int64: the anchor of the strongest entry."""
    directed: Value
    """int64: 1 where the strongest entry is directed."""
    found: Value
    """bool: brought by a source other than `only`."""
    channels: dict[str, Value]
    """CHANNELS as float32 sums."""
    closest: Value
    """float32: the highest cosine to a product of the cart."""
    own: Value
    """int64: 1 + the position among the own products, 0 for none."""
    blocked: Value
    """bool: excluded, or in a cart that is still open."""
    named: Value | None
    """bool: named by `only`; None where no request is restricted."""


def gather_pool(
    graph: GraphBuilder, tables: ShopTables, request: Request, types: Group, exclude: Value, only: Only | None
) -> Pool:
    """Everything that the sources bring, added up by product."""
    blocked = graph.concat([graph.where(request.after_payment, tables.n_items, request.whole_cart), exclude], 1)
    position = graph.op("Range", 1, request.own.dim(1).squeeze(0) + 1, 1).unsqueeze(0)
    position = (position * (request.own < tables.n_items).integers()).floats()
    sources = [
        cart_source(graph, tables, request),
        ladder_source(graph, tables, request),
        anchor_source(graph, tables, request),
        plain_source(request.own, own=position),
        plain_source(blocked, blocked=(blocked >= 0).floats()),
        Source(type_products(graph, tables, types)),
        plain_source(liked(graph, tables, request)),
        Source(popular(graph, tables, request)),
    ]
    if only is not None:
        # Behind all others and without strength: a product's strongest entry only where nothing else brings it.
        sources.append(plain_source(only.item, named=(only.item >= 0).floats()))
    return added_up(graph, tables, sources, is_restricted=only is not None)


def cart_source(graph: GraphBuilder, tables: ShopTables, request: Request) -> Source:
    """Neighbours of what is in the cart."""
    table = tables.neighbours.cart
    cosine, _, directed = (table.values[..., CART_CHANNELS.index(name)] for name in CART_CHANNELS)
    row = row_of(graph, tables, request.cart)
    key = graph.constant(keys(table, np.clip(cosine, 0.0, 0.9)), "cart_neighbours").gather(row)
    one_way = graph.constant(directed.astype(np.int8), "cart_directed").gather(row).integers()
    sums = graph.constant(np.ascontiguousarray(table.values[..., :2]), "cart_neighbour_values").gather(row)
    cosines, confidences = graph.node("Split", [sums.reshape(0, -1, 2)], 2, axis=2, num_outputs=2)
    return Source(
        flat(key),
        flat((request.cart * 2).unsqueeze(2) + one_way),
        {"cosine": cosines.squeeze(2), "confidence": confidences.squeeze(2)},
    )


def ladder_source(graph: GraphBuilder, tables: ShopTables, request: Request) -> Source:
    """Dearer products of the types in the cart."""
    table = tables.neighbours.ladder
    row = row_of(graph, tables, request.cart)
    value = table.values[..., 0]
    key = graph.constant(keys(table, value * 0.05), "ladder_neighbours").gather(row)
    laid = graph.constant(value, "ladder_neighbour_values").gather(row)
    return Source(flat(key), beside(request.cart, table), {"ladder": flat(laid)})


def anchor_source(graph: GraphBuilder, tables: ShopTables, request: Request) -> Source:
    """What customers bought first after the cart's products and after the most bought own ones, and their ladder."""
    table = tables.neighbours.anchor
    k = graph.op("Min", request.own.dim(1), graph.constant(np.array([tables.config.retrieve.own_anchors])))
    _, place = request.own_long.steps(COUNT_STEPS).sorted(k=k, largest=True)
    anchor = graph.concat([request.cart, request.own.gather_elements(place)], 1)
    row = row_of(graph, tables, anchor)
    ladder, follow, near = (table.values[..., ANCHOR_CHANNELS.index(name)] for name in ANCHOR_CHANNELS)
    strength = np.clip(follow * 0.3 + near * 0.3 + ladder * 0.05, 0.0, 0.9)
    key = graph.constant(keys(table, strength), "anchor_neighbours").gather(row)
    values = graph.constant(table.values, "anchor_neighbour_values").gather(row)
    parts = graph.node(
        "Split", [values.reshape(0, -1, len(ANCHOR_CHANNELS))], len(ANCHOR_CHANNELS), axis=2, num_outputs=3
    )
    added = {name: part.squeeze(2) for name, part in zip(ANCHOR_CHANNELS, parts, strict=True)}
    return Source(flat(key), beside(anchor, table), added)


def plain_source(item: Value, **added: Value) -> Source:
    """Products without an anchor. item: (N, E) int64."""
    return Source(item * STRENGTH_STEPS + WEAK, added=added)


def type_products(graph: GraphBuilder, tables: ShopTables, types: Group) -> Value:
    """(N, E) int64 keys of the products of the types that go with the cart, with the history, or are in it."""
    table = tables.neighbours.popular_of_type
    score = (types.column("cart_affinity") + types.column("own_affinity") + types.column("own_share")).slice(
        1, 0, tables.n_types
    )
    k = min(tables.config.retrieve.types, tables.n_types)
    best, of_type = score.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([k])), largest=True)
    of_type = graph.where(best > 0.0, of_type, tables.n_types)
    return flat(graph.constant(keys(table, np.zeros_like(table.values[..., 0])), "products_of_type").gather(of_type))


def liked(graph: GraphBuilder, tables: ShopTables, request: Request) -> Value:
    """(N, E) int64 items: popular products, new to the customer, that fit the history's factors best."""
    scanned = tables.most_popular(min(SCANNED, tables.n_items))
    scanned = scanned[scanned < tables.n_items]
    score = request.taste.op("MatMul", graph.constant(tables.taste.factors[scanned].T.copy(), "scanned_factors"))
    place_of = np.full(tables.n_items + 1, len(scanned), dtype=np.int64)
    place_of[scanned] = np.arange(len(scanned))
    score = graph.concat([score, graph.full(0.0, score.dim(0), 1)], 1)
    own = graph.constant(place_of, "scanned_place").gather(request.own)
    score = score.scatter(own, request.own_long * 0.0 - 1e9).slice(1, 0, len(scanned))
    width = min(tables.config.retrieve.taste_candidates, len(scanned))
    best, place = score.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([width])), largest=True)
    return graph.where(best > 0.0, graph.constant(scanned, "scanned").gather(place), tables.n_items)


def popular(graph: GraphBuilder, tables: ShopTables, request: Request) -> Value:
    """(N, E) int64 keys of the shop's most bought products of the last weeks."""
    most = tables.most_popular(tables.config.retrieve.popular_candidates)[None, :] * STRENGTH_STEPS + WEAK
    return graph.constant(most, "popular").expand(request.cart.dim(0), most.shape[1])


def keys(table: NeighbourTable, strength: Float32) -> Int64:
    """(n_rows, width) int64 sort keys: ascending by item, the strongest first within one. strength: in [0, 1]."""
    steps = (strength.astype(np.float32) * np.float32(WEAK)).astype(np.int64)
    return np.asarray(table.items.astype(np.int64) * STRENGTH_STEPS + (WEAK - steps))


def row_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """The row of the neighbour tables that serves an item."""
    return graph.constant(tables.neighbours.row_of_item, "row_of_item").gather(item)


def flat(values: Value) -> Value:
    """(N, anchors, width) -> (N, anchors * width)."""
    return values.reshape(0, -1)


def beside(anchor: Value, table: NeighbourTable) -> Value:
    """(N, anchors) -> (N, anchors * width): the anchor code of each neighbour, none of them directed."""
    return (anchor * 2).unsqueeze(2).expand(1, 1, table.items.shape[1]).reshape(0, -1)


def added_up(graph: GraphBuilder, tables: ShopTables, sources: list[Source], *, is_restricted: bool) -> Pool:
    """Sort the entries by item, the strongest first within an item, and add the channels of each item.

    The pool is as wide as the request with the most products needs.
    """
    key = graph.concat([source.key for source in sources], 1)
    n, size = key.dim(0), key.dim(1)
    ordered, place = key.sorted(k=size, largest=False)
    segment = run_starts(graph, ordered // STRENGTH_STEPS, -1).integers().cumsum(1) - 1
    width = segment.op("ReduceMax", keepdims=0).reshape(1) + 1
    order = graph.op("Range", 0, size.squeeze(0), 1).unsqueeze(0).expand(n, 1)
    nothing = graph.full(2**40, n, width)
    first = nothing.scatter(segment, order, "min")
    present = first < size
    first = graph.where(present, first, 0)
    strongest = place.gather_elements(first)
    anchors = graph.concat([source.anchor for source in sources if source.anchor is not None], 1)
    none = graph.full(2 * tables.n_items, n, 1)
    anchor = graph.concat([anchors, none], 1).gather_elements(graph.op("Min", strongest, anchors.dim(1)))
    sizes = graph.concat([source.key.dim(1) for source in sources], 0)
    of_entry = (key * 0).scatter(place, segment)
    segments = graph.node("Split", [of_entry, sizes], len(sources), axis=1)
    zeros = graph.full(0.0, n, width)

    def total(name: str) -> Value:
        found = zeros
        for source, of_source in zip(sources, segments, strict=True):
            if name in source.added:
                found = found.scatter(of_source, source.added[name], "add")
        return found

    last = segments[-1].dim(1)
    return Pool(
        item=graph.where(present, ordered.gather_elements(first) // STRENGTH_STEPS, tables.n_items),
        anchor=anchor // 2,
        directed=anchor % 2,
        found=(strongest < size - last) if is_restricted else present,
        channels={name: total(name) for name in CHANNELS},
        closest=zeros.scatter(segments[0], sources[0].added["cosine"], "max"),
        own=total("own").integers(),
        blocked=total("blocked") > 0.0,
        named=total("named") > 0.0 if is_restricted else None,
    )
