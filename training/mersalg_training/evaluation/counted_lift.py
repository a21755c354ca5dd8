"""Size-corrected lift, counted from the orders before a window by itself: what an evaluation judges offers by.

A large order holds everything, so that raw lift makes best-sellers the companions of all. Here the expected orders with
both products are what each order with the anchor would hold if it drew its other products by popularity alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mersalg_training.data.timeline import Float64, Int64, Timeline
from mersalg_training.evaluation.tasks.asymmetry import Baskets, baskets_before


@dataclass(frozen=True)
class Companions:
    """What was bought with some anchors, a row for each pair (anchor, product), by anchor."""

    anchor: Int64
    """Product code."""
    product: Int64
    together: Float64
    """Orders with both."""
    lift: Float64
    confidence: Float64
    """Orders with both, of those with the anchor."""


@dataclass(frozen=True)
class CountedLift:
    """The orders before a window, as counts of pairs need them."""

    baskets: Baskets

    @cached_property
    def others(self) -> Float64:
        """(n_products,) for each product the other lines of the orders that hold it."""
        size = np.asarray(self.baskets.bought.sum(axis=1), dtype=np.float64)
        return np.asarray(self.baskets.bought.T @ np.maximum(size - 1.0, 0.0), dtype=np.float64)

    def companions(self, anchors: Int64, at_least: int = 1) -> Companions:
        """Every product that so many orders hold beside one of the anchors, (n,) ascending distinct product codes."""
        bought, holding = self.baskets.bought, self.baskets.holding
        pairs = (bought[:, anchors].T @ bought).tocoo()
        kept = np.flatnonzero((pairs.data >= at_least) & (anchors[pairs.row] != pairs.col))
        kept = kept[np.lexsort((pairs.col[kept], pairs.row[kept]))]
        anchor, product = anchors[pairs.row[kept]], pairs.col[kept].astype(np.int64)
        together = pairs.data[kept].astype(np.float64)
        expected = self.others[anchor] * holding[product] / (holding.sum() - holding[anchor])
        return Companions(anchor, product, together, together / expected, together / holding[anchor])

    def of(self, anchor: Int64, product: Int64) -> Float64:
        """(n,) the lift of each pair; 0 where no order holds both."""
        beside = self.companions(np.unique(anchor))
        n = np.int64(len(self.baskets.holding))
        keys, asked = beside.anchor * n + beside.product, anchor * n + product
        if not len(keys):
            return np.zeros(len(asked))
        place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return np.where(keys[place] == asked, beside.lift[place], 0.0)


def counted_lift(timeline: Timeline, before_day: float) -> CountedLift:
    """The lift by the orders before a day (days since 1970-01-01)."""
    return CountedLift(baskets_before(timeline, before_day))
