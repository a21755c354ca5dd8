"""The first score: linear in what retrieval knows; it keeps the candidates that the trees look at.

Own and new products, with and without a cart, are scored by weights of their own. Own products, new ones and those that
were never sold yet are kept in places of their own, so that a customer with a long history still sees what is new, and
one ranker each can follow. The trees add to the first score what is not linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.facts import Facts
from mersalg_training.graph.groups import SUMS, Groups
from mersalg_training.graph.kinds import Typed
from mersalg_training.graph.request import OWN_COLUMNS, Request, factors_of
from mersalg_training.graph.retrieve import CHANNELS, Only, Pool
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32

ROOTS = (*CHANNELS, "closest", "cart_affinity", "own_affinity", "share_of_own", "like_cart")
"""Signals that count by their square root."""
SIGNALS = (*ROOTS, "taste", "cart_fit", "own_long", "own_short", "due", "has_anchor")
"""What the first score sees of a request's candidate; all are 0 where a source does not know it."""
GROUPS = ("own, empty cart", "new, empty cart", "own", "new")
"""Candidates with weights of their own: a column each, whose last row is the intercept."""
OUT = -1e9


@dataclass(frozen=True)
class Shortlist:
    """C candidates of N requests, in each part the best first score first.

    First the own products, then the new ones, then those that were never sold yet.
    """

    item: Value
    """(N, C) int64, "no item" in unused places; so are kind, anchor and group."""
    kind: Value
    anchor: Value
    group: Value
    """Position in GROUPS."""
    valid: Value
    """(N, C) bool."""
    first_score: Value
    """(N, C) float32."""
    retrieved: Value
    """(N,) int64 eligible candidates in the pool."""
    found: Value
    """(N,) int64 the same, whatever `only` names, so that `only` changes no candidate's features."""
    signals: Value
    """(N, len(SIGNALS), C) float32."""
    own_columns: Value
    """(N, len(OWN_COLUMNS), C) float32."""


def shorten(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    pool: Pool,
    typed: Typed,
    facts: Facts,
    own: Value,
    groups: Groups,
    moving_weights: Float32,
    only: Only | None,
) -> Shortlist:
    """Keep the eligible own and new candidates with the best first scores; ties to the lower item index.

    Everything eligible is kept for a request with `only`.

    own: (N, len(OWN_COLUMNS), U) float32; moving_weights: (len(SIGNALS), len(GROUPS)) float32.
    """
    signals = first_signals(graph, tables, request, pool, facts, own, groups, typed)
    by_group = graph.constant(np.ascontiguousarray(moving_weights.T), "first_weights").op("MatMul", signals)
    in_cart = (request.cart_known.max(1, keep=True) > 0.0).integers()
    group = in_cart * 2 + (~typed.is_own).integers()
    score = by_group.gather_elements(group.unsqueeze(1)).squeeze(1)
    score = score + facts.standing.gather_elements(group.unsqueeze(2), axis=2).squeeze(2)
    new = typed.eligible & ~typed.is_own
    sides = [(typed.eligible & typed.is_own, tables.own_places), (new, tables.new_places)]
    if tables.unsold_places:
        sold = pool.item < tables.n_sold
        sides[1:] = [(new & sold, tables.new_places), (new & ~sold, tables.unsold_places)]
    kept = [best_places(graph, score, eligible, width, only) for eligible, width in sides]
    place, best = graph.concat([place for place, _ in kept], 1), graph.concat([best for _, best in kept], 1)
    valid = best > OUT / 2
    return Shortlist(
        item=graph.where(valid, pool.item.gather_elements(place), tables.n_items),
        kind=typed.kind.gather_elements(place),
        anchor=typed.anchor.gather_elements(place),
        group=group.gather_elements(place),
        valid=valid,
        first_score=best,
        retrieved=typed.eligible.integers().sum(1),
        found=typed.found.integers().sum(1),
        signals=signals.columns_at(place, len(SIGNALS)),
        own_columns=own.columns_at(place, len(OWN_COLUMNS)),
    )


def first_signals(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    pool: Pool,
    facts: Facts,
    own: Value,
    groups: Groups,
    typed: Typed,
) -> Value:
    """(N, len(SIGNALS), U) float32."""
    roots = [
        pool.channels,
        pool.closest.unsqueeze(1),
        groups.affinities_of(facts.product_type) * facts.share_root,
        typed.of_type.slice(1, SUMS.index("own_share"), SUMS.index("in_cart") + 1),
    ]
    return graph.concat(
        [
            graph.concat(roots, 1).op("Sqrt"),
            closeness(graph, tables, request, pool.item),
            own.slice(1, list(OWN_COLUMNS).index("own_long"), len(OWN_COLUMNS)),
            (typed.anchor < tables.n_items).floats().unsqueeze(1),
        ],
        1,
    )


def closeness(graph: GraphBuilder, tables: ShopTables, request: Request, item: Value) -> Value:
    """(N, 2, U) float32: the candidate's factors times the customer's taste, and times the mean of the cart's."""
    depth = tables.taste.factors.shape[1]
    cart = factors_of(graph, tables, request.cart).sum(1)
    cart = cart.slice(1, depth, depth + tables.factors.shape[1])
    cart = cart / graph.op("Max", request.cart_known.sum(1, keep=True), 1.0)
    nothing = request.taste * 0.0
    sides = [graph.concat(pair, 1).unsqueeze(2) for pair in ([request.taste, nothing], [nothing, cart])]
    return factors_of(graph, tables, item).op("MatMul", graph.concat(sides, 2)).turned()


def best_places(
    graph: GraphBuilder, score: Value, eligible: Value, width: int, only: Only | None
) -> tuple[Value, Value]:
    """Positions (N, W) and scores of the eligible with the best score; scores below OUT / 2 mark unused places.

    W is `width`, or as many as the longest `only` of the batch names where they are more; a request without `only`
    uses `width` places all the same. The pool may hold fewer.
    """
    masked = graph.where(eligible, score, OUT)
    places = graph.constant(np.array([width]))
    if only is None:
        masked = graph.concat([masked, graph.full(OUT, masked.dim(0), width)], 1)
        best, place = masked.sorted(k=places, largest=True)
        return graph.op("Min", place, score.dim(1) - 1), best
    k = graph.op("Min", graph.op("Max", places, only.item.dim(1)), masked.dim(1))
    best, place = masked.sorted(k=k, largest=True)
    position = graph.op("Range", 0, k.squeeze(0), 1).unsqueeze(0)
    return place, graph.where((position < width) | only.named, best, OUT)
