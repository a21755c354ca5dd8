"""Claims about positions: what was planted is found, with and without randomised positions; or it is said why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_offers import one_a_request
from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.off_policy.examination import (
    GROUPS,
    Examination,
    estimate_examination,
    fit_positions,
    relevance_groups,
)
from small_log import LOOKED_AT, drawn_log, gather


@given(
    examined=st.lists(st.floats(0.1, 1.5), min_size=1, max_size=5),
    attraction=st.lists(st.floats(0.01, 0.5), min_size=1, max_size=5),
)
def test_a_table_that_is_a_product_gives_its_factors(examined: list[float], attraction: list[float]) -> None:
    """Shown unevenly: the most attractive group mostly in the first position."""
    relative = np.array([1.0, *examined])
    shown = np.outer(np.ones(len(attraction)), np.ones(len(relative))) * 1000.0
    shown[np.argmax(attraction), 0] *= 50.0
    accepted = shown * np.outer(attraction, relative)
    assert fit_positions(shown, accepted) == pytest.approx(relative, rel=1e-4)


def test_a_group_that_nobody_accepted_changes_nothing() -> None:
    shown, accepted = np.full((1, 2), 100.0), np.array([[20.0, 10.0]])
    more = fit_positions(np.vstack([shown, [[900.0, 5.0]]]), np.vstack([accepted, [[0.0, 0.0]]]))
    assert more == pytest.approx([1.0, 0.5])
    assert fit_positions(shown, accepted) == pytest.approx([1.0, 0.5])


def test_randomised_positions_tell_what_was_planted(tmp_path: Path) -> None:
    offers = gather(drawn_log(6000, np.random.default_rng(1)), tmp_path)
    one_group = np.zeros(len(offers), dtype=np.int64)
    found = estimate_examination(offers, one_group, np.ones(len(offers)), np.random.default_rng(2))
    assert isinstance(found, Examination)
    for planted, interval in zip(LOOKED_AT, found.intervals, strict=True):
        assert interval.low <= planted <= interval.high
        assert interval.n == 6000
    assert found.relative == pytest.approx(LOOKED_AT, abs=0.06)


def test_groups_of_equal_appeal_undo_a_policy_that_puts_the_best_first(tmp_path: Path) -> None:
    """Each request shows its three products by appeal: raw acceptance falls twice as fast as the looks."""
    from small_log import APPEAL

    random = np.random.default_rng(3)
    rows = drawn_log(6000, random)
    for first in range(0, len(rows), 3):
        # Nine of ten lists are sorted; the tenth is what tells appeal and position apart.
        products = [row["product_id"] for row in rows[first : first + 3]]
        if random.random() < 0.9:
            products.sort(key=lambda product: -APPEAL[product])
        for place, product in enumerate(products):
            taken = int(random.random() < LOOKED_AT[place] * APPEAL[product])
            rows[first + place] |= {"product_id": product, "accepted": taken}
    offers = gather(rows, tmp_path)
    raw = np.bincount(offers.position, weights=offers.accepted)[1:] / 6000
    found = estimate_examination(offers, offers.product, np.ones(len(offers)), np.random.default_rng(4))
    assert isinstance(found, Examination)
    assert raw[2] / raw[0] < 0.2
    assert found.relative == pytest.approx(LOOKED_AT, abs=0.07)


def test_too_few_acceptances_are_said(tmp_path: Path) -> None:
    offers = gather(drawn_log(30, np.random.default_rng(5)), tmp_path)
    found = estimate_examination(offers, offers.product, np.ones(len(offers)), np.random.default_rng(6))
    assert isinstance(found, str)
    assert "at least 20 are needed" in found


def test_a_log_of_one_position_is_said(tmp_path: Path) -> None:
    offers = gather(drawn_log(30, np.random.default_rng(7), looked_at=(1.0,)), tmp_path)
    found = estimate_examination(offers, offers.product, np.ones(len(offers)), np.random.default_rng(8))
    assert found == "the log has one position alone"


def test_past_the_last_known_position_it_counts_like_that_one() -> None:
    assert Examination(np.array([1.0, 0.5]), []).at(np.array([1, 2, 7])).tolist() == [1.0, 0.5, 0.5]


def test_groups_by_relevance_never_join_two_kinds() -> None:
    one_each = one_a_request(np.linspace(0.0, 1.0, 40), np.zeros(40), np.arange(40))
    group = relevance_groups(replace(one_each, kind=np.repeat([0, 3], 20)))
    assert not set(group[:20].tolist()) & set(group[20:].tolist())
    assert np.unique(group, return_counts=True)[1].tolist() == [2] * 2 * GROUPS
    nothing = relevance_groups(replace(one_each, kind=np.full(40, UNKNOWN)))
    assert set(nothing.tolist()) == {UNKNOWN}
