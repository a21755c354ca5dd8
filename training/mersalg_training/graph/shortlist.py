"""The first score: a linear model over what retrieval knows, which keeps the candidates that the trees look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import Group
from mersalg_training.graph.kinds import Typed
from mersalg_training.graph.request import Request
from mersalg_training.graph.retrieve import Pool
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32

SIGNALS = (
    "cosine", "confidence", "factor", "ladder", "follow", "own", "own_long", "own_short", "due", "orders", "recent",
    "affinity", "type_in_cart", "type_own", "same_type_anchor",
)  # fmt: skip
"""What the first score sees; all are 0 where a source does not know the candidate."""

FIRST_WEIGHTS = np.array([6, 3, 1, 2, 4, 1, 1, 1, 0.5, 0.3, 2, 1, 0.2, 0.2, 0], dtype=np.float32)
"""Where no weights are learned yet: enough to bring what a source speaks for before what is only popular."""
OUT = -1e9


@dataclass(frozen=True)
class Shortlist:
    """C candidates of N requests, the best first score first."""

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
    """Keep the `candidates` with the best first score among the eligible; ties to the lower item index."""
    root = {name: pool.total[name].op("Sqrt") for name in ("cosine", "confidence", "ladder", "follow")}
    orders = graph.constant(tables.vocabulary.statistics["log_orders"], "log_orders")
    recent = graph.constant(np.sqrt(tables.vocabulary.statistics["month_share"]), "root_month_share")
    own = typed.is_own.floats()

    def of_own(values: Value) -> Value:
        return values.gather_elements(typed.own_position) * own

    due = request.own_due.gather_elements(typed.own_position)
    known = {
        **root,
        "factor": graph.op("Max", pool.total["factor"], 0.0),
        "own": own,
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
    score = signals.op("MatMul", graph.constant(weights.reshape(-1, 1), "first_weights")).squeeze(2)
    score = graph.where(typed.eligible, score, OUT)
    width = tables.config.retrieve.candidates
    best, place = score.sorted(k=graph.constant(np.array([width])), largest=True)
    return Shortlist(
        place=place,
        valid=best > OUT / 2,
        first_score=best,
        retrieved=typed.eligible.integers().sum(1),
        signals=rows(signals, place),
    )


def rows(values: Value, place: Value) -> Value:
    """(N, C, m): rows of (N, E, m) at positions (N, C)."""
    return values.op("GatherND", place.unsqueeze(2), batch_dims=1)
