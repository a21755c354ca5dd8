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
from mersalg_training.graph.retrieve import Pool, split
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

    item: Value
    """(N, C, 1) int64, "no item" in unused places; so are kind, anchor, own_position and group."""
    kind: Value
    anchor: Value
    own_position: Value
    group: Value
    """Position in GROUPS."""
    valid: Value
    """(N, C) bool."""
    first_score: Value
    """(N, C, 1) float32."""
    retrieved: Value
    """(N,) int64 eligible candidates in the pool."""
    total: dict[str, Value]
    """(N, C, 1) float32 sums of the pool, by channel."""
    best: dict[str, Value]
    """(N, C, 1) float32 channels of the strongest entry."""
    signals: Value
    """(N, C, len(SIGNALS)) float32."""


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
    signals = first_signals(graph, tables, request, pool, typed, types, affinity)
    by_group = signals.op("MatMul", graph.constant(weights[:-1], "first_weights")) + graph.constant(weights[-1:])
    group = graph.where(typed.is_own, 0, graph.where(typed.kind.equal(UPSELL), 1, 2))
    score = by_group.op("GatherElements", group, axis=2)
    own_place, own_best = best_places(graph, score, typed.eligible & typed.is_own, tables.own_places)
    new_place, new_best = best_places(graph, score, typed.eligible & ~typed.is_own, tables.new_places)
    place, best = graph.concat([own_place, new_place], 1), graph.concat([own_best, new_best], 1)
    valid = best > OUT / 2
    codes = graph.concat([pool.item, typed.kind, typed.anchor, typed.own_position, group], 2)
    kept = split(rows(codes, place), ("item", "kind", "anchor", "own_position", "group"))
    return Shortlist(
        item=graph.where(valid.unsqueeze(2), kept["item"], tables.n_items),
        kind=kept["kind"],
        anchor=kept["anchor"],
        own_position=kept["own_position"],
        group=kept["group"],
        valid=valid,
        first_score=best.unsqueeze(2),
        retrieved=typed.eligible.integers().squeeze(2).sum(1),
        total=split(rows(pool.total, place)),
        best=split(rows(pool.best, place)),
        signals=rows(signals, place),
    )


def first_signals(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    pool: Pool,
    typed: Typed,
    types: Group,
    affinity: Value,
) -> Value:
    """(N, U, len(SIGNALS)) float32."""
    total = split(pool.total)
    statistics = tables.vocabulary.statistics
    popular = np.stack([statistics["log_orders"], np.sqrt(statistics["month_share"])], axis=1)
    popularity = split(graph.constant(popular, "popularity").gather(pool.item).squeeze(2), ("orders", "recent"))
    own = typed.is_own.floats()
    due = request.of_own(request.own_due, typed.own_position)
    price_of = graph.constant(tables.vocabulary.price, "price_of_item")
    known = {
        **{name: total[name].op("Sqrt") for name in ("cosine", "confidence", "ladder", "follow", "near", "taste")},
        **popularity,
        "factor": graph.op("Max", total["factor"], 0.0),
        "own_long": (request.of_own(request.own_long, typed.own_position) * own + 1.0).op("Log"),
        "own_short": (request.of_own(request.own_short, typed.own_position) * own).op("Sqrt"),
        "due": graph.where(typed.is_own & (due > 0.0), graph.op("Min", due, 2.0), 0.0),
        "affinity": types.at(affinity, typed.product_type).op("Sqrt"),
        "type_in_cart": graph.op("Min", types.at(types.cart_count, typed.product_type), 3.0),
        "type_own": (types.at(types.own_long, typed.product_type) + 1.0).op("Log"),
        "same_type_anchor": (price_of.gather(typed.anchor) > 0.0).floats(),
    }
    return graph.concat([known[name] for name in SIGNALS], 2)


def best_places(graph: GraphBuilder, score: Value, eligible: Value, width: int) -> tuple[Value, Value]:
    """Positions (N, width) and scores of the eligible with the best score; scores below OUT / 2 mark unused places."""
    masked = graph.where(eligible, score, OUT).squeeze(2)
    best, place = masked.sorted(k=graph.constant(np.array([width])), largest=True)
    return place, best


def rows(values: Value, place: Value) -> Value:
    """(N, C, m): rows of (N, U, m) at positions (N, C)."""
    return values.op("GatherND", place.unsqueeze(2), batch_dims=1)
