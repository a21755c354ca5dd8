"""Requests through the featurise graph: the same graph that the scorer runs, so training and serving cannot differ."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS
from mersalg.session import open_runtime
from mersalg_training.cases import Cases
from mersalg_training.graph.scorer import featurise_model
from mersalg_training.graph.tables import ShopTables
from mersalg_training.progress import Tick
from mersalg_training.timeline import Float32, Int64, Timeline
from mersalg_training.trees import TreeTable

BATCH = 64

THREADS = 2


def nothing() -> Float32:
    """An output that the graph does not have."""
    return np.zeros(0, dtype=np.float32)


def no_group() -> Int64:
    """An output that the graph does not have."""
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Found:
    """Candidates of a batch of requests, C places each."""

    rows: Int64
    """(m,) positions of the requests among the cases."""
    item: Int64
    """(m, C) item indices; n_items in unused places."""
    kind: Int64
    bought: npt.NDArray[np.bool_]
    """(m, C) whether the candidate is among the request's targets."""
    features: Float32 = field(default_factory=nothing)
    """(m, C, F); empty where there are trees."""
    first_score: Float32 = field(default_factory=nothing)
    """(m, C) log-odds to which trees add; empty where there are trees."""
    signals: Float32 = field(default_factory=nothing)
    """(m, C, S); empty where there are trees."""
    group: Int64 = field(default_factory=no_group)
    """(m, C) position in the first score's GROUPS; empty where there are trees."""
    score: Float32 = field(default_factory=nothing)
    """(m, C) log-odds; empty where there are no trees."""

    def valid(self, n_items: int) -> npt.NDArray[np.bool_]:
        """(m, C) which places hold a candidate."""
        return self.item < n_items


class Featuriser:
    """The featurise graph, open."""

    def __init__(
        self, tables: ShopTables, first_weights: Float32, trees: tuple[TreeTable, TreeTable] | None = None
    ) -> None:
        model, self.feature_names = featurise_model(tables, first_weights, trees)
        self.outputs = [
            "item",
            "kind",
            *(["features", "first_score", "signals", "group"] if trees is None else ["score"]),
        ]
        self.tables = tables
        self.runtime = open_runtime(model.SerializeToString(), threads=1)

    @property
    def sides(self) -> tuple[slice, slice]:
        """The places of own and of new products among the candidates."""
        own = self.tables.own_places
        return slice(0, own), slice(own, self.tables.places)

    def run(
        self, timeline: Timeline, cases: Cases, tick: Tick, offered: npt.NDArray[np.bool_] | None = None
    ) -> Iterator[Found]:
        """The candidates of every case, in batches of similar history length.

        offered: (n_moments, 5) which kinds are candidates at a moment; None = all.
        """
        lengths = cases.history[:, 1] - cases.history[:, 0]
        order = np.argsort(lengths, kind="stable")
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        done = 0
        with ThreadPoolExecutor(THREADS) as pool:
            for rows, found in zip(
                batches, pool.map(lambda b: self._batch(timeline, cases, b, offered), batches), strict=True
            ):
                done += len(rows)
                tick(done, len(order))
                yield found

    def _batch(self, timeline: Timeline, cases: Cases, rows: Int64, offered: npt.NDArray[np.bool_] | None) -> Found:
        feeds = feeds_of(timeline, cases, rows, self.tables)
        if offered is not None:
            feeds["kinds"] = offered[cases.moment[rows]]
        found = dict(zip(self.outputs, self.runtime.run(self.outputs, feeds), strict=True))
        return Found(rows=rows, bought=bought_of(cases, rows, found["item"], self.tables), **found)


def feeds_of(timeline: Timeline, cases: Cases, rows: Int64, tables: ShopTables) -> dict[str, npt.NDArray[np.generic]]:
    """The graph's inputs, padded to the longest of the batch."""
    no_item, item_of = tables.n_items, tables.vocabulary.item_of_code
    n = len(rows)
    spans = cases.history[rows]
    width = max(1, int((spans[:, 1] - spans[:, 0]).max()))
    depth = max(1, int(cases.cart.lengths[rows].max()))
    history = np.full((n, width), no_item, dtype=np.int64)
    age = np.zeros((n, width), dtype=np.float32)
    quantity = np.zeros((n, width), dtype=np.float32)
    cart = np.full((n, depth), no_item, dtype=np.int64)
    for i, row in enumerate(rows.tolist()):
        lines = slice(*spans[i].tolist())
        size = lines.stop - lines.start
        history[i, :size] = item_of[timeline.line_product[lines]]
        age[i, :size] = cases.at[row] - timeline.line_day[lines]
        quantity[i, :size] = timeline.line_quantity[lines]
        in_cart = item_of[cases.cart[row]]
        cart[i, : len(in_cart)] = in_cart
    return {
        "cart": cart,
        "history": history,
        "history_age_days": age,
        "history_quantity": quantity,
        "exclude": np.full((n, 1), no_item, dtype=np.int64),
        "moment": cases.moment[rows],
        "kinds": np.ones((n, len(KINDS)), dtype=np.bool_),
    }


def bought_of(cases: Cases, rows: Int64, item: Int64, tables: ShopTables) -> npt.NDArray[np.bool_]:
    """(m, C) whether each candidate is among its request's targets."""
    width = tables.n_items + 1
    wanted = np.concatenate(
        [i * width + tables.vocabulary.item_of_code[cases.target[row]] for i, row in enumerate(rows.tolist())]
    )
    candidate = np.arange(len(rows))[:, None] * width + item
    return np.isin(candidate, wanted) & (item < tables.n_items)
