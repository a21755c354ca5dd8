"""How a setting is judged: fitted as a training job fits, then asked the tasks of `evaluate` on the calibrate window.

What does not depend on the settings that changed since the last trial is not computed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from mersalg.errors import DataError
from mersalg.recommender import Recommender
from mersalg_training.config import Config
from mersalg_training.data.adaptation import Adapted, adapt
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.shop_statistics import measure_shop
from mersalg_training.evaluation.bundle_method import BundleMethod
from mersalg_training.evaluation.metrics import NDCG, K, request_metrics
from mersalg_training.evaluation.tasks.anchored import make_tasks
from mersalg_training.evaluation.tasks.task import Task
from mersalg_training.learn import Purchased, RankerRows, Rankers, fit_trees, ranker_rows, uncalibrated_scorer
from mersalg_training.progress import quiet, unseen
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.relations import as_it_was
from mersalg_training.tables.shop_tables import Rhythm, ShopTables
from mersalg_training.tuning.windows import without_test_window

PLACES: Final = 5
"""Decimals of a request's NDCG that the study keeps, and that all is computed from, before a stop as after it."""
IN_THE_GRAPH: Final = (
    "own_anchors", "types", "taste_candidates", "popular_candidates", "own_candidates", "new_candidates",
    "unsold_candidates",
)  # fmt: skip
"""Keys of `retrieve` on which the tables do not depend."""
OF_TREES: Final = ("kind", "trees", "leaves", "learning_rate", "min_leaf_rows", "feature_share", "leaf_penalty")
"""Keys of `ranker` on which the rows that fit the trees do not depend."""

Tell = Callable[[str], None]
"""Called with the name of the stage that begins."""


@dataclass(frozen=True)
class Judged:
    """What a setting reached."""

    ndcg: dict[str, list[float]]
    """Task -> NDCG@10 of each of its requests."""
    seconds: dict[str, float]
    """Stage -> seconds; a stage whose result was there already is missing."""


class Latest:
    """Keeps the last value that was made for each name, for as long as its key stays the same."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Hashable, Any]] = {}

    def get(self, name: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """The kept value, or a new one that takes its place."""
        if name not in self._kept or self._kept[name][0] != key:
            self._kept.pop(name, None)  # makes room first
            self._kept[name] = (key, make())
        return self._kept[name][1]


@dataclass
class Bench:
    """The purchases without their test window, the tasks that all trials are asked, and what may be used again."""

    purchased: Purchased
    tasks: list[Task]
    adapted: Callable[[Config], Adapted]
    """Makes a configuration fit this history, as a training job does."""
    latest: Latest = field(default_factory=Latest)

    def judge(self, config: Config, tell: Tell) -> Judged:
        """Fit and ask; DataError where nothing can be fitted."""
        seconds: dict[str, float] = {}

        def timed(name: str, title: str, key: Hashable, make: Callable[[], Any]) -> Any:
            def run() -> Any:
                tell(title)
                start = time.monotonic()
                made = make()
                seconds[name] = time.monotonic() - start
                return made

            return self.latest.get(name, key, run)

        adapted = self.adapted(config)
        config, fitting = adapted.config, adapted.fitting
        by_tables, by_rows = tables_key(config), rows_key(config)
        windows, purchased = self.purchased.windows, self.purchased
        early: ShopTables = timed(
            "tables", "counting", by_tables, lambda: tables_before(purchased, windows.rank_from, config, None)
        )
        late: ShopTables = timed(
            "later_tables",
            "counting",
            by_tables,
            lambda: tables_before(purchased, windows.calibrate_from, config, early.rhythm),
        )
        rows: RankerRows = timed(
            "rows", "featurising", by_rows, lambda: ranker_rows(purchased, replace(early, config=config), unseen())
        )
        rankers: Rankers = timed("trees", "fitting", repr(fitting), lambda: fit_trees(rows, fitting, unseen()))
        late = replace(late, config=config)
        ndcg = timed(
            "tasks", "asking", repr(fitting), lambda: self.ask(uncalibrated_scorer(purchased, late, rows, rankers))
        )
        return Judged(ndcg, seconds)

    def ask(self, recommender: Recommender) -> dict[str, list[float]]:
        """Task -> NDCG@10 of each request."""
        bundle = BundleMethod(recommender, self.purchased.timeline)
        result = {}
        for task in self.tasks:
            ranked = bundle.rank(task.cases, task.restriction, K, task.kinds)
            values = request_metrics(ranked, task.cases.target, {})[NDCG]
            result[task.label] = np.round(values, PLACES).tolist()
        return result


def open_bench(purchased: Purchased, config: Config, queries: int) -> Bench:
    """The bench of all trials; tasks of at most `queries` requests, those without a request left out.

    The tasks are made with the configuration as it stands. DataError if there is none.
    """
    kept = without_test_window(purchased)
    windows, order_days = purchased.windows, purchased.history.order_day
    statistics = measure_shop(kept.history, kept.attributes, time_to_day(windows.rank_from))

    def adapted(config: Config) -> Adapted:
        return adapt(config, statistics, windows, order_days)  # of the days only those of the rank window set anything

    window = time_to_day(windows.calibrate_from), time_to_day(windows.test_from)
    random, horizon = np.random.default_rng([config.seed, 2]), adapted(config).config.label.horizon_days
    tasks, _ = make_tasks(kept.timeline, kept.attributes, window, config.kinds, queries, random, horizon)
    asked = [task for task in tasks if len(task.cases)]
    if not asked:
        days = f"{windows.calibrate_from:%Y-%m-%d} to {windows.test_from:%Y-%m-%d}"
        raise DataError(
            f"mersalg tune: expected orders from {days} of which requests can be made, got none; "
            "widen split.calibrate_days"
        )
    return Bench(kept, asked, adapted)


def tables_key(config: Config) -> str:
    """Equal for two configurations whose tables are equal."""
    sections = config.model_dump(exclude={"data", "contract", "tracking", "thresholds", "name", "ranker"})
    return repr(sections | {"retrieve": {k: v for k, v in sections["retrieve"].items() if k not in IN_THE_GRAPH}})


def rows_key(config: Config) -> str:
    """Equal for two configurations whose trees are fitted on equal rows."""
    sections = config.model_dump(exclude={"data", "contract", "tracking", "thresholds", "name"})
    return repr(sections | {"ranker": {k: v for k, v in sections["ranker"].items() if k not in OF_TREES}})


def tables_before(purchased: Purchased, end: Any, config: Config, rhythm: Rhythm | None) -> ShopTables:
    """Tables of what lies before a time."""
    history, day = purchased.history, time_to_day(end)
    then = as_it_was(purchased.attributes, history.sold_before(day))
    return learn_shop(history, then, day, config, quiet, rhythm)
