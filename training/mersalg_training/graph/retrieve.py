"""Candidates: every product that the cart, the history, types, taste, the price ladder or popularity bring, each once.

The neighbour lists of all anchors are laid side by side, sorted by product (a TopK over whole rows), and added up by
segment, so that the cost does not depend on the size of the catalogue. A linear first score over what is known of
every candidate then keeps the best for the trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto

from mersalg.errors import DataError
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import COUNT_STEPS, SHARE_STEPS, Groups
from mersalg_training.graph.request import Request, run_starts
from mersalg_training.graph.tables import ShopTables
from mersalg_training.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, NeighbourTable

INT32 = TensorProto.INT32
CHANNELS = ("cosine", "confidence", "ladder", "follow", "near")
"""Added up over the entries of a candidate."""
SCANNED = 2048
"""Popular products that are compared with the customer's taste."""
ANCHORS = 2**22
"""A sort key's last digits: 2 x the anchor's item, "no item" for none, + 1 where the pair is directed."""
STRENGTH_STEPS = 2**20
"""A strength in [0, 1] takes so many steps inside a sort key."""
MOST_ITEMS = 2**21
"""What a key of 63 bits leaves for products."""
WEAK = STRENGTH_STEPS - 1
"""The steps from the strongest of an entry without strength."""
ITEM_STEP = STRENGTH_STEPS * ANCHORS
TOTALS = (*CHANNELS, "own", "blocked", "named")
"""What the entries of a candidate add up to."""


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

    item: Value
    """(N, E) int32."""
    pair: tuple[Value, Value] | None = None
    """(N, E) float32 the strength, in [0, 1], and (N, E) int64 the last digits of the sort key.

    None without an anchor.
    """
    added: dict[str, Value] = field(default_factory=dict)
    """Of TOTALS -> (N, E) float32, added up by candidate."""


@dataclass(frozen=True)
class Pool:
    """Each product at most once: U places of N requests, ascending by item, "no item" last. All (N, U)."""

    item: Value
    """int64."""
    anchor: Value
    """int64: the anchor of the strongest entry; "no item" for none."""
    directed: Value
    """int64: 1 where the strongest entry is directed."""
    found: Value
    """bool: brought by a source other than `only`."""
    channels: Value
    """(N, len(CHANNELS), U) float32 sums."""
    closest: Value
    """float32: the highest cosine to a product of the cart."""
    own: Value
    """int64: 1 + the position among the own products, 0 for none."""
    blocked: Value
    """bool: excluded, or in a cart that is still open."""
    named: Value | None
    """bool: named by `only`; None where no request is restricted."""


def gather_pool(
    graph: GraphBuilder, tables: ShopTables, request: Request, groups: Groups, exclude: Value, only: Only | None
) -> Pool:
    """Everything that the sources bring, added up by product. DataError where a sort key cannot hold the products."""
    if tables.n_items >= MOST_ITEMS:
        raise DataError(
            f"data.orders: expected fewer than {MOST_ITEMS:,} products, got {tables.n_items:,}; "
            "leave out what is no longer sold, or train a bundle for each part of the assortment"
        )
    blocked = graph.concat([graph.where(request.after_payment, tables.n_items, request.whole_cart), exclude], 1)
    position = graph.op("Range", 1, request.own.dim(1).squeeze(0) + 1, 1).unsqueeze(0)
    position = (position * (request.own < tables.n_items).integers()).floats()
    pairs = [
        cart_source(graph, tables, request),
        ladder_source(graph, tables, request),
        anchor_source(graph, tables, request),
    ]
    plain = [
        Source(request.own.cast(INT32), added={"own": position}),
        Source(blocked.cast(INT32), added={"blocked": (blocked >= 0).floats()}),
        Source(type_products(graph, tables, groups)),
        Source(liked(graph, tables, request)),
        Source(popular(graph, tables, request)),
    ]
    key = [pair_keys(graph, pairs), plain_keys(graph, tables, plain)]
    sources = [*pairs, *plain]
    if only is not None:
        # A product's strongest entry only where nothing else brings it: behind what has no anchor either.
        named = Source(only.item.cast(INT32), added={"named": (only.item >= 0).floats()})
        key.append(plain_keys(graph, tables, [named]) + 1)
        sources.append(named)
    return added_up(graph, tables, graph.concat(key, 1), sources, is_restricted=only is not None)


def pair_keys(graph: GraphBuilder, sources: list[Source]) -> Value:
    """(N, E) int64 sort keys: ascending by item, the strongest first within one, then by anchor."""
    item = graph.concat([source.item for source in sources], 1).integers()
    strength, last = (graph.concat([s.pair[i] for s in sources if s.pair], 1) for i in (0, 1))
    steps = (graph.op("Min", strength, 1.0) * float(WEAK)).integers()
    return item * ITEM_STEP + (last + WEAK * ANCHORS) - steps * ANCHORS


def plain_keys(graph: GraphBuilder, tables: ShopTables, sources: list[Source]) -> Value:
    """(N, E) int64 sort keys of entries without strength and anchor."""
    item = graph.concat([source.item for source in sources], 1).integers()
    return item * ITEM_STEP + (WEAK * ANCHORS + 2 * tables.n_items)


def cart_source(graph: GraphBuilder, tables: ShopTables, request: Request) -> Source:
    """Neighbours of what is in the cart."""
    table = tables.neighbours.cart
    row = row_of(graph, tables, request.cart)
    values = values_of(graph, table, CART_CHANNELS[:2], row, "cart")
    one_way = table.values[..., CART_CHANNELS.index("directed")].astype(np.int8)
    last = (request.cart * 2).unsqueeze(2) + graph.constant(one_way, "cart_directed").gather(row).integers()
    return Source(items_of(graph, table, row, "cart"), (values["cosine"], flat(last)), values)


def ladder_source(graph: GraphBuilder, tables: ShopTables, request: Request) -> Source:
    """Dearer products of the types in the cart."""
    table = tables.neighbours.ladder
    row = row_of(graph, tables, request.cart)
    values = values_of(graph, table, ("ladder",), row, "ladder")
    return Source(items_of(graph, table, row, "ladder"), (values["ladder"] * 0.05, beside(request.cart, table)), values)


def anchor_source(graph: GraphBuilder, tables: ShopTables, request: Request) -> Source:
    """What customers bought first after the cart's products and after the most bought own ones, and their ladder."""
    table = tables.neighbours.anchor
    k = graph.op("Min", request.own.dim(1), graph.constant(np.array([tables.config.retrieve.own_anchors])))
    _, place = request.own_long.steps(COUNT_STEPS).sorted(k=k, largest=True)
    anchor = graph.concat([request.cart, request.own.gather_elements(place)], 1)
    row = row_of(graph, tables, anchor)
    values = values_of(graph, table, ANCHOR_CHANNELS, row, "anchor")
    strength = (values["follow"] + values["near"]) * 0.3 + values["ladder"] * 0.05
    return Source(items_of(graph, table, row, "anchor"), (strength, beside(anchor, table)), values)


def items_of(graph: GraphBuilder, table: NeighbourTable, row: Value, source: str) -> Value:
    """(N, E) int32 items at rows (N, anchors)."""
    return flat(graph.constant(table.items.astype(np.int32), f"{source}_neighbours").gather(row))


def values_of(
    graph: GraphBuilder, table: NeighbourTable, names: tuple[str, ...], row: Value, source: str
) -> dict[str, Value]:
    """Channel -> (N, E) float32 at rows (N, anchors), for the first channels of a table."""
    return {
        name: flat(graph.halves(table.values[..., i], f"{source}_{name}").gather(row)).floats()
        for i, name in enumerate(names)
    }


def type_products(graph: GraphBuilder, tables: ShopTables, groups: Groups) -> Value:
    """(N, E) int32 products of the types that go with the cart, with the history, or are in it."""
    table = tables.neighbours.popular_of_type
    shares = groups.own_share.slice(1, 0, tables.n_types + 2)
    score = (groups.affinities.sum(1) + shares).slice(1, 0, tables.n_types)
    k = min(tables.config.retrieve.types, tables.n_types)
    best, of_type = score.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([k])), largest=True)
    of_type = graph.where(best > 0.0, of_type, tables.n_types)
    return flat(graph.constant(table.items.astype(np.int32), "products_of_type").gather(of_type))


def liked(graph: GraphBuilder, tables: ShopTables, request: Request) -> Value:
    """(N, E) int32 popular products, new to the customer, that fit the history's factors best."""
    scanned = tables.most_popular(min(SCANNED, tables.n_items))
    scanned = scanned[scanned < tables.n_items]
    score = request.taste.op("MatMul", graph.constant(tables.taste.factors[scanned].T.copy(), "scanned_factors"))
    place_of = np.full(tables.n_items + 1, len(scanned), dtype=np.int32)
    place_of[scanned] = np.arange(len(scanned))
    score = graph.concat([score, graph.full(0.0, score.dim(0), 1)], 1)
    own = graph.constant(place_of, "scanned_place").gather(request.own)
    score = score.scatter(own, request.own_long * 0.0 - 1e9).slice(1, 0, len(scanned))
    width = min(tables.config.retrieve.taste_candidates, len(scanned))
    best, place = score.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([width])), largest=True)
    none = graph.constant(np.array(tables.n_items, dtype=np.int32))
    return graph.where(best > 0.0, graph.constant(scanned.astype(np.int32), "scanned").gather(place), none)


def popular(graph: GraphBuilder, tables: ShopTables, request: Request) -> Value:
    """(N, E) int32: the shop's most bought products of the last weeks."""
    most = tables.most_popular(tables.config.retrieve.popular_candidates)[None, :].astype(np.int32)
    return graph.constant(most, "popular").expand(request.cart.dim(0), most.shape[1])


def row_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """The row of the neighbour tables that serves an item."""
    return graph.constant(tables.neighbours.row_of_item.astype(np.int32), "row_of_item").gather(item)


def flat(values: Value) -> Value:
    """(N, ...) -> (N, E)."""
    return values.reshape(0, -1)


def beside(anchor: Value, table: NeighbourTable) -> Value:
    """(N, anchors) -> (N, anchors * width) int64: the last digits of the keys of pairs that are not directed."""
    return flat((anchor * 2).unsqueeze(2).expand(1, 1, table.items.shape[1]))


def added_up(
    graph: GraphBuilder, tables: ShopTables, key: Value, sources: list[Source], *, is_restricted: bool
) -> Pool:
    """Sort the entries by their keys, and add up what is said of each item. key: (N, E) of all sources.

    The pool is as wide as the request with the most products needs.
    """
    n, size = key.dim(0), key.dim(1)
    ordered, place = key.sorted(k=size, largest=False)
    segment = run_starts(graph, ordered // ITEM_STEP, -1).integers().cumsum(1) - 1
    width = segment.op("ReduceMax", keepdims=0).reshape(1) + 1
    nothing = tables.n_items * ITEM_STEP + WEAK * ANCHORS + 2 * tables.n_items + 1  # the last key there is
    strongest = graph.full(nothing, n, width).scatter(segment, ordered, "min")
    code = strongest % ANCHORS
    sizes = graph.concat([source.item.dim(1) for source in sources], 0)
    segments = graph.node("Split", [(key * 0).scatter(place, segment), sizes], len(sources), axis=1)
    totals = added(graph, sources, segments, width)
    alone = np.ones(len(TOTALS) - len(CHANNELS), dtype=np.int64)
    split = graph.constant(np.append(len(CHANNELS), alone))
    channels, own, blocked, named = graph.node("Split", [totals, split], len(alone) + 1, axis=1)
    return Pool(
        item=strongest // ITEM_STEP,
        anchor=code // 2,
        directed=code % 2,
        found=~code.equal(2 * tables.n_items + 1),
        channels=channels,
        closest=graph.full(0.0, n, width).scatter(segments[0], sources[0].added["cosine"], "max"),
        own=own.squeeze(1).integers(),
        blocked=blocked.squeeze(1) > 0.0,
        named=named.squeeze(1) > 0.0 if is_restricted else None,
    )


def added(graph: GraphBuilder, sources: list[Source], segments: list[Value], width: Value) -> Value:
    """(N, len(TOTALS), U) float32 sums; segments: (N, E) int64 the candidate of each entry, source by source."""
    first = width * graph.constant(np.arange(len(TOTALS)))
    starts = dict(zip(TOTALS, graph.node("Split", [first], len(TOTALS), axis=0, num_outputs=len(TOTALS)), strict=True))
    laid = [
        (segment if name == TOTALS[0] else segment + starts[name], value)
        for source, segment in zip(sources, segments, strict=True)
        for name, value in source.added.items()
    ]
    zeros = graph.full(0.0, segments[0].dim(0), width * len(TOTALS))
    places, values = (graph.concat([pair[i] for pair in laid], 1) for i in (0, 1))
    return zeros.scatter(places, values, "add").reshape(0, len(TOTALS), -1)
