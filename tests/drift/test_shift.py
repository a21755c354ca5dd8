"""Claims: a shift of nothing is nought, and only what moved is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mersalg_training.data.timeline import UNKNOWN, Timeline
from mersalg_training.drift.shift import Histogram, Shift, bought_before, counted, deciles, histogram_from, shift_of


def test_the_same_values_have_not_shifted() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=5000)
    assert shift_of("price", deciles(values), values).index == 0.0


def test_the_index_is_that_of_a_hand_made_example() -> None:
    """(0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5), but for half a count in each bin."""
    edges = np.array([1.0])
    shift = Shift("x", Histogram(edges, np.array([50_000, 50_000])), Histogram(edges, np.array([80_000, 20_000])))
    assert shift.index == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4), abs=1e-4)
    assert shift.size == "large"


def test_doubled_prices_are_a_large_shift_and_another_draw_is_little() -> None:
    random = np.random.default_rng(2)
    then = deciles(random.lognormal(1.0, 0.5, 4000))
    assert shift_of("price", then, 2.0 * random.lognormal(1.0, 0.5, 4000)).size == "large"
    assert shift_of("price", then, random.lognormal(1.0, 0.5, 4000)).size == "little"


@given(st.lists(st.floats(-1e6, 1e6), max_size=200))
def test_every_value_lies_in_one_bin_and_a_histogram_survives_the_manifest(values: list[float]) -> None:
    found = deciles(np.array(values))
    assert found.counts.sum() == len(values)
    assert len(found.counts) == len(found.edges) + 1
    assert (np.diff(found.edges) > 0).all()
    again = histogram_from(found.to_json())
    assert again.edges.tolist() == found.edges.tolist()
    assert again.counts.tolist() == found.counts.tolist()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_yes_or_no_has_two_bins(share: float) -> None:
    values = (np.arange(1000) < 1000 * share).astype(float)
    found = deciles(values)
    assert found.counts.tolist() == [1000 - round(1000 * share), round(1000 * share)]


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    assert counted(np.array([1.0, 1.5, 2.0, 2.5]), np.array([1.0, 2.0])).tolist() == [1, 2, 1]


def test_bought_before_is_told_by_the_customers_own_orders_alone() -> None:
    timeline = Timeline(
        product_ids=["a", "b"],
        customer_ids=["c", "d"],
        order_ids=["1", "2", "3", "4"],
        line_product=np.array([0, 0, 1, 0, 0], dtype=np.int32),
        line_quantity=np.ones(5, dtype=np.float32),
        line_price=np.ones(5, dtype=np.float32),
        order_start=np.array([0, 1, 3, 4, 5]),
        order_customer=np.array([0, 0, 1, UNKNOWN], dtype=np.int32),
        order_day=np.array([1.0, 2.0, 3.0, 4.0]),
        customer_start=np.array([0, 2, 3]),
    )
    assert bought_before(timeline).tolist() == [0.0, 1.0, 0.0, 0.0, 0.0]
