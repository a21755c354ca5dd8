"""The price ladder: dearer products of a type, by what customers went over to and by what is popular."""

from __future__ import annotations

from bisect import insort
from itertools import chain
from typing import Final

import numpy as np

from mersalg_training.config import KindsConfig
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.tables.counts import PairCounts
from mersalg_training.tables.entries import Entries
from mersalg_training.tables.vocabulary import Vocabulary

LADDER_PRIOR: Final = 20.0
"""Observed switches are shrunk to the popularity of the dearer products as if by so many switches."""


def ladder_entries(
    switches: PairCounts, vocabulary: Vocabulary, n_types: int, kinds: KindsConfig, width: int
) -> Entries:
    """The best `width` dearer products of the row's type, by switches shrunk to popularity; ties to the lower item.

    For a type's row its most popular products. Only what may be among the best is looked at: the most popular of what
    is dearer, and what customers switched to.
    """
    frequent, orders = vocabulary.supported, vocabulary.orders[:-1]
    product_type, price = vocabulary.product_type[:-1], vocabulary.price[:-1].astype(np.float64)
    by_type = np.argsort(product_type, kind="stable")
    bounds = np.searchsorted(product_type[by_type], np.arange(n_types + 1))
    popular = np.zeros(frequent)
    steps = [np.zeros((2, 0), dtype=np.int64)]
    for product_type_code in range(n_types):
        members = by_type[bounds[product_type_code] : bounds[product_type_code + 1]]
        anchors = members[members < frequent]
        dearer, least = dearest_first(members, price), kinds.upsell_step * price[anchors]
        reach = np.where(np.isnan(least), 0, np.searchsorted(-price[dearer], -least, side="right"))
        popular[anchors] = np.append(0.0, np.cumsum(orders[dearer]))[reach]
        steps.append(most_popular(dearer, orders, anchors, reach, width))
    row, item, times, total = beside_switches(np.concatenate(steps, axis=1), switches, vocabulary, kinds.upsell_step)
    values = (times + LADDER_PRIOR * orders[item] / np.maximum(1.0, popular[row])) / (total[row] + LADDER_PRIOR)
    typed = by_type[: bounds[-1]]
    of_type = product_type[typed]
    share = orders[typed] / np.bincount(of_type, weights=orders[typed], minlength=n_types)[of_type]
    entries = Entries(np.append(row, frequent + of_type), np.append(item, typed), {"ladder": np.append(values, share)})
    return entries.best(entries.values["ladder"], width)


def dearest_first(members: Int64, price: Float64) -> Int64:
    """The items whose price is known, by descending price."""
    priced = members[~np.isnan(price[members])]
    return priced[np.argsort(-price[priced], kind="stable")]


def most_popular(dearer: Int64, orders: Float64, anchors: Int64, reach: Int64, width: int) -> Int64:
    """(2, n) anchor and item: of the first `reach` of `dearer`, by anchor, the `width` with the most orders."""
    by_orders = np.lexsort((dearer, -orders[dearer]))
    place = np.argsort(by_orders)
    best: list[int] = []
    found, seen = [], 0
    ascending = np.argsort(reach, kind="stable")
    for upto in reach[ascending].tolist():
        for new in place[seen:upto].tolist():
            insort(best, new)
            del best[width:]
        seen = upto
        found.append(best.copy())
    row = np.repeat(anchors[ascending], [len(some) for some in found])
    items = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(row))
    return np.stack([row, dearer[by_orders[items]]])


def beside_switches(
    steps: Int64, switches: PairCounts, vocabulary: Vocabulary, upsell_step: float
) -> tuple[Int64, Int64, Float64, Float64]:
    """Row and item of the steps and of the switches to a dearer product, each pair once, and how often it was seen.

    Fourth (supported,) all such switches of each row.
    """
    price, width = vocabulary.price.astype(np.float64), vocabulary.n_items + 1
    a, b = vocabulary.item_of_code[switches.a], vocabulary.item_of_code[switches.b]
    with np.errstate(invalid="ignore"):
        dearer = (a < vocabulary.supported) & (price[b] >= upsell_step * price[a])
    a, b, n = a[dearer], b[dearer], switches.n[dearer]
    pair, where = np.unique(np.append(steps[0] * width + steps[1], a * width + b), return_inverse=True)
    times, total = np.zeros(len(pair)), np.zeros(vocabulary.supported)
    np.add.at(times, where[steps.shape[1] :], n)
    np.add.at(total, a, n)
    return pair // width, pair % width, times, total
