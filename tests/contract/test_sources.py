"""Claims: every source of candidates keeps the contract, and means by its values what it says."""

from __future__ import annotations

import numpy as np
import pytest

from contract.source_contract import Known, SourceContract, known_before
from mersalg_training.neighbours import Entries, basket_entries, factor_entries, follow_entries, ladder_entries
from small_shop import CALIBRATE_FROM, SmallShop


@pytest.fixture(scope="module")
def known(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Known:
    return known_before(small_shop, CALIBRATE_FROM, tmp_path_factory.mktemp("known"))


class TestBasket(SourceContract):
    serves_types = True

    def entries(self, known: Known) -> Entries:
        return basket_entries(known.counts, known.vocabulary, known.frequent, known.n_types, known.config)

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


class TestFactors(SourceContract):
    serves_types = False

    def entries(self, known: Known) -> Entries:
        return factor_entries(known.factors, known.vocabulary, known.frequent, 6)

    def test_no_row_is_wider_than_asked_for(self, found: Entries) -> None:
        assert np.bincount(found.row).max() <= 6

    def test_the_value_is_the_cosine(self, known: Known, found: Entries) -> None:
        cosine = (known.factors[found.row] * known.factors[found.item]).sum(axis=1)
        np.testing.assert_allclose(found.values["factor"], cosine, rtol=1e-5)

    def test_without_factors_nothing_is_similar(self, known: Known) -> None:
        assert len(factor_entries(0 * known.factors, known.vocabulary, known.frequent, 6).row) == 0
        assert len(factor_entries(known.factors, known.vocabulary, known.frequent, 0).row) == 0


class TestLadder(SourceContract):
    serves_types = True

    def entries(self, known: Known) -> Entries:
        return ladder_entries(
            known.counts.switches, known.vocabulary, known.frequent, known.n_types, known.config.kinds
        )

    def test_every_step_is_dearer_and_of_the_same_type(self, known: Known, found: Entries) -> None:
        product = found.row < known.frequent
        row, item, vocabulary = found.row[product], found.item[product], known.vocabulary
        assert (vocabulary.product_type[row] == vocabulary.product_type[item]).all()
        least = known.config.kinds.upsell_step * vocabulary.price[row].astype(np.float64)
        assert (vocabulary.price[item] >= least).all()

    def test_the_steps_of_a_row_share_one_whole(self, found: Entries) -> None:
        np.testing.assert_allclose(np.bincount(found.row, found.values["ladder"])[np.unique(found.row)], 1.0, rtol=1e-6)


class TestFollow(SourceContract):
    serves_types = False

    def entries(self, known: Known) -> Entries:
        return follow_entries(known.counts, known.vocabulary, known.frequent)
