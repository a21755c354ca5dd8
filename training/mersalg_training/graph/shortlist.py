"""The first-stage ranker, a score linear in what retrieval knows: it keeps the candidates that the trees look at.

Own and new products, with and without a cart, are scored by weights of their own. Own products, new ones and those that
were never sold yet are kept in places of their own, so that a customer with a long history still sees what is new, and
one ranker each can follow. The trees add to the first score what is not linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mersalg_training.data.timeline import Float32, Int64
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.facts import CandidateFacts, standing_of
from mersalg_training.graph.groups import Groups
from mersalg_training.graph.kinds import Typed
from mersalg_training.graph.request import OF_CANDIDATE, RequestTensors, factors_of
from mersalg_training.graph.retrieve import CHANNELS, Only, Pool
from mersalg_training.tables.shop_tables import ShopTables

ROOTS = (*CHANNELS, "closest", "cart_affinity", "own_affinity", "share_of_own", "like_cart")
"""Signals that count by their square root."""
SIGNALS = (*ROOTS, "taste", "cart_fit", "own_long", "own_short", "due", "has_anchor", "strength")
"""What the first score sees of a request's candidate; all are 0 where a source does not know it."""
GROUPS = ("own, empty cart", "new, empty cart", "own", "new")
"""Candidates with weights of their own: a column each, whose last row is the intercept."""
START_SHARE = 0.5
"""Of the first score, the log-odds that trees add to. From all of it boosting does not get away where the shop has
changed since the weights were fitted, and from none of it needs more trees."""
OUT = -1e9


def own_group(group: Int64) -> npt.NDArray[np.bool_]:
    """Which of GROUPS, by position, are own products."""
    return np.equal(group % 2, 0)


@dataclass(frozen=True)
class Shortlist:
    """C candidates, in each part the best first score first.

    First the own products, then the new ones, then those that were never sold yet.
    """

    item: Value
    """(C,) int64; so are kind, anchor and group."""
    kind: Value
    anchor: Value
    group: Value
    """Position in GROUPS."""
    offerable: Value
    """(C,) bool; so is beside_cart."""
    beside_cart: Value
    strength: Value
    """(C,) float32."""
    own: Value
    """(C,) int64 the position among the own products, that of "no item" for what is not."""
    first_score: Value
    """(C,) float32."""
    retrieved: Value
    """(1,) float32 eligible candidates in the pool."""
    found: Value
    """(1,) float32 the same, whatever `only` names, so that `only` changes no candidate's features."""
    signals: Value
    """(C, len(SIGNALS)) float32."""


def shorten(
    graph: GraphBuilder,
    tables: ShopTables,
    request: RequestTensors,
    pool: Pool,
    typed: Typed,
    facts: CandidateFacts,
    groups: Groups,
    first_weights: Float32,
    only: Only | None,
) -> Shortlist:
    """Keep the eligible own and new candidates with the best first scores; ties to the lower item index.

    Everything eligible is kept for a request with `only`.

    first_weights: (len(SIGNALS) + len(STANDING) + 1, len(GROUPS)) float32.
    """
    signals = first_signals(graph, tables, request, pool, facts, groups, typed)
    is_new = (~pool.is_own).integers()
    # The rows of own and of new products, without or with a cart.
    rows = graph.op("Min", request.cart.dim(), 1) * 2 + graph.constant(np.arange(2))
    moving = np.ascontiguousarray(first_weights[: len(SIGNALS)].T)
    by_group = graph.constant(moving, "first_weights").rows_at(rows).op("MatMul", signals)
    group = is_new + rows.slice(0, 1)
    score = graph.where(pool.is_own, by_group.row(0), by_group.row(1))
    score = score + standing_of(graph, tables, first_weights[len(SIGNALS) :], pool.item, group)
    new = typed.eligible & ~pool.is_own
    parts = [(typed.eligible & pool.is_own, tables.own_places), (new, tables.new_places)]
    if tables.unsold_places:
        sold = pool.item < tables.n_sold
        parts[1:] = [(new & sold, tables.new_places), (new & ~sold, tables.unsold_places)]
    place, best = best_places(graph, score, parts, only)
    return Shortlist(
        item=pool.item.at(place),
        kind=typed.kind.at(place),
        anchor=typed.anchor.at(place),
        group=group.at(place),
        offerable=typed.offerable.at(place),
        beside_cart=typed.beside_cart.at(place),
        strength=pool.strength.at(place),
        own=pool.own.at(place),
        first_score=best,
        retrieved=typed.eligible.count(),
        found=typed.found.count(),
        signals=signals.turned().rows_at(place),
    )


def first_signals(
    graph: GraphBuilder,
    tables: ShopTables,
    request: RequestTensors,
    pool: Pool,
    facts: CandidateFacts,
    groups: Groups,
    typed: Typed,
) -> Value:
    """(len(SIGNALS), U) float32."""
    affinities = [affinity * facts.share_root for affinity in groups.affinities_at(facts.product_type)]
    share_of_own = groups.sum_at("own_share", facts.product_type)
    roots = [pool.channels, pool.closest, *affinities, share_of_own, typed.in_cart]
    return graph.concat(
        [
            graph.concat(roots).op("Sqrt"),
            closeness(graph, tables, request, pool.item).flat(),
            *(request.own_columns[name].at(pool.own) for name in OF_CANDIDATE),
            (typed.anchor < tables.n_items).floats(),
            pool.strength,
        ]
    ).reshape(len(SIGNALS), -1)


def closeness(graph: GraphBuilder, tables: ShopTables, request: RequestTensors, item: Value) -> Value:
    """(2, U) float32: the candidate's factors times the customer's taste, and times the mean of the cart's."""
    of_taste = tables.taste.factors.shape[1]
    cart = factors_of(graph, tables, request.cart).sum() / graph.op("Max", request.ones_of_cart.sum(), 1.0)
    # A row each, with zeros in the places of the other's factors.
    of_orders = graph.constant((np.arange(tables.factor_width) >= of_taste).astype(np.float32))
    taste = graph.concat([request.taste, graph.full(0.0, 1, tables.factor_width - of_taste)], 1)
    rows = graph.concat([taste, cart * of_orders])
    return graph.op("Gemm", rows, factors_of(graph, tables, item), transB=1)


def best_places(
    graph: GraphBuilder, score: Value, parts: list[tuple[Value, int]], only: Only | None
) -> tuple[Value, Value]:
    """Positions and scores (C,) of the best of each part, by its mask (U,) and its places; all where `only` names any.

    A part with fewer takes fewer places.
    """
    counts = graph.concat([mask for mask, _ in parts]).reshape(len(parts), -1).floats().sum(1, keep=False)
    most = graph.constant(np.array([float(places) for _, places in parts], dtype=np.float32))
    if only is not None:
        most = graph.where(only.named, np.inf, most)
    widths = graph.node("Split", [graph.op("Min", counts, most).integers()], len(parts), num_outputs=len(parts))
    best = [
        graph.where(mask, score, OUT).sorted(k=width, largest=True)
        for (mask, _), width in zip(parts, widths, strict=True)
    ]
    return graph.concat([place for _, place in best]), graph.concat([items for items, _ in best])
