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
from mersalg_training.graph.request import RequestTensors, run_starts
from mersalg_training.tables.association import TOGETHER
from mersalg_training.tables.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, NeighbourTable
from mersalg_training.tables.relations import Partners
from mersalg_training.tables.shop_tables import ShopTables

INT32 = TensorProto.INT32
CHANNELS = ("cosine", "confidence", "ease", "ladder", "follow", "near")
"""Added up over the entries of a candidate."""
SCANNED = 2048
"""Popular products that are compared with the customer's taste."""
ANCHORS = 2**22
"""A sort key's last digits: 2 x the anchor's item, "no item" for none, + 1 for a product that the request names."""
STRENGTH_STEPS = 2**20
"""A strength in [0, 1] takes so many steps inside a sort key."""
MAX_ITEMS = 2**21
"""What a key of 63 bits leaves for products."""
WEAK = STRENGTH_STEPS - 1
"""The steps from the strongest of an entry without strength."""
ITEM_STEP = STRENGTH_STEPS * ANCHORS
TOTALS = (*CHANNELS, "own", "blocked", "named")
"""What the entries of a candidate add up to."""
ALTERNATIVE = "alternative"
"""A total more, where the catalogue declares any."""


@dataclass(frozen=True)
class Only:
    """The products that alone are candidates of a request, where it names any."""

    item: Value
    """(O,) int64 item indices, "no item" for padding and unknown products."""
    named: Value
    """(1,) bool: whether the request names any, known or not."""


@dataclass(frozen=True)
class CandidateSource:
    """E places that one source brings."""

    item: Value
    """(E,) int32."""
    pair: tuple[Value, Value] | None = None
    """(E,) float32 half the strength, + 0.5 where the pair is directed, and (E,) int64 the last digits of the sort key.

    None without an anchor.
    """
    added: dict[str, Value] = field(default_factory=dict)
    """Of TOTALS, or ALTERNATIVE -> (E,) float32, added up by candidate."""


@dataclass(frozen=True)
class Pool:
    """Each product at most once: U places, ascending by item, "no item" last. All (U,)."""

    item: Value
    """int64."""
    anchor: Value
    """int64: the anchor of the strongest entry; "no item" where none brings it (see `tables.association`)."""
    directed: Value
    """bool: the strongest entry is a pair of which the candidate extends the anchor; such pairs go first."""
    strength: Value
    """float32 in [0, 1]: of the strongest entry, see `tables.association`; 0 where nothing brings it."""
    found: Value
    """bool: brought by a source other than `only`."""
    channels: Value
    """(len(CHANNELS) * U,) float32 sums, channel by channel."""
    closest: Value
    """float32: the highest cosine to a product of the cart."""
    is_own: Value
    """bool."""
    own: Value
    """int64: the position among the own products, that of "no item" for what is not."""
    blocked: Value
    """bool: excluded, by the request or by a product of the cart, or in a cart that is still open or has just been
    paid for."""
    named: Value | None
    """bool: named by `only`; None where no request is restricted."""
    is_alternative: Value | None
    """bool: similar to a product of the cart, or the older or newer of the two; None where nothing declares it."""


def check_items(n_items: int) -> None:
    """DataError where a sort key cannot hold the products."""
    if n_items >= MAX_ITEMS:
        raise DataError(
            f"data.orders: expected fewer than {MAX_ITEMS:,} products, got {n_items:,}; "
            "leave out what is no longer sold, or train a bundle for each part of the assortment"
        )


def gather_pool(
    graph: GraphBuilder, tables: ShopTables, request: RequestTensors, groups: Groups, exclude: Value, only: Only | None
) -> Pool:
    """Everything that the sources bring, added up by product. DataError where a sort key cannot hold the products."""
    check_items(tables.n_items)
    again = request.after_payment & ~request.is_confirmation
    excluding = [graph.where(again, tables.n_items, request.whole_cart), exclude]
    if tables.relations.excluded.are_declared:
        partners = partners_at(graph, tables.relations.excluded, request.whole_cart, "excluded")
        excluding.append(partners.flat().integers())
    blocked = graph.concat(excluding)
    pairs = [
        cart_source(graph, tables, request),
        ladder_source(graph, tables, request),
        anchor_source(graph, tables, request),
    ]
    plain = [
        CandidateSource(request.own.cast(INT32), added={"own": graph.full(1.0, request.own.dim())}),
        CandidateSource(blocked.cast(INT32), added={"blocked": graph.full(1.0, blocked.dim())}),
        CandidateSource(type_products(graph, tables, groups)),
        CandidateSource(liked(graph, tables, request)),
        CandidateSource(popular(graph, tables)),
    ]
    if tables.relations.alternatives.are_declared:
        other = partners_at(graph, tables.relations.alternatives, request.whole_cart, ALTERNATIVE).flat()
        plain.append(CandidateSource(other, added={ALTERNATIVE: graph.full(1.0, other.dim())}))
    key = [pair_keys(graph, pairs), plain_keys(graph, tables, plain)]
    sources = [*pairs, *plain]
    if only is not None:
        # A product's strongest entry only where nothing else brings it: behind what has no anchor either.
        named = CandidateSource(only.item.cast(INT32), added={"named": graph.full(1.0, only.item.dim())})
        key.append(plain_keys(graph, tables, [named]) + 1)
        sources.append(named)
    return added_up(graph, tables, request, graph.concat(key), sources, is_restricted=only is not None)


def partners_at(graph: GraphBuilder, partners: Partners, item: Value, name: str) -> Value:
    """(I, width) int32 items that are related to each of (I,); "no item" behind them."""
    row = graph.constant(partners.row_of_item.astype(np.int32), f"{name}_row_of_item").at(item)
    return graph.constant(partners.items, f"{name}_items").rows_at(row)


def pair_keys(graph: GraphBuilder, sources: list[CandidateSource]) -> Value:
    """(E,) int64 sort keys: ascending by item, the strongest first within one, then by anchor."""
    item = graph.concat([source.item for source in sources]).integers()
    strength, last = (graph.concat([s.pair[i] for s in sources if s.pair]) for i in (0, 1))
    steps = (graph.op("Min", strength, 1.0) * float(WEAK)).integers()
    return item * ITEM_STEP + (last + WEAK * ANCHORS) - steps * ANCHORS


def plain_keys(graph: GraphBuilder, tables: ShopTables, sources: list[CandidateSource]) -> Value:
    """(E,) int64 sort keys of entries without strength and anchor."""
    item = graph.concat([source.item for source in sources]).integers()
    return item * ITEM_STEP + (WEAK * ANCHORS + 2 * tables.n_items)


def cart_source(graph: GraphBuilder, tables: ShopTables, request: RequestTensors) -> CandidateSource:
    """Neighbours of what is in the cart."""
    table = tables.neighbours.cart
    row = row_of(graph, tables, request.cart)
    values = values_of(graph, table, CART_CHANNELS[:4], row, "cart")
    strength = values.pop("strength")
    one_way = table.values[..., CART_CHANNELS.index("directed")].astype(np.int8)
    first = graph.constant(one_way, "cart_directed").rows_at(row).flat().floats() * 0.5
    pair = (first + strength * 0.5, beside(request.cart, table))
    return CandidateSource(items_of(graph, table, row, "cart"), pair, values)


def ladder_source(graph: GraphBuilder, tables: ShopTables, request: RequestTensors) -> CandidateSource:
    """Dearer products of the types in the cart."""
    table = tables.neighbours.ladder
    row = row_of(graph, tables, request.cart)
    values = values_of(graph, table, ("ladder",), row, "ladder")
    strength = graph.full(0.0, values["ladder"].dim())
    return CandidateSource(items_of(graph, table, row, "ladder"), (strength, beside(request.cart, table)), values)


def anchor_source(graph: GraphBuilder, tables: ShopTables, request: RequestTensors) -> CandidateSource:
    """What customers bought first after the cart's products and after the most bought own ones, and their ladder."""
    table = tables.neighbours.anchor
    k = graph.op("Min", request.own.dim(), graph.constant(np.array([tables.config.retrieve.own_anchors])))
    _, place = request.own_long.steps(COUNT_STEPS).sorted(k=k, largest=True)
    anchor = graph.concat([request.cart, request.own.at(place)])
    row = row_of(graph, tables, anchor)
    values = values_of(graph, table, ANCHOR_CHANNELS[:4], row, "anchor")
    pair = (values.pop("strength") * 0.5, beside(anchor, table))
    return CandidateSource(items_of(graph, table, row, "anchor"), pair, values)


def items_of(graph: GraphBuilder, table: NeighbourTable, row: Value, source: str) -> Value:
    """(E,) int32 items at rows (anchors,)."""
    return graph.constant(table.items.astype(np.int32), f"{source}_neighbours").rows_at(row).flat()


def values_of(
    graph: GraphBuilder, table: NeighbourTable, names: tuple[str, ...], row: Value, source: str
) -> dict[str, Value]:
    """Channel -> (E,) float32 at rows (anchors,), for the first channels of a table."""
    channels = np.ascontiguousarray(np.moveaxis(table.values[..., : len(names)], 2, 0))
    result = graph.halves(channels, f"{source}_values").rows_at(row, axis=1).reshape(len(names), -1).floats()
    return {name: result.row(i) for i, name in enumerate(names)}


def type_products(graph: GraphBuilder, tables: ShopTables, groups: Groups) -> Value:
    """(E,) int32 products of the types that go with the cart, with the history, or are in it."""
    table, rows = tables.neighbours.popular_of_type, tables.n_types + 2
    speaking = [groups.affinities.slice(start, start + tables.n_types) for start in (0, rows)]
    score = speaking[0] + speaking[1] + groups.own_share.slice(0, tables.n_types)
    k = min(tables.config.retrieve.types, tables.n_types)
    best, of_type = score.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([k])), largest=True)
    of_type = graph.where(best > 0.0, of_type, tables.n_types)
    return graph.constant(table.items.astype(np.int32), "products_of_type").rows_at(of_type).flat()


def liked(graph: GraphBuilder, tables: ShopTables, request: RequestTensors) -> Value:
    """(E,) int32 popular products, new to the customer, that fit the history's factors best."""
    scanned = tables.most_popular(min(SCANNED, tables.n_items))
    scanned = scanned[scanned < tables.n_items]
    # A column more, for own products that are not among them: "no item" is always one.
    factors = np.append(tables.taste.factors[scanned], np.zeros((1, tables.taste.factors.shape[1])), axis=0)
    score = request.taste.op("MatMul", graph.constant(factors.T.astype(np.float32), "scanned_factors"))
    place_of = np.full(tables.n_items + 1, len(scanned), dtype=np.int32)
    place_of[scanned] = np.arange(len(scanned))
    own = graph.constant(place_of, "scanned_place").at(request.own)
    score = score.flat().steps(SHARE_STEPS).scatter(own, graph.full(-1e9, request.own.dim()))
    width = min(tables.config.retrieve.taste_candidates, len(scanned))
    best, place = score.sorted(k=graph.constant(np.array([width])), largest=True)
    items = np.append(scanned, tables.n_items).astype(np.int32)
    return graph.constant(items, "scanned").at(place.kept(best > 0.0))


def popular(graph: GraphBuilder, tables: ShopTables) -> Value:
    """(E,) int32: the shop's most bought products of the last weeks."""
    most = tables.most_popular(tables.config.retrieve.popular_candidates)
    return graph.constant(most.astype(np.int32), "popular")


def row_of(graph: GraphBuilder, tables: ShopTables, item: Value) -> Value:
    """The row of the neighbour tables that serves an item."""
    return graph.constant(tables.neighbours.row_of_item.astype(np.int32), "row_of_item").at(item)


def beside(anchor: Value, table: NeighbourTable) -> Value:
    """(anchors,) -> (anchors * width,) int64: the last digits of the keys of pairs."""
    return (anchor * 2).unsqueeze(1).expand(1, table.items.shape[1]).flat()


def added_up(
    graph: GraphBuilder,
    tables: ShopTables,
    request: RequestTensors,
    key: Value,
    sources: list[CandidateSource],
    *,
    is_restricted: bool,
) -> Pool:
    """Sort the entries by their keys, and add up what is said of each item. key: (E,) of all sources."""
    ordered, place = key.sorted(k=key.dim(), largest=False)
    starts = run_starts(graph, ordered.op("BitwiseAnd", -ITEM_STEP), -1)
    strongest = ordered.kept(starts)
    segment = starts.integers().cumsum() - 1
    sizes = graph.concat([source.item.dim() for source in sources])
    segments = graph.node("Split", [key.scatter(place, segment), sizes], len(sources), axis=0)
    width = strongest.dim()
    names = (*TOTALS, ALTERNATIVE) if tables.relations.alternatives.are_declared else TOTALS
    totals = added(graph, sources, segments, width, names)
    code = strongest.op("BitwiseAnd", ANCHORS - 1)
    steps = strongest.op("BitwiseAnd", ITEM_STEP - 1) // ANCHORS * -1 + WEAK
    in_upper_half = steps >= WEAK // 2
    steps = graph.where(in_upper_half, steps - WEAK // 2, steps)
    is_brought = steps >= int(TOGETHER * (WEAK // 2))
    is_own = totals[1] > 0.0
    return Pool(
        item=strongest // ITEM_STEP,
        anchor=graph.where(is_brought, code // 2, tables.n_items),
        directed=in_upper_half & is_brought,
        strength=steps.floats() * (2.0 / WEAK),
        found=~code.equal(2 * tables.n_items + 1),
        channels=totals[0],
        closest=graph.full(0.0, width).scatter(segments[0], sources[0].added["cosine"], "max"),
        is_own=is_own,
        # The pool and the own products ascend by item.
        own=graph.where(is_own, is_own.integers().cumsum(), request.own.dim()) - 1,
        blocked=totals[2] > 0.0,
        named=totals[3] > 0.0 if is_restricted else None,
        is_alternative=totals[4] > 0.0 if ALTERNATIVE in names else None,
    )


def added(
    graph: GraphBuilder, sources: list[CandidateSource], segments: list[Value], width: Value, names: tuple[str, ...]
) -> list[Value]:
    """The sums of CHANNELS side by side, (len(CHANNELS) * U,), and those of the other names, (U,); float32.

    segments: (E,) int64 the candidate of each entry, source by source; width: (1,) U; names: CHANNELS first.
    """
    first = width * graph.constant(np.arange(len(names)))
    starts = dict(zip(names, graph.node("Split", [first], len(names), axis=0, num_outputs=len(names)), strict=True))
    laid = [
        (segment if name == names[0] else segment + starts[name], value)
        for source, segment in zip(sources, segments, strict=True)
        for name, value in source.added.items()
    ]
    places, values = (graph.concat([pair[i] for pair in laid]) for i in (0, 1))
    sums = graph.full(0.0, width * len(names)).scatter(places, values, "add")
    alone = len(names) - len(CHANNELS)
    sizes = width * graph.constant(np.array([len(CHANNELS)] + [1] * alone))
    return graph.node("Split", [sums, sizes], 1 + alone, axis=0)
