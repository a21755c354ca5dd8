# Kept as it ran at commit 19998fd, there benchmarks/quality/recall.py; not brought up to later code.
"""Of what followed a request, the share that each candidate source would bring, in its own order and alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mersalg_training.cases import Cases
from mersalg_training.featurise import Featuriser
from mersalg_training.graph.groups import USUAL_TYPES
from mersalg_training.graph.retrieve import SCANNED
from mersalg_training.graph.tables import ShopTables
from mersalg_training.metrics import DEPTHS
from mersalg_training.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, NeighbourTable
from mersalg_training.progress import Tick
from mersalg_training.tasks import Task
from mersalg_training.timeline import Float32, Float64, Int64, Timeline

UNION = "union"
KEPT = "kept by the first score"
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """What a request tells, as item indices."""

    cart: Int64
    """Ascending, distinct."""
    own: Int64
    """The same."""
    own_long: Float64
    """(len(own),) decayed counts."""
    anchors: Int64
    """The cart and the most bought own products."""


def known_of(timeline: Timeline, cases: Cases, row: int, tables: ShopTables) -> Known:
    """Cart and history of one request, counted as the graph counts them."""
    of_code, no_item = tables.vocabulary.item_of_code, tables.n_items
    cart = np.unique(of_code[cases.cart[row]])
    lines = slice(*cases.history[row].tolist())
    item, where = np.unique(of_code[timeline.line_product[lines]], return_inverse=True)
    age = cases.at[row] - timeline.line_day[lines]
    weight = np.bincount(where, weights=0.5 ** (age / tables.rhythm.long_days), minlength=len(item)).astype(np.float64)
    cart, weight, item = cart[cart < no_item], weight[item < no_item], item[item < no_item]
    usual = item[np.argsort(-weight, kind="stable")[: tables.config.retrieve.own_anchors]]
    return Known(cart, item, weight, np.concatenate([cart, usual]))


def source_scores(known: Known, tables: ShopTables) -> dict[str, Float64]:
    """Source -> (n_items,) how it orders the products; 0 = not brought.

    The neighbour tables are as wide as the job makes them. Types, taste and popularity order more products than a
    request takes of them, so that the deeper figures tell what taking more would bring.
    """
    near = tables.neighbours
    own = np.zeros(tables.n_items)
    own[known.own] = known.own_long
    ladder = added(near.ladder, 0, known.cart, tables) + added(
        near.anchor, ANCHOR_CHANNELS.index("ladder"), known.anchors, tables
    )
    popular, most = np.zeros(tables.n_items), most_popular(tables)
    popular[most] = tables.vocabulary.statistics["month_share"][most]
    return {
        "own products": own,
        "basket neighbours": added(near.cart, CART_CHANNELS.index("cosine"), known.cart, tables),
        "bought first afterwards": added(near.anchor, ANCHOR_CHANNELS.index("follow"), known.anchors, tables),
        "near own products": added(near.anchor, ANCHOR_CHANNELS.index("near"), known.anchors, tables),
        "products of types": by_type(known, tables),
        "taste": by_taste(known, tables),
        "price ladder": ladder,
        "popular": popular,
    }


def most_popular(tables: ShopTables) -> Int64:
    """The products that a request's taste is compared with."""
    items = tables.most_popular(min(SCANNED, tables.n_items))
    return items[items < tables.n_items]


def added(table: NeighbourTable, channel: int, anchors: Int64, tables: ShopTables) -> Float64:
    """(n_items,) a channel added up over the neighbours of all anchors."""
    rows = tables.neighbours.row_of_item[anchors]
    items, values = table.items[rows].ravel(), table.values[rows, :, channel].ravel()
    summed: Float64 = np.bincount(items, weights=values, minlength=tables.n_items + 1).astype(np.float64)
    return summed[: tables.n_items]


def by_type(known: Known, tables: ShopTables) -> Float64:
    """(n_items,) what cart and history say of a product's type, times its share of the type's orders."""
    vocabulary, n_types = tables.vocabulary, tables.n_types
    own_type = vocabulary.product_type[known.own]
    share = np.bincount(own_type, weights=known.own_long, minlength=n_types + 1) / max(1e-6, known.own_long.sum())
    usual = np.argsort(-share[:n_types], kind="stable")[:USUAL_TYPES]
    spoken = np.concatenate([vocabulary.product_type[known.cart], usual])
    weight = np.concatenate([np.ones(len(known.cart)), share[usual]])
    table = tables.neighbours.type_affinity
    values = table.values[spoken, :, 0] * weight[:, None]
    score = np.bincount(table.items[spoken].ravel(), weights=values.ravel(), minlength=n_types + 1) + share
    score[n_types] = 0.0
    return np.asarray(score[vocabulary.product_type[:-1]] * np.nan_to_num(vocabulary.statistics["type_share"][:-1]))


def by_taste(known: Known, tables: ShopTables) -> Float64:
    """(n_items,) the history folded into the customers' factors, times those of the most popular products."""
    taste, scanned, score = tables.taste, most_popular(tables), np.zeros(tables.n_items)
    folded = np.log1p(known.own_long).astype(np.float32) @ taste.factors[known.own] @ taste.solve
    score[scanned] = np.maximum(0.0, taste.factors[scanned] @ folded)
    score[known.own] = 0.0
    return score


def first(score: Float64 | Float32, permitted: Bools, depth: int) -> Int64:
    """The permitted items with the highest scores above 0, ties to the lower index."""
    items = np.flatnonzero(permitted & (score > 0.0))
    return np.asarray(items[np.argsort(-score[items], kind="stable")[:depth]])


@dataclass(frozen=True)
class Brought:
    """What each source brought of what followed: (n_depths, n_targets) bool by source, UNION and KEPT included."""

    found: dict[str, Bools]
    alone: dict[str, Bools]
    """(n_targets,) no other source has it among its first DEPTHS[1]."""
    candidates: Float64
    """(n_depths,) mean products in the union of the sources."""


def brought(timeline: Timeline, task: Task, tables: ShopTables, first_weights: Float32, tick: Tick) -> Brought:
    """Every source asked for every request of a task, under the task's restriction; tables: of what lies before."""
    cases, depth = task.cases, DEPTHS[-1]
    kept = kept_by_first_score(timeline, task, tables, first_weights)
    parts: list[dict[str, Bools]] = []
    sizes = np.zeros((len(cases), len(DEPTHS)))
    for row in range(len(cases)):
        permitted = task.restriction.mask(row)[tables.vocabulary.code]
        target = tables.vocabulary.item_of_code[cases.target[row]]
        scores = source_scores(known_of(timeline, cases, row, tables), tables)
        lists = {name: first(score, permitted, depth) for name, score in scores.items()} | {KEPT: kept[row]}
        parts.append({name: np.stack([np.isin(target, items[:k]) for k in DEPTHS]) for name, items in lists.items()})
        sizes[row] = [len(np.unique(np.concatenate([lists[name][:k] for name in scores]))) for k in DEPTHS]
        tick(row + 1, len(cases))
    found = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    by_source = np.stack([hits for name, hits in found.items() if name != KEPT])
    once = by_source[:, 1].sum(axis=0) == 1
    alone = {name: hits[1] & once for name, hits in found.items() if name != KEPT}
    return Brought({**found, UNION: np.asarray(by_source.any(axis=0))}, alone, sizes.mean(axis=0))


def kept_by_first_score(timeline: Timeline, task: Task, tables: ShopTables, first_weights: Float32) -> list[Int64]:
    """For each request the permitted items that the first score keeps for the trees, the best first."""
    kept: list[Int64] = [np.zeros(0, dtype=np.int64)] * len(task.cases)
    for found in Featuriser(tables, first_weights).run(timeline, task.cases, lambda done, of: None):
        for place, row in enumerate(found.rows.tolist()):
            item = found.item[place][found.valid(tables.n_items)[place]]
            score = found.first_score[place][found.valid(tables.n_items)[place]]
            permitted = task.restriction.mask(row)[tables.vocabulary.code[item]]
            kept[row] = item[permitted][np.argsort(-score[permitted], kind="stable")]
    return kept
