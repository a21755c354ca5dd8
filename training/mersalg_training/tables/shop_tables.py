"""What the graph holds of the shop: item attributes, neighbour tables, factors, statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config
from mersalg_training.data.timeline import Float32, Int64
from mersalg_training.tables.advantages import Advantages
from mersalg_training.tables.counts import Counts
from mersalg_training.tables.factors import Taste
from mersalg_training.tables.neighbours import Neighbours
from mersalg_training.tables.relations import Relations
from mersalg_training.tables.vocabulary import Vocabulary


@dataclass(frozen=True)
class Rhythm:
    """The shop's own pace, from which decays and windows are taken."""

    order_gap_days: float
    """Median days between two orders of a customer; NaN without customers."""

    @property
    def is_known(self) -> bool:
        """Whether customers are known to come back: else nothing tells what they buy after an order."""
        return bool(np.isfinite(self.order_gap_days))

    @property
    def short_days(self) -> float:
        """Half-life of what the customer bought lately."""
        return float(np.clip(4.0 * np.nan_to_num(self.order_gap_days, nan=7.0), 7.0, 90.0))

    @property
    def long_days(self) -> float:
        """Half-life of what the customer usually buys."""
        return 4.0 * self.short_days

    @property
    def horizon_days(self) -> float:
        """Days after payment within which a purchase makes an offer relevant."""
        return float(np.clip(np.ceil(2.0 * np.nan_to_num(self.order_gap_days, nan=7.0)), 7.0, 28.0))


@dataclass(frozen=True)
class ShopTables:
    """All that the graph is built from, but for the trees, the calibration and the thresholds."""

    counts: Counts
    vocabulary: Vocabulary
    neighbours: Neighbours
    factors: Float32
    """(n_items + 1, factors) of unit length, from orders."""
    taste: Taste
    """From customers, (n_items + 1) rows."""
    advantages: Advantages
    exclusive_group: Int64
    """(n_items + 1,) see `tables.exclusive`."""
    variant: Int64
    """(n_items + 1,) the same for variants of one product, whatever their types; NO_GROUP for what has none."""
    fits: Int64
    """(n_items + 1,) see `tables.accessories`."""
    relations: Relations
    n_types: int
    n_categories: int
    n_brands: int
    rhythm: Rhythm
    config: Config

    @property
    def n_items(self) -> int:
        """Item indices run from 0 to before it; itself it is "no item"."""
        return self.vocabulary.n_items

    @property
    def taught(self) -> npt.NDArray[np.bool_]:
        """(n_items + 1,) which items have the neighbours of a product that they replace or are similar to."""
        supported, row = self.vocabulary.supported, self.neighbours.row_of_item
        return (np.arange(self.n_items + 1) >= supported) & (row < supported)

    @property
    def factor_width(self) -> int:
        """Factors of customers and of orders, side by side."""
        return int(self.taste.factors.shape[1] + self.factors.shape[1])

    @property
    def own_places(self) -> int:
        """Own products among the candidates."""
        return self.config.retrieve.own_candidates

    @property
    def new_places(self) -> int:
        """New products among the candidates."""
        return self.config.retrieve.new_candidates

    @property
    def n_sold(self) -> int:
        """Products that were sold before the cut; those of the catalogue that were not have the item indices behind."""
        return int(np.count_nonzero(self.vocabulary.orders > 0))

    @property
    def unsold_places(self) -> int:
        """Products never sold yet among the candidates; none where all were."""
        return self.config.retrieve.unsold_candidates if self.n_sold < self.n_items else 0

    @property
    def places(self) -> int:
        """All candidates of a request without `only`."""
        return self.own_places + self.new_places + self.unsold_places

    def most_popular(self, width: int) -> Int64:
        """(width,) the most bought products of the last weeks; "no item" where there are too few."""
        share = self.vocabulary.statistics["month_share"][:-1]
        best = np.argsort(-share, kind="stable")[:width]
        return np.concatenate([best, np.full(width - len(best), self.n_items)]).astype(np.int64)
