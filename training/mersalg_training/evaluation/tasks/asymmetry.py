"""Which products extend another, by the orders before a window: the rule of an add-on, applied to exact counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp

from mersalg_training.config import KindsConfig
from mersalg_training.data.timeline import Float64, Int64, Timeline
from mersalg_training.ranking.cases import Ragged
from mersalg_training.tables.kinds import directed

MIN_PAIRS: Final = 2
"""A pair seen in fewer orders is an accident, however significant it looks."""


@dataclass(frozen=True)
class Baskets:
    """The orders before a window."""

    bought: sp.csr_array
    """(n_orders, n_products) float32, 1 where an order holds a product."""
    holding: Float64
    """(n_products,) orders that hold the product."""
    orders: int
    """How many in all."""


def baskets_before(timeline: Timeline, before_day: float) -> Baskets:
    """The orders before a day (days since 1970-01-01)."""
    before = timeline.line_day < before_day
    order, n = timeline.line_order[before], len(timeline.product_ids)
    ones = np.ones(len(order), dtype=np.float32)
    bought = sp.csr_array((ones, (order, timeline.line_product[before])), shape=(timeline.n_orders, n))
    return Baskets(bought, np.asarray(bought.sum(axis=0), dtype=np.float64), len(np.unique(order)))


def extensions(baskets: Baskets, anchors: Int64, config: KindsConfig) -> Ragged:
    """For each anchor the products that extend it (`kinds.directed`) in at least MIN_PAIRS orders, ascending.

    anchors: (n,) distinct product codes.
    """
    pairs = (baskets.bought[:, anchors].T @ baskets.bought).tocoo()
    usable = (pairs.data >= MIN_PAIRS) & (anchors[pairs.row] != pairs.col)
    row, product = pairs.row[usable].astype(np.int64), pairs.col[usable].astype(np.int64)
    together = pairs.data[usable].astype(np.float64)
    one_way = directed(together, baskets.holding[anchors[row]], baskets.holding[product], baskets.orders, config)
    row, product = row[one_way], product[one_way]
    order = np.lexsort((product, row))
    size = np.bincount(row, minlength=len(anchors))
    return Ragged(product[order], np.concatenate([[0], np.cumsum(size)]).astype(np.int64))
