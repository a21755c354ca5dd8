"""What the histories of some requests say of the customers, added up by product, type, category and brand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.evaluation.baselines.two_stage.facts import SAME_DAY, ProductFacts, group_extreme
from mersalg_training.ranking.cases import Cases

SHORT_HALF_LIFE: Final = 14.0
LONG_HALF_LIFE: Final = 56.0
"""Half-lives in days of the customer's decayed counts."""


@dataclass(frozen=True)
class Tally:
    """Sums by key; a key that is not there has the default."""

    keys: Int64
    """(n_keys,) ascending."""
    sums: dict[str, Float64]

    def get(self, name: str, keys: Int64, default: float = 0.0) -> Float64:
        """The sum of each key, in the shape of `keys`."""
        if not len(self.keys):
            return np.full(keys.shape, default)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.sums[name][place], default)


@dataclass(frozen=True)
class Past:
    """The histories of n requests, added up by product and by each group. Keys: row * width + code."""

    row: Int64
    """(n_lines,) the request of each history line."""
    product: Int64
    tallies: dict[str, Tally]
    """ "product", "type", "category", "brand"."""
    context: dict[str, Float64]
    """(n,) features of the request alone."""

    def own(self, row: int) -> Int64:
        """The distinct products of a history, ascending."""
        return np.unique(self.product[np.searchsorted(self.row, row) : np.searchsorted(self.row, row, "right")])


def make_past(timeline: Timeline, cases: Cases, facts: ProductFacts) -> Past:
    """The histories that the requests bring."""
    first, last = cases.history[:, 0], cases.history[:, 1]
    row = np.repeat(np.arange(len(cases)), last - first)
    line = np.arange(len(row)) + np.repeat(first - np.cumsum(last - first) + (last - first), last - first)
    product = timeline.line_product[line].astype(np.int64)
    age = cases.at[row] - timeline.line_day[line]
    short, long = (np.exp2(-age / half_life) for half_life in (SHORT_HALF_LIFE, LONG_HALF_LIFE))
    order = timeline.line_order[line].astype(np.int64)
    opens = (np.diff(order, prepend=-1) != 0) | (np.diff(row, prepend=-1) != 0)
    newest = group_extreme(row, age, len(cases), "least")
    price = facts.price[product]
    sums = {
        "count": np.ones(len(line)),
        "short": short,
        "long": long,
        "quantity": timeline.line_quantity[line].astype(np.float64),
        "in_last": (age <= newest[row] + SAME_DAY).astype(np.float64),
        "spent": np.nan_to_num(price),
        "priced": (~np.isnan(price)).astype(np.float64),
    }
    tallies = {"product": tallied(row * len(facts.price) + product, sums, age)}
    for name, codes in facts.groups.items():
        known = codes[product] != UNKNOWN
        keys = row[known] * max(1, facts.n_groups[name]) + codes[product[known]]
        tallies[name] = tallied(keys, {key: values[known] for key, values in sums.items()}, age[known])
    n, lines = len(cases), np.bincount(row, minlength=len(cases)).astype(np.float64)
    orders = np.bincount(row[opens], minlength=n).astype(np.float64)
    oldest = group_extreme(row, age, n, "greatest")
    spent, priced = (np.bincount(row, sums[name], n) for name in ("spent", "priced"))
    spent, priced = (np.bincount(row, sums[name], n) for name in ("spent", "priced"))
    context: dict[str, Float64] = {
        "own_lines": lines,
        "own_orders": orders,
        "short_orders": np.bincount(row[opens], short[opens], n).astype(np.float64),
        "long_orders": np.bincount(row[opens], long[opens], n).astype(np.float64),
        "since_order": newest,
        "order_pace": (oldest - newest) / np.maximum(orders - 1.0, 1.0),
        "own_products": np.bincount(tallies["product"].keys // len(facts.price), minlength=n).astype(np.float64),
        "own_price": (spent / np.maximum(priced, 1.0)).astype(np.float64),
        "cart_size": cases.cart.lengths.astype(np.float64),
    }
    return Past(row, product, tallies, context)


def tallied(keys: Int64, sums: dict[str, Float64], age: Float64) -> Tally:
    """Lines by key, with `youngest` and `oldest`, the least and the greatest age in days."""
    result, place = np.unique(keys, return_inverse=True)
    added: dict[str, Float64] = {}
    for name, values in sums.items():
        added[name] = np.bincount(place, values, len(result)).astype(np.float64)
    added["youngest"] = group_extreme(place, age, len(result), "least")
    added["oldest"] = group_extreme(place, age, len(result), "greatest")
    return Tally(result.astype(np.int64), added)
