"""Which products extend another, by the orders before a window: the rule of an add-on, applied to exact counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from mersalg_training.config import KindsConfig
from mersalg_training.data.timeline import Float64, Int64, Timeline
from mersalg_training.ranking.cases import Ragged
from mersalg_training.tables.association import lift_of, surely_above_chance
from mersalg_training.tables.kinds import extends


@dataclass(frozen=True)
class Baskets:
    """The orders before a window."""

    bought: sp.csr_array
    """(n_orders, n_products) float32, 1 where an order holds a product."""
    holding: Float64
    """(n_products,) orders that hold the product."""


def baskets_before(timeline: Timeline, before_day: float) -> Baskets:
    """The orders before a day (days since 1970-01-01)."""
    before = timeline.line_day < before_day
    order, n = timeline.line_order[before], len(timeline.product_ids)
    ones = np.ones(len(order), dtype=np.float32)
    bought = sp.csr_array((ones, (order, timeline.line_product[before])), shape=(timeline.n_orders, n))
    return Baskets(bought, np.asarray(bought.sum(axis=0), dtype=np.float64))


def bought_at_all(baskets: Baskets) -> int:
    """How many products an order holds."""
    return int(np.count_nonzero(baskets.holding))


def extensions(baskets: Baskets, anchors: Int64, price: Float64, config: KindsConfig) -> Ragged:
    """For each anchor the products that extend it (`kinds.extends`), ascending; every order counts for a customer.

    anchors: (n,) distinct product codes; price: (n_products,), NaN where unknown.
    """
    of_anchors = baskets.bought[:, anchors].T
    pairs = (of_anchors @ baskets.bought).tocoo()
    usable = anchors[pairs.row] != pairs.col
    row, product = pairs.row[usable].astype(np.int64), pairs.col[usable].astype(np.int64)
    together = pairs.data[usable].astype(np.float64)
    size = np.asarray(baskets.bought.sum(axis=1), dtype=np.float64)
    company = np.asarray(of_anchors @ np.maximum(size - 1.0, 0.0), dtype=np.float64)
    holding = baskets.holding
    lift = lift_of(together, company[row], holding[product] / (size.sum() - holding[anchors[row]]))
    orders, prices = ((of[anchors[row]], of[product]) for of in (holding, price))
    surely = surely_above_chance(lift, together, len(anchors) * bought_at_all(baskets), config)
    extending = extends((lift >= config.least_lift) & surely, orders, prices, config)
    row, product = row[extending], product[extending]
    order = np.lexsort((product, row))
    found = np.bincount(row, minlength=len(anchors))
    return Ragged(product[order], np.concatenate([[0], np.cumsum(found)]).astype(np.int64))
