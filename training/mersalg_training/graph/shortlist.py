"""The first score: linear in what retrieval knows; it keeps the candidates that the trees look at.

Own products, upsells to new ones, and other new ones are scored by weights of their own. Own and
new products are kept in places of their own, so that a customer with a long history still sees what is new, and one
ranker each can follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import Group
from mersalg_training.graph.kinds import UPSELL, Typed
from mersalg_training.graph.request import Request
from mersalg_training.graph.retrieve import Pool
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32

SIGNALS = (
    "cosine", "confidence", "factor", "ladder", "follow", "near", "taste", "own_long", "own_short", "due", "orders",
    "recent", "affinity", "type_in_cart", "type_own", "same_type_anchor",
)  # fmt: skip
"""What the first score sees; all are 0 where a source does not know the candidate."""

GROUPS = ("own", "upsell", "other")
"""Candidates with weights of their own: a column each, whose last row is the intercept."""
OUT = -1e9


@dataclass(frozen=True)
class Shortlist:
    """C candidates of N requests: first the own products, then the new ones, each the best first score first."""

    place: Value
    """(N, C) int64 position in the pool."""
    valid: Value
    """(N, C) bool."""
    first_score: Value
    """(N, C) float32."""
    retrieved: Value
    """(N,) int64 eligible candidates in the pool."""
    signals: Value
    """(N, C, len(SIGNALS)) float32."""
    group: Value
    """(N, C) int64 position in GROUPS."""


def shorten(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    pool: Pool,
    typed: Typed,
    types: Group,
    affinity: Value,
    weights: Float32,
) -> Shortlist:
    """Keep the eligible own and new candidates with the best first scores; ties to the lower item index.

    weights: (len(SIGNALS) + 1, len(GROUPS)) float32.
    """
    root = {name: pool.total[name].op("Sqrt") for name in ("cosine", "confidence", "ladder", "follow", "near", "taste")}
    orders = graph.constant(tables.vocabulary.statistics["log_orders"], "log_orders")
    recent = graph.constant(np.sqrt(tables.vocabulary.statistics["month_share"]), "root_month_share")
    own = typed.is_own.floats()

    def of_own(values: Value) -> Value:
        return values.gather_elements(typed.own_position) * own

    due = request.own_due.gather_elements(typed.own_position)
    known = {
        **root,
        "factor": graph.op("Max", pool.total["factor"], 0.0),
        "own_long": (of_own(request.own_long) + 1.0).op("Log"),
        "own_short": of_own(request.own_short).op("Sqrt"),
        "due": graph.where(typed.is_own & (due > 0.0), graph.op("Min", due, 2.0), 0.0),
        "orders": orders.gather(pool.item),
        "recent": recent.gather(pool.item),
        "affinity": types.at(affinity, typed.product_type).op("Sqrt"),
        "type_in_cart": graph.op("Min", types.at(types.cart_count, typed.product_type), 3.0),
        "type_own": (types.at(types.own_long, typed.product_type) + 1.0).op("Log"),
        "same_type_anchor": (typed.anchor_price > 0.0).floats(),
    }
    signals = graph.concat([known[name].unsqueeze(2) for name in SIGNALS], 2)
    by_group = signals.op("MatMul", graph.constant(weights[:-1], "first_weights")) + graph.constant(weights[-1:])
    group = graph.where(typed.is_own, 0, graph.where(typed.kind.equal(UPSELL), 1, 2))
    score = by_group.op("GatherElements", group.unsqueeze(2), axis=2).squeeze(2)
    own_place, own_best = best_places(graph, score, typed.eligible & typed.is_own, tables.own_places)
    new_place, new_best = best_places(graph, score, typed.eligible & ~typed.is_own, tables.new_places)
    place, best = graph.concat([own_place, new_place], 1), graph.concat([own_best, new_best], 1)
    return Shortlist(
        place=place,
        valid=best > OUT / 2,
        first_score=best,
        retrieved=typed.eligible.integers().sum(1),
        signals=rows(signals, place),
        group=group.gather_elements(place),
    )


def best_places(graph: GraphBuilder, score: Value, eligible: Value, width: int) -> tuple[Value, Value]:
    """Positions (N, width) and scores of the eligible with the best score; scores below OUT / 2 mark unused places."""
    best, place = graph.where(eligible, score, OUT).sorted(k=graph.constant(np.array([width])), largest=True)
    return place, best


def rows(values: Value, place: Value) -> Value:
    """(N, C, m): rows of (N, E, m) at positions (N, C)."""
    return values.op("GatherND", place.unsqueeze(2), batch_dims=1)
