"""The strongest pairs of frequent products, for people: a few of each anchor, and what is unusual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.config import KindsConfig
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.tables.association import lower_bound
from mersalg_training.tables.counts import PairCounts
from mersalg_training.tables.entries import Entries, rank_in_run
from mersalg_training.tables.vocabulary import Vocabulary

MAX_ANCHORS: Final = 500
MAX_PAIRS_OF_ANCHOR: Final = 20
MAX_PAIRS: Final = 5000
MAX_ROWS: Final = 1000
"""Add-ons and unusual pairs, each."""
UNUSUAL_LIFT: Final = 3.0
"""The least that a lift surely is, of a pair that is unusual."""
ONE_WAY: Final = 5.0
"""So many times as likely with the anchor given than the other way round."""

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StrongPairs:
    """Pairs of frequent products, (n,) each: item indices, and what is known of anchor and product together.

    Those of any list below are among them, whatever else is.
    """

    anchor: Int64
    product: Int64
    n: Float64
    customers: Float64
    lift: Float64
    directed: Float64

    def where(self, kept: Booleans) -> StrongPairs:
        """Some pairs."""
        return StrongPairs(*(values[kept] for values in vars(self).values()))

    @property
    def assured(self) -> Float64:
        """What the lift surely is."""
        return lower_bound(self.lift, self.customers)

    def listed(self, vocabulary: Vocabulary, kinds: KindsConfig) -> Booleans:
        """(n,) which pairs stand in a list."""
        result = np.zeros(len(self.n), dtype=np.bool_)
        for positions in (self.strongest(), self.add_ons(vocabulary, kinds), self.unusual(vocabulary)[0]):
            result[positions] = True
        return result

    def strongest(self) -> Int64:
        """Positions of a few pairs of an anchor, of the anchors whose best pair is strongest."""
        order = self.best(np.ones(len(self.n), dtype=np.bool_), len(self.n))
        anchors, first = np.unique(self.anchor[order], return_index=True)
        chosen = anchors[np.argsort(first, kind="stable")][:MAX_ANCHORS]
        order = order[np.isin(self.anchor[order], chosen)]
        by_anchor = order[np.argsort(self.anchor[order], kind="stable")]
        kept = by_anchor[rank_in_run(self.anchor[by_anchor]) < MAX_PAIRS_OF_ANCHOR]
        return order[np.isin(order, kept)][:MAX_PAIRS]

    def add_ons(self, vocabulary: Vocabulary, kinds: KindsConfig) -> Int64:
        """Positions of the strongest pairs in which the product extends the anchor."""
        price = vocabulary.price.astype(np.float64)
        cheaper = price[self.product] <= kinds.add_on_price * price[self.anchor]
        return self.best((self.directed > 0) & cheaper, MAX_ROWS)

    def unusual(self, vocabulary: Vocabulary) -> tuple[Int64, Booleans, Booleans]:
        """Positions of strong pairs across categories, or that hold in one direction alone; (n,) which are which."""
        category, unknown = vocabulary.category, int(vocabulary.category[-1])
        known = (category[self.anchor] < unknown) & (category[self.product] < unknown)
        across = (category[self.anchor] != category[self.product]) & known
        one_way = vocabulary.orders[self.product] / np.maximum(vocabulary.orders[self.anchor], 1.0) >= ONE_WAY
        return self.best((across | one_way) & (self.assured >= UNUSUAL_LIFT), MAX_ROWS), across, one_way

    def best(self, among: Booleans, most: int) -> Int64:
        """Positions of the pairs with the highest assured lift, above 1, among some; ties by anchor, then product."""
        assured = self.assured
        order = np.lexsort((self.product, self.anchor, -assured))
        return order[among[order] & (assured[order] > 1.0)][:most]


def pairs_of_products(basket: Entries, counted: PairCounts, frequent: int) -> StrongPairs:
    """The entries whose row is a product, as `tables.basket` tells them, and how often each was counted."""
    own = np.flatnonzero(basket.row < frequent)
    lift, directed = basket.values["lift"][own], basket.values["directed"][own]
    return StrongPairs(basket.row[own], basket.item[own], counted.n[own], counted.customers[own], lift, directed)


def no_pairs() -> StrongPairs:
    """Of counts that hold none."""
    nothing = np.zeros(0, dtype=np.int64)
    return StrongPairs(nothing, nothing, *(np.zeros(0) for _ in range(4)))
