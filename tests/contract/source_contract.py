"""What every source of candidates must do. A new one subclasses SourceContract and says how it is called."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from mersalg_training.config import Config
from mersalg_training.data.attributes import read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.history import read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.tables.counts import Counts, count_purchases
from mersalg_training.tables.entries import Entries
from mersalg_training.tables.vocabulary import Vocabulary, build_vocabulary
from small_shop import CALIBRATE_FROM, SmallShop, another_future, write_shop


@dataclass(frozen=True)
class Known:
    """What a source may look at: all of it learned before the cut."""

    counts: Counts
    vocabulary: Vocabulary
    frequent: int
    """Rows 0 .. frequent - 1 belong to products; behind them come the product types."""
    n_types: int
    config: Config


def known_before(shop: SmallShop, cut: datetime, folder: Path) -> Known:
    """Count the shop's purchases before a cut."""
    config = write_shop(shop, folder)
    purchases = open_purchases(config.data)
    apply_contract(purchases, config.contract)
    history, attributes = read_history(purchases.connection), read_attributes(purchases.connection)
    n_types = len(attributes.product_types)
    counts = count_purchases(history, attributes.product_type, n_types, [time_to_day(cut)], config).before(0)
    vocabulary = build_vocabulary(counts, attributes, config)
    return Known(counts, vocabulary, vocabulary.supported, n_types, config)


class SourceContract:
    """The claims, on the small shop at the cut before its calibration window, which the fixture `known` holds."""

    serves_types: bool
    """Whether the rows of product types have entries too."""

    @abstractmethod
    def entries(self, known: Known) -> Entries:
        """All entries of the source."""

    @pytest.fixture
    def found(self, known: Known) -> Entries:
        found = self.entries(known)
        assert len(found.row) > 50, "a source that brings nothing is not tested"
        return found

    def test_rows_items_and_values_go_together(self, found: Entries) -> None:
        assert found.row.shape == found.item.shape
        assert found.row.dtype.kind == found.item.dtype.kind == "i"
        assert found.values
        assert all(value.shape == found.row.shape for value in found.values.values())

    def test_every_row_and_every_item_exists(self, known: Known, found: Entries) -> None:
        rows = known.frequent + (known.n_types if self.serves_types else 0)
        assert found.row.min() >= 0
        assert found.row.max() < rows
        assert found.item.min() >= 0
        assert found.item.max() < known.vocabulary.n_items
        if self.serves_types:
            assert found.row.max() >= known.frequent

    def test_every_value_is_a_number_from_zero_to_one_and_a_lift_may_be_higher(self, found: Entries) -> None:
        for name, value in found.values.items():
            assert np.isfinite(value).all(), name
            assert value.min() >= 0.0, name
            assert name == "lift" or value.max() <= 1.0 + 1e-6, name

    def test_no_pair_stands_twice(self, found: Entries) -> None:
        assert len(np.unique(np.stack([found.row, found.item]), axis=1).T) == len(found.row)

    def test_no_product_brings_itself(self, known: Known, found: Entries) -> None:
        assert ((found.row != found.item) | (found.row >= known.frequent)).all()

    def test_a_row_is_cut_to_its_best_whatever_order_they_come_in(self, found: Entries) -> None:
        name = next(iter(found.values))
        best = found.best(found.values[name], 3)
        assert np.bincount(best.row).max() <= 3
        worst_kept = np.full(int(found.row.max()) + 1, np.inf)
        np.minimum.at(worst_kept, best.row, best.values[name])
        dropped = ~np.isin(found.row * 2**32 + found.item, best.row * 2**32 + best.item)
        assert (found.values[name][dropped] <= worst_kept[found.row[dropped]]).all()
        turned = Entries(found.row[::-1], found.item[::-1], {k: v[::-1] for k, v in found.values.items()})
        again = turned.best(turned.values[name], 3)
        assert np.array_equal(best.row, again.row)
        assert np.array_equal(best.item, again.item)

    def test_the_same_counts_give_the_same_entries(self, known: Known, found: Entries) -> None:
        self.same(found, self.entries(known))

    def test_another_future_gives_the_same_entries(self, found: Entries, small_shop: SmallShop, tmp_path: Path) -> None:
        self.same(
            found, self.entries(known_before(another_future(small_shop, CALIBRATE_FROM), CALIBRATE_FROM, tmp_path))
        )

    def test_another_past_gives_other_entries(self, found: Entries, small_shop: SmallShop, tmp_path: Path) -> None:
        few = small_shop.with_lines(small_shop.lines[::2])
        other = self.entries(known_before(few, CALIBRATE_FROM, tmp_path))
        assert len(other.row) != len(found.row) or not np.array_equal(other.item, found.item)

    @staticmethod
    def same(first: Entries, second: Entries) -> None:
        assert np.array_equal(first.row, second.row)
        assert np.array_equal(first.item, second.item)
        assert first.values.keys() == second.values.keys()
        for name, value in first.values.items():
            assert np.array_equal(value, second.values[name]), name
