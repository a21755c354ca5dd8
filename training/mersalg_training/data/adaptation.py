"""What a job sets otherwise than usual because of the kind of history that it gets, each by name and with its cause."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil, sqrt
from typing import Any, Final

import numpy as np

from mersalg_training.config import Config, RankerConfig, RetrieveConfig, SplitConfig
from mersalg_training.data.shop_statistics import ShopStatistics
from mersalg_training.data.split import DAY, EPOCH, Windows, split_windows, to_day, unevenness
from mersalg_training.data.timeline import Float64

ENOUGH_ORDERS: Final = 10_000
"""So many orders in the rank window bear the configured trees."""
MANY_LINES: Final = 50_000
"""From so many lines in the rank window on there are MANY_TREES, unless a number is configured."""
MANY_TREES: Final = 150
MIN_LEAVES: Final = 7
MAX_PENALTY: Final = 5.0
"""Times the configured one."""
SHORT_HORIZON: Final = 7.0
LONG_HORIZON: Final = 28.0
"""Longest horizon in days of a shop whose customers come often."""
WHOLE_SHELF: Final = 150
"""Where no more products are sold, all of them are candidates of every request."""
USUAL_GAP: Final = 7.0
"""Days between two visits, where no customer is known."""


@dataclass(frozen=True)
class Adaptation:
    """One setting that was adapted."""

    setting: str
    value: str
    usual: str
    """What it would be otherwise."""
    because: str
    """The statistic that caused it, in words."""

    def sentence(self) -> str:
        """The adaptation for people."""
        return f"{self.setting}: {self.value} instead of {self.usual}, for {self.because}"

    def to_json(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Adapted:
    """A configuration made to fit a history."""

    config: Config
    """With the horizon resolved; what the manifest holds."""
    fitting: Config
    """The same with the ranker that is fitted. Not for the manifest: a job that starts from it would adapt twice."""
    told: list[Adaptation]


def adapt(config: Config, statistics: ShopStatistics, windows: Windows, order_days: Float64) -> Adapted:
    """The configuration for a history of these statistics and windows.

    order_days: (n,) days since 1970-01-01 of all orders. What is configured stays as it is, but for
    counts.follow_days, which is a least, and the ranker's leaves and penalty, which are those of ENOUGH_ORDERS.
    """
    told = adapt_windows(windows, config.split, order_days)
    horizon_days = config.label.horizon_days
    if horizon_days is None:
        horizon_days, more = adapt_horizon(statistics, windows)
        told += more
    config = config.model_copy(update={"label": config.label.model_copy(update={"horizon_days": horizon_days})})
    follow_days, more = adapt_follow_days(config.counts.follow_days, statistics)
    told += more
    config = config.model_copy(update={"counts": config.counts.model_copy(update={"follow_days": follow_days})})
    retrieve, more = adapt_retrieve(config.retrieve, statistics)
    told += more
    config = config.model_copy(update={"retrieve": retrieve})
    ranker, more = adapt_ranker(config.ranker, statistics, windows, order_days)
    return Adapted(config, config.model_copy(update={"ranker": ranker}), told + more)


def adapt_windows(windows: Windows, config: SplitConfig, order_days: Float64) -> list[Adaptation]:
    """What `split_windows` did: nothing, or windows by orders in place of those by days."""
    by_days = split_windows(from_day(order_days.min()), from_day(order_days.max()), config)
    why = unevenness(by_days, config, order_days)
    if why is None or windows == by_days:
        return []
    return [Adaptation("split", days_of(windows), days_of(by_days), why)]


def from_day(day: float) -> datetime:
    """The time of days since 1970-01-01."""
    return EPOCH + float(day) * DAY


def days_of(windows: Windows) -> str:
    """The length of each window: `fit 65, rank 15, calibrate 10, test 10 days`."""
    return ", ".join(f"{name} {(end - first) // DAY}" for name, (first, end) in windows.bounds().items()) + " days"


def adapt_horizon(statistics: ShopStatistics, windows: Windows) -> tuple[float, list[Adaptation]]:
    """The horizon in days where none is configured: two visits, from SHORT_HORIZON to LONG_HORIZON.

    Where customers come so rarely that two visits take longer, it is up to a third of the shorter of the windows that
    rank and calibrate: a horizon has to fit into a window twice.
    """
    gap = USUAL_GAP if statistics.order_gap_days is None else statistics.order_gap_days
    usual = float(np.clip(ceil(2.0 * gap), SHORT_HORIZON, LONG_HORIZON))
    bounds = windows.bounds()
    shorter = min(bounds[name][1] - bounds[name][0] for name in ("rank", "calibrate")) // DAY
    horizon = float(np.clip(ceil(2.0 * gap), SHORT_HORIZON, max(LONG_HORIZON, shorter // 3)))
    if horizon == usual:
        return usual, []
    because = f"a customer's visits lie {gap:.0f} days apart"
    return horizon, [Adaptation("label.horizon_days", f"{horizon:.0f}", f"{usual:.0f}", because)]


def adapt_follow_days(follow_days: float, statistics: ShopStatistics) -> tuple[float, list[Adaptation]]:
    """At least two gaps between a customer's visits: else hardly an order follows another closely enough to count."""
    gap = statistics.order_gap_days
    if gap is None or 2.0 * gap <= follow_days:
        return follow_days, []
    wide = float(ceil(2.0 * gap))
    because = f"a customer's visits lie {gap:.0f} days apart"
    return wide, [Adaptation("counts.follow_days", f"{wide:.0f}", f"{follow_days:.0f}", because)]


def adapt_retrieve(config: RetrieveConfig, statistics: ShopStatistics) -> tuple[RetrieveConfig, list[Adaptation]]:
    """All products as candidates where at most WHOLE_SHELF are sold, unless a number is configured.

    What no source brings is out of reach.
    """
    products, is_given = statistics.products, "popular_candidates" in config.model_fields_set
    if is_given or products > WHOLE_SHELF or products <= config.popular_candidates:
        return config, []
    because = f"{products} products are sold"
    told = Adaptation("retrieve.popular_candidates", str(products), str(config.popular_candidates), because)
    return config.model_copy(update={"popular_candidates": products}), [told]


def adapt_ranker(
    config: RankerConfig, statistics: ShopStatistics, windows: Windows, order_days: Float64
) -> tuple[RankerConfig, list[Adaptation]]:
    """More trees where much was bought in the rank window; smaller and more strongly penalised ones of few orders.

    Requests made of the same order are alike, so orders are counted, not requests. The leaves shrink with the root of
    the share of ENOUGH_ORDERS, to MIN_LEAVES at least; the penalty grows with its inverse.
    """
    first, end = (to_day(time) for time in windows.bounds()["rank"])
    orders = int(np.count_nonzero((order_days >= first) & (order_days < end)))
    config, more = adapt_trees(config, round(orders * statistics.lines / max(1, statistics.orders)))
    share = max(1, orders) / ENOUGH_ORDERS
    if share >= 1.0:
        return config, more
    leaves = min(config.leaves, max(MIN_LEAVES, round(config.leaves * sqrt(share))))
    penalty = round(config.leaf_penalty * min(MAX_PENALTY, 1.0 / share), 1)
    because = f"{orders:,} orders in the rank window"
    result = [*more, Adaptation("ranker.leaves", str(leaves), str(config.leaves), because)]
    if penalty != config.leaf_penalty:
        result.append(Adaptation("ranker.leaf_penalty", f"{penalty:g}", f"{config.leaf_penalty:g}", because))
    return config.model_copy(update={"leaves": leaves, "leaf_penalty": penalty}), result


def adapt_trees(config: RankerConfig, lines: int) -> tuple[RankerConfig, list[Adaptation]]:
    """MANY_TREES from MANY_LINES lines in the rank window on."""
    if lines < MANY_LINES or "trees" in config.model_fields_set:
        return config, []
    told = Adaptation("ranker.trees", str(MANY_TREES), str(config.trees), f"about {lines:,} lines in the rank window")
    return config.model_copy(update={"trees": MANY_TREES}), [told]
