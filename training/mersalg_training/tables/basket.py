"""What is known of pairs of one order: of two products, or of a product type and a product.

A large shop has more pairs than memory holds. They come slice by slice, with all pairs of an anchor in one slice, and
what is not wanted of a slice is forgotten before the next one comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config, KindsConfig
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.tables.association import chance_of, largest_chance, lift_of, lower_bound, strength_of
from mersalg_training.tables.counts import Counts, PairCounts, PairTable
from mersalg_training.tables.entries import Entries, joined
from mersalg_training.tables.kinds import extends
from mersalg_training.tables.vocabulary import Vocabulary, spread

MAX_BEST_SELLERS = 20
PRODUCTS_OF_BEST_SELLER = 1000
"""Of so many products the most bought one counts as a best-seller."""

Wanted = Callable[[Entries, PairCounts], npt.NDArray[np.bool_]]
"""(n,) which entries of a slice are kept; it is also given how often each was counted."""
Judged = tuple[Int64, Int64, PairCounts, Float64, Float64]
"""Row, item, counts, lift, and its probability by chance, of the pairs of a slice."""


def best_seller_lifts(item: Int64, supported: int, kinds: KindsConfig) -> Float64:
    """(n,) how many times the lift of others a product needs: best-sellers more, for people buy those anyway."""
    best_sellers = min(MAX_BEST_SELLERS, supported // PRODUCTS_OF_BEST_SELLER)
    return np.where(item < best_sellers, kinds.best_seller_lift, 1.0)


def basket_entries(
    counts: Counts, vocabulary: Vocabulary, n_types: int, config: Config, wanted: Wanted | None = None
) -> Entries:
    """Products bought in one order with the row's product, or with a product of the row's type.

    wanted: which of a slice are kept, None = all.
    """
    anchors = Anchors(counts, vocabulary, n_types, config)
    parts = [joined(list(Side(anchors, pairs, of_types).entries(wanted))) for pairs, of_types in
             ((counts.basket, False), (counts.by_type, True))]  # fmt: skip
    return joined(parts)


@dataclass(frozen=True)
class Anchors:
    """What the counts say of the rows: products by item index, and behind them product types."""

    counts: Counts
    vocabulary: Vocabulary
    n_types: int
    config: Config

    @property
    def frequent(self) -> int:
        """Rows of products."""
        return self.vocabulary.supported

    @cached_property
    def orders(self) -> Float64:
        """(frequent + n_types + 1,) orders with the product; of a type the sum of its products."""
        return self.with_types(self.vocabulary.orders)

    @cached_property
    def company(self) -> Float64:
        """(frequent + n_types + 1,) the other products of the orders that hold it."""
        vocabulary = self.vocabulary
        return self.with_types(spread(self.counts.products, "company", vocabulary.item_of_code, vocabulary.n_items))

    def with_types(self, values: Float64) -> Float64:
        """Values of the frequent products, and their sums by type behind them."""
        types = self.vocabulary.product_type[: self.frequent]
        of_type = np.bincount(types, weights=values[: self.frequent], minlength=self.n_types + 1)
        return np.append(values[: self.frequent], of_type)


class Side:
    """The pairs whose rows are products, or those whose rows are types."""

    def __init__(self, anchors: Anchors, pairs: PairTable, of_types: bool) -> None:
        self.anchors, self.pairs, self.of_types = anchors, pairs, of_types
        self._only: list[Judged] | None = None

    def entries(self, wanted: Wanted | None) -> Iterator[Entries]:
        """The entries of each slice that are wanted."""
        anchors, vocabulary = self.anchors, self.anchors.vocabulary
        kinds, exponent = anchors.config.kinds, anchors.config.counts.cosine_cart
        price = vocabulary.price.astype(np.float64)
        no_chance = self.no_chance()
        for row, item, pair, lift, chance in self.judged():
            needed = best_seller_lifts(item, anchors.frequent, kinds)
            together = (lift >= kinds.least_lift * needed) & (lift > 1.0) & (chance <= no_chance)
            orders = anchors.orders[row], vocabulary.orders[item]
            directed = np.zeros(len(row))
            if not self.of_types:
                directed[:] = extends(together, orders, (price[row], price[item]), kinds)
            found = Entries(
                row,
                item,
                {
                    "cosine": pair.n / (orders[0] ** exponent * orders[1] ** (1.0 - exponent)),
                    "confidence": pair.n / orders[0],
                    "strength": strength_of(lower_bound(lift, pair.customers) / needed, together),
                    "lift": lift,
                    "directed": directed,
                },
            )
            yield found if wanted is None else found.where(wanted(found, pair))

    def no_chance(self) -> float:
        """The largest probability by chance with which a pair still goes together, over all slices."""
        frequent, kinds = self.anchors.frequent, self.anchors.config.kinds
        possible = (self.anchors.n_types if self.of_types else frequent) * frequent
        small = [chance[chance <= kinds.false_discoveries] for *_, chance in self.judged()]
        return largest_chance(np.concatenate(small), possible, kinds.false_discoveries)

    def judged(self) -> Iterable[Judged]:
        """The pairs of each slice; where there is one slice alone it is judged once."""
        if self._only is None and self.pairs.n_slices == 1:
            self._only = list(self._judge())
        return self._judge() if self._only is None else self._only

    def _judge(self) -> Iterator[Judged]:
        of_code, frequent = self.anchors.vocabulary.item_of_code, self.anchors.frequent
        for pair in self.pairs.slices():
            row, item = (frequent + pair.a if self.of_types else of_code[pair.a]), of_code[pair.b]
            lift = self.lift(row, item, pair.n)
            yield row, item, pair, lift, chance_of(lift, pair.customers)

    def lift(self, row: Int64, item: Int64, n: Float64) -> Float64:
        """(n,) orders with both over those that chance expects."""
        anchors, orders = self.anchors, self.anchors.vocabulary.orders
        return lift_of(n, anchors.company[row], orders[item] / np.maximum(1.0, orders.sum() - anchors.orders[row]))
