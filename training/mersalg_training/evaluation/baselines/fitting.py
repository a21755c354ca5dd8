"""Every baseline by name: what it needs, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final, Literal, NamedTuple

import numpy as np

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.baselines.bought import customers_before
from mersalg_training.evaluation.baselines.catalogue import ScoredCatalogue, Scorer
from mersalg_training.evaluation.baselines.ease import fit_ease
from mersalg_training.evaluation.baselines.factorised import fit_als, fit_bpr
from mersalg_training.evaluation.baselines.item_item import (
    CoPurchases,
    count_pairs,
    fit_bm25,
    fit_confidence,
    fit_cosine,
    fit_lift,
    fit_softened_cosine,
)
from mersalg_training.evaluation.baselines.neighbours import fit_tifu_knn, fit_upcf
from mersalg_training.evaluation.baselines.own import fit_own
from mersalg_training.evaluation.baselines.popularity import RECENT_DAYS, fit_popularity
from mersalg_training.evaluation.baselines.sar import fit_sar
from mersalg_training.evaluation.baselines.two_stage import fit_two_stage
from mersalg_training.evaluation.methods import RankingMethod

Need = Literal["nothing", "customers", "pairs"]
Tell = Callable[[str, int, int], None]
"""Called with what is fitted, how many are done, of how many."""
Skip = Callable[[str, str], None]
"""Called with the name of a method that cannot be fitted, and the reason."""

LACKING: Final[Mapping[Need, str]] = {
    "customers": "no customer is known before the test window",
    "pairs": "no order before the test window holds two products",
}
TWO_STAGE: Final = "two-stage"


class Fitting:
    """What methods are fitted on: the lines before a day, the seed, and the pairs, counted once."""

    def __init__(self, timeline: Timeline, before_day: float, seed: int) -> None:
        self.timeline = timeline
        self.day = before_day
        self.seed = seed

    @cached_property
    def pairs(self) -> CoPurchases:
        """Orders that hold two products."""
        return count_pairs(self.timeline, self.day)

    def lacks(self, need: Need) -> bool:
        """The lines before the day do not hold what a method needs."""
        if need == "customers":
            return not len(customers_before(self.timeline, self.day))
        lines = np.diff(self.timeline.order_start)[self.timeline.order_day < self.day]
        return need == "pairs" and not np.any(lines >= 2)


class Method(NamedTuple):
    """A single method."""

    name: str
    need: Need
    fit: Callable[[Fitting], Scorer]


QUICK: Final = (
    Method("popularity", "nothing", lambda f: fit_popularity(f.timeline, f.day)),
    Method("popularity of 28 days", "nothing", lambda f: fit_popularity(f.timeline, f.day, RECENT_DAYS)),
    Method("own most frequent", "nothing", lambda f: fit_own(f.timeline, f.day)),
    Method("item-item confidence", "pairs", lambda f: fit_confidence(f.timeline, f.day, f.pairs)),
    Method("item-item cosine", "pairs", lambda f: fit_cosine(f.timeline, f.day, f.pairs)),
)
"""Fitted whenever a bundle is evaluated."""

MORE: Final = (
    Method("own alone", "customers", lambda f: fit_own(f.timeline, f.day, back_off=False)),
    Method("own with decay", "customers", lambda f: fit_own(f.timeline, f.day, decay=True)),
    Method("item-item lift", "pairs", lambda f: fit_lift(f.timeline, f.day, f.pairs)),
    Method("item-item softened cosine, sum", "pairs", lambda f: fit_softened_cosine(f.timeline, f.day, "sum", f.pairs)),
    Method(
        "item-item softened cosine, maximum",
        "pairs",
        lambda f: fit_softened_cosine(f.timeline, f.day, "maximum", f.pairs),
    ),
    Method("item-item BM25", "pairs", lambda f: fit_bm25(f.timeline, f.day)),
    Method("EASE by order", "pairs", lambda f: fit_ease(f.timeline, f.day, "order")),
    Method("EASE by customer", "customers", lambda f: fit_ease(f.timeline, f.day, "customer")),
    Method("ALS by order", "pairs", lambda f: fit_als(f.timeline, f.day, "order", f.seed)),
    Method("ALS by customer", "customers", lambda f: fit_als(f.timeline, f.day, "customer", f.seed)),
    Method("BPR", "customers", lambda f: fit_bpr(f.timeline, f.day, f.seed)),
    Method("SAR", "customers", lambda f: fit_sar(f.timeline, f.day)),
    Method("UP-CF", "customers", lambda f: fit_upcf(f.timeline, f.day)),
    Method("TIFU-KNN", "customers", lambda f: fit_tifu_knn(f.timeline, f.day)),
)
"""Fitted when every baseline is asked for, and after them the two-stage model."""


def silent(what: str, done: int, of: int) -> None:
    """Tell nobody."""


def fit_baselines(
    timeline: Timeline,
    attributes: Attributes,
    before_day: float,
    random: np.random.Generator,
    *,
    everything: bool = False,
    tell: Tell = silent,
    skip: Skip = lambda name, reason: None,
) -> list[RankingMethod]:
    """The quick baselines, or every one, fitted on the lines before a day (days since 1970-01-01).

    Of equal scores the order is that of one random permutation. A method that lacks what it needs is left out, and
    `skip` is told why.
    """
    tie_place = random.permutation(len(timeline.product_ids)).astype(np.int64)
    fitting = Fitting(timeline, before_day, int(random.integers(2**31)))
    methods = (*QUICK, *MORE) if everything else QUICK
    result: list[RankingMethod] = []
    for done, method in enumerate(methods):
        tell(method.name, done, len(methods))
        if fitting.lacks(method.need):
            skip(method.name, LACKING[method.need])
        else:
            result.append(ScoredCatalogue(method.name, method.fit(fitting).score, tie_place))
    if everything:
        tell(TWO_STAGE, 0, 1)
        two_stage = fit_two_stage(timeline, attributes, before_day, random, lambda done, of: tell(TWO_STAGE, done, of))
        if two_stage is None:
            skip(TWO_STAGE, "too few orders before the test window to train it")
        else:
            result.append(two_stage)
    return result
