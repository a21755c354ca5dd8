# Kept as it ran at commit 19998fd, there benchmarks/quality/variants.py; not brought up to later code.
"""Models that lack something, or have more of it, asked the same requests of the calibrate window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mersalg.errors import DataError
from mersalg_training.answers import bundle_scorer, time_to_day
from mersalg_training.config import Config
from mersalg_training.evaluate import permitted
from mersalg_training.graph.features import STATISTICS
from mersalg_training.graph.request import OWN_COLUMNS
from mersalg_training.graph.retrieve import CHANNELS
from mersalg_training.graph.tables import ShopTables
from mersalg_training.learn import Purchased, RankerRows, fit_trees, ranker_rows
from mersalg_training.metrics import NDCG, RECALL, Resamples, request_metrics, resample_customers
from mersalg_training.neighbours import ANCHOR_CHANNELS, NeighbourTable
from mersalg_training.progress import unseen
from mersalg_training.rankers import FittedTrees
from mersalg_training.ranking import Matrix
from mersalg_training.shop import factorise
from mersalg_training.tasks import Task
from mersalg_training.timeline import Float64, Int64
from mersalg_training.tuning.bench import open_bench, scorer, tables_before

METRICS = (NDCG, RECALL)
TASKS = (
    "completion, explore", "completion, anonymous", "cold start, empty cart", "next basket, repeat",
    "next basket, explore", "upsell, in type when viewed", "add-on, by asymmetry", "replacement, due",
)  # fmt: skip
"""A task of each question; the others move with them."""
Values = dict[str, dict[str, Float64]]
"""Task -> metric -> (n,) its value for each request."""
Sides = tuple[FittedTrees, FittedTrees]


@dataclass(frozen=True)
class Shop:
    """The purchases without their test window, and what every variant starts from."""

    purchased: Purchased
    fitting: Config
    """With the trees that are fitted."""
    early: ShopTables
    """Of what lies before the rank window; their configuration draws the training requests."""
    late: ShopTables
    """Of what lies before the calibrate window, on which variants are asked."""
    tasks: dict[str, Task]
    """Of the calibrate window, those without a request left out."""
    draws: dict[str, Resamples]


def open_shop(purchased: Purchased, config: Config, queries: int) -> Shop:
    """Count, factorise, and make the requests."""
    bench = open_bench(purchased, config, queries)
    adapted, kept = bench.adapted(config), bench.purchased
    early = tables_before(kept, kept.windows.rank_from, adapted.config, None)
    late = tables_before(kept, kept.windows.calibrate_from, adapted.config, early.rhythm)
    tasks = {task.label: task for task in bench.tasks}
    random = np.random.default_rng([config.seed, 3])
    draws = {name: resample_customers(task.cases.customer, task.cases.order, random) for name, task in tasks.items()}
    return Shop(kept, adapted.fitting, early, late, tasks, draws)


def ask(shop: Shop, rows: RankerRows, trees: Sides) -> Values:
    """The scorer of these trees on every task of TASKS, as `mersalg evaluate` asks a bundle."""
    score = bundle_scorer(scorer(shop.purchased, shop.late, rows, *trees), shop.purchased.timeline)
    found = {}
    for task in (shop.tasks[name] for name in TASKS if name in shop.tasks):
        values = request_metrics(permitted(score, task), task.cases.target, {})
        found[task.label] = {metric: values[metric] for metric in METRICS}
    return found


def learned(shop: Shop) -> tuple[RankerRows, Sides]:
    """The rows of a shop's rankers, and its rankers."""
    rows = ranker_rows(shop.purchased, shop.early, unseen())
    return rows, fit_trees(rows, shop.fitting, unseen())


def answers(shop: Shop) -> Values:
    """Learn a shop and ask it."""
    return ask(shop, *learned(shop))


def with_settings(shop: Shop, section: str, **settings: Any) -> Shop:
    """The shop with other settings of a section that its tables do not depend on."""

    def changed(config: Config) -> Config:
        return config.model_copy(update={section: getattr(config, section).model_copy(update=settings)})

    early, late = (replace(tables, config=changed(tables.config)) for tables in (shop.early, shop.late))
    return replace(shop, fitting=changed(shop.fitting), early=early, late=late)


def with_seed(shop: Shop, seed: int) -> Shop:
    """The shop with another draw of factors, training requests, rows and trees; it is asked the same requests."""
    windows, timeline = shop.purchased.windows, shop.purchased.timeline
    config = shop.early.config.model_copy(update={"seed": seed})
    tables = []
    for table, end in ((shop.early, windows.rank_from), (shop.late, windows.calibrate_from)):
        factors, taste = factorise(timeline, table.vocabulary, time_to_day(end), config)
        tables.append(replace(table, factors=factors, taste=taste, config=config))
    fitting = shop.fitting.model_copy(update={"seed": seed})
    return replace(shop, fitting=fitting, early=tables[0], late=tables[1])


def emptied(table: NeighbourTable, no_item: int, channel: int | None = None) -> NeighbourTable:
    """The table without a channel and the pairs that only this channel knows; None = without any pair."""
    values = table.values.copy()
    values[..., slice(None) if channel is None else channel] = 0.0
    return NeighbourTable(np.where((values > 0.0).any(axis=2), table.items, no_item).astype(np.int32), values)


def without_table(shop: Shop, *tables: tuple[str, int | None]) -> Shop:
    """The shop with neighbour tables emptied, each as a whole or in one channel."""

    def without(of: ShopTables) -> ShopTables:
        neighbours = of.neighbours
        for name, channel in tables:
            less: dict[str, Any] = {name: emptied(getattr(neighbours, name), of.n_items, channel)}
            neighbours = replace(neighbours, **less)
        return replace(of, neighbours=neighbours)

    return replace(shop, early=without(shop.early), late=without(shop.late))


FOLLOW, NEAR, LADDER = (ANCHOR_CHANNELS.index(name) for name in ("follow", "near", "ladder"))
SOURCES: dict[str, Callable[[Shop], Shop]] = {
    "basket neighbours": lambda shop: without_table(shop, ("cart", None)),
    "bought first afterwards": lambda shop: without_table(shop, ("anchor", FOLLOW)),
    "near own products": lambda shop: without_table(shop, ("anchor", NEAR)),
    "products of types": lambda shop: without_table(shop, ("popular_of_type", None)),
    "taste": lambda shop: with_settings(shop, "retrieve", taste_candidates=1),
    "price ladder": lambda shop: without_table(shop, ("ladder", None), ("anchor", LADDER)),
    "popular": lambda shop: with_settings(shop, "retrieve", popular_candidates=1),
}
"""Source -> a shop without it. Own products are left out: without them nothing is bought again."""

FEATURES: dict[str, tuple[str, ...]] = {
    "own": (*OWN_COLUMNS, "own_long", "own_short", "due"),
    "statistics": STATISTICS,
    "factors": ("taste", "cart_fit"),
    "pair signals": (*CHANNELS, "closest", "has_anchor"),
    "request": ("moment", "cart_size", "orders_made", "last_order_days", "order_gap_days", "retrieved"),
    "type": ("cart_affinity", "own_affinity", "share_of_own", "like_cart"),
    "first score, kind": ("first_score", "kind"),
}
"""Group -> its features; any other belongs to the group that its name begins with: type, category, brand, price."""


def group_of(feature: str) -> str:
    """The group of a feature; DataError where a new one has none."""
    group = next((group for group, names in FEATURES.items() if feature in names), feature.partition("_")[0])
    if group not in (*FEATURES, "category", "brand", "price"):
        raise DataError(f"benchmarks/quality: feature {feature} is in no group; add it to FEATURES")
    return group


def feature_groups(rows: RankerRows) -> dict[str, Int64]:
    """Group -> the columns of its features."""
    groups = [group_of(name) for name in rows.feature_names]
    return {group: np.flatnonzero([group == other for other in groups]) for group in dict.fromkeys(groups)}


def without_columns(rows: RankerRows, columns: Sequence[int] | Int64) -> RankerRows:
    """The rows with columns held constant, so that no tree splits on them."""

    def held(matrix: Matrix) -> Matrix:
        X = matrix.X.copy()
        X[:, columns] = 0.0
        return replace(matrix, X=X)

    return replace(rows, own=held(rows.own), new=held(rows.new))


def trees_without_start(shop: Shop, rows: RankerRows) -> Sides:
    """Trees that do not add to the first score, but begin with the log-odds of their side; they still see it."""
    odds = [float(np.log(m.y.sum() / (m.weight.sum() - m.y.sum()))) for m in (rows.own, rows.new)]
    own, new = (
        replace(m, first_score=np.full_like(m.first_score, start))
        for m, start in zip((rows.own, rows.new), odds, strict=True)
    )
    fitted = fit_trees(replace(rows, own=own, new=new), shop.fitting, unseen())
    tables = [
        replace(side.table, base_score=side.table.base_score + start, adds_to_start=False)
        if side.table.adds_to_start
        else side.table
        for side, start in zip(fitted, odds, strict=True)
    ]
    return replace(fitted[0], table=tables[0]), replace(fitted[1], table=tables[1])


def no_trees(trees: Sides) -> Sides:
    """Trees that add nothing to the first score."""

    def silent(side: FittedTrees) -> FittedTrees:
        nothing = np.zeros_like(side.table.leaf_value)
        return replace(side, table=replace(side.table, leaf_value=nothing, base_score=0.0, adds_to_start=True))

    own, new = map(silent, trees)
    return own, new
