"""Requests through the featurise graph: the same graph that the scorer runs, so training and serving cannot differ."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS
from mersalg.session import open_runtime
from mersalg_training.data.timeline import Float32, Int64, Timeline
from mersalg_training.graph.scorer import featurise_model
from mersalg_training.graph.shortlist import own_group
from mersalg_training.graph.trees import RankerTrees
from mersalg_training.progress import Tick
from mersalg_training.ranking.cases import Cases
from mersalg_training.tables.shop_tables import ShopTables

PIECE = 64
"""Requests that one thread takes at once; the graph takes one a run."""
THREADS = 2
NO_AGE: Float32 = np.zeros(1, dtype=np.float32)


def nothing() -> Float32:
    """An output that the graph does not have."""
    return np.zeros(0, dtype=np.float32)


def no_group() -> Int64:
    """An output that the graph does not have."""
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class CandidateFeatures:
    """Candidates of some requests, C places each: own products from the first place, new ones behind their places."""

    rows: Int64
    """(m,) positions of the requests among the cases."""
    item: Int64
    """(m, C) item indices; n_items in unused places."""
    kind: Int64
    offerable: npt.NDArray[np.bool_]
    """(m, C) whether the candidate may be shown at all."""
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

    def __init__(self, tables: ShopTables, first_weights: Float32, trees: RankerTrees | None = None) -> None:
        model, self.feature_names = featurise_model(tables, first_weights, trees)
        self.outputs = ["item", "kind", "group", "offerable"]
        self.outputs += ["features", "first_score", "signals"] if trees is None else ["score"]
        self.tables = tables
        self.runtime = open_runtime(model.SerializeToString())

    @property
    def sides(self) -> tuple[slice, slice]:
        """The places of own and of new products among the candidates."""
        own = self.tables.own_places
        return slice(0, own), slice(own, self.tables.places)

    def run(
        self, timeline: Timeline, cases: Cases, tick: Tick, offered: npt.NDArray[np.bool_] | None = None
    ) -> Iterator[CandidateFeatures]:
        """The candidates of every case, some at a time, in the order of the cases.

        offered: (n_moments, 5) which kinds are candidates at a moment; None = all.
        """
        n_cases = len(cases.at)
        pieces = [np.arange(start, min(start + PIECE, n_cases)) for start in range(0, n_cases, PIECE)]
        done = 0
        with ThreadPoolExecutor(THREADS) as pool:
            for rows, result in zip(
                pieces, pool.map(lambda rows: self._piece(timeline, cases, rows, offered), pieces), strict=True
            ):
                done += len(rows)
                tick(done, n_cases)
                yield result

    def _piece(
        self, timeline: Timeline, cases: Cases, rows: Int64, offered: npt.NDArray[np.bool_] | None
    ) -> CandidateFeatures:
        result = [self._candidates(timeline, cases, row, offered) for row in rows.tolist()]
        stacked = {name: np.stack([one[name] for one in result]) for name in self.outputs}
        return CandidateFeatures(rows=rows, bought=bought_of(cases, rows, stacked["item"], self.tables), **stacked)

    def _candidates(
        self, timeline: Timeline, cases: Cases, row: int, offered: npt.NDArray[np.bool_] | None
    ) -> dict[str, npt.NDArray[np.generic]]:
        """The outputs for one case, each in its place."""
        feeds = feeds_of(timeline, cases, row, self.tables)
        if offered is not None:
            feeds["kinds"] = offered[cases.moment[row]]
        result = dict(zip(self.outputs, self.runtime.run(self.outputs, feeds), strict=True))
        is_own = own_group(result["group"])
        places = np.concatenate([np.arange(is_own.sum()), self.tables.own_places + np.arange((~is_own).sum())])
        return {name: self._placed(name, values, places) for name, values in result.items()}

    def _placed(self, name: str, values: npt.NDArray[np.generic], places: Int64) -> npt.NDArray[np.generic]:
        """(C, ...) with values at places; "no item", and 0 elsewhere."""
        fill = self.tables.n_items if name == "item" else 0
        placed = np.full((self.tables.places, *values.shape[1:]), fill, dtype=values.dtype)
        placed[places] = values
        return placed


def feeds_of(timeline: Timeline, cases: Cases, row: int, tables: ShopTables) -> dict[str, npt.NDArray[np.generic]]:
    """The graph's inputs for one case; nothing is "no item"."""
    item_of, nothing = tables.vocabulary.item_of_code, np.array([tables.n_items])
    lines = slice(*cases.history[row].tolist())
    size = lines.stop - lines.start
    # A line of nothing where there is none: every width is at least 1.
    return {
        "cart": item_of[cases.cart[row]] if len(cases.cart[row]) else nothing,
        "history": item_of[timeline.line_product[lines]] if size else nothing,
        "history_age_days": (cases.at[row] - timeline.line_day[lines]).astype(np.float32) if size else NO_AGE,
        "history_quantity": timeline.line_quantity[lines].astype(np.float32) if size else NO_AGE,
        "exclude": nothing,
        "moment": cases.moment[row : row + 1],
        "kinds": np.ones(len(KINDS), dtype=np.bool_),
    }


def bought_of(cases: Cases, rows: Int64, item: Int64, tables: ShopTables) -> npt.NDArray[np.bool_]:
    """(m, C) whether each candidate is among its request's targets."""
    width = tables.n_items + 1
    wanted = np.concatenate(
        [i * width + tables.vocabulary.item_of_code[cases.target[row]] for i, row in enumerate(rows.tolist())]
    )
    candidate = np.arange(len(rows))[:, None] * width + item
    return np.isin(candidate, wanted) & (item < tables.n_items)
