"""Claims: every source of candidates keeps the contract, and means by its values what it says."""

from __future__ import annotations

import numpy as np
import pytest

from contract.source_contract import Known, SourceContract, known_before
from mersalg_training.tables.basket import basket_entries
from mersalg_training.tables.entries import Entries
from mersalg_training.tables.ladder import ladder_entries
from mersalg_training.tables.neighbours import follow_entries
from small_shop import CALIBRATE_FROM, SmallShop


@pytest.fixture(scope="module")
def known(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Known:
    return known_before(small_shop, CALIBRATE_FROM, tmp_path_factory.mktemp("known"))


class TestBasket(SourceContract):
    serves_types = True

    def entries(self, known: Known) -> Entries:
        return basket_entries(known.counts, known.vocabulary, known.n_types, known.config)

    def test_confidence_is_the_share_of_the_rows_orders(self, known: Known, found: Entries) -> None:
        product = found.row < known.frequent
        orders = known.vocabulary.orders[found.row[product]]
        pairs = found.values["confidence"][product] * orders
        np.testing.assert_allclose(pairs, np.round(pairs), atol=1e-6)
        assert np.round(pairs).min() >= known.config.counts.min_pairs

    def test_only_a_more_frequent_product_is_directed(self, known: Known, found: Entries) -> None:
        directed = found.values["directed"] > 0
        assert directed.any()
        orders = known.vocabulary.orders
        least = known.config.kinds.add_on_direction * orders[found.row[directed]]
        assert (orders[found.item[directed]] >= least).all()
        assert (found.row[directed] < known.frequent).all()


class TestLadder(SourceContract):
    serves_types = True

    def entries(self, known: Known) -> Entries:
        return ladder_entries(
            known.counts.switches, known.vocabulary, known.n_types, known.config.kinds, known.vocabulary.n_items
        )

    def test_every_step_is_dearer_and_of_the_same_type(self, known: Known, found: Entries) -> None:
        product = found.row < known.frequent
        row, item, vocabulary = found.row[product], found.item[product], known.vocabulary
        assert (vocabulary.product_type[row] == vocabulary.product_type[item]).all()
        least = known.config.kinds.upsell_step * vocabulary.price[row].astype(np.float64)
        assert (vocabulary.price[item] >= least).all()

    def test_the_steps_of_a_row_share_one_whole_where_any_was_ever_sold(self, known: Known, found: Entries) -> None:
        sold = known.vocabulary.orders[found.item] > 0
        rows, row = np.unique(found.row, return_inverse=True)
        expected = (np.bincount(row, sold) > 0).astype(np.float64)
        assert expected.sum() > 0.9 * len(rows)
        np.testing.assert_allclose(np.bincount(row, found.values["ladder"]), expected, rtol=1e-6)
        assert (found.values["ladder"][~sold] == 0.0).all(), "popularity does not speak for what was never sold"


class TestFollow(SourceContract):
    serves_types = False

    def entries(self, known: Known) -> Entries:
        return follow_entries(known.counts, known.vocabulary, known.config.kinds)
