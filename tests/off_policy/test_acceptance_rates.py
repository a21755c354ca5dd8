"""Claims about what a log says by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.off_policy.acceptance_rates import (
    accepted_by_group,
    agreement,
    area_under_curve,
    auc,
    by_relevance,
)
from mersalg_training.off_policy.bundle_answers import BundlePolicy, scored_log
from small_log import drawn_log, gather


def test_the_area_under_the_curve_by_hand() -> None:
    """Two accepted at levels 2 and 0, two not at levels 1 and 0: of four pairs two and a half are won."""
    level, taken = np.array([2, 0, 1, 0]), np.array([1.0, 1.0, 0.0, 0.0])
    assert auc(level, taken, np.ones(4)) == pytest.approx((2 + 0.5) / 4)
    assert auc(level, taken, np.array([1.0, 0.0, 1.0, 1.0])) == 1.0


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 3)), min_size=2, max_size=12),
)
def test_the_area_is_the_share_of_pairs_that_stand_right(rows: list[tuple[int, bool, int]]) -> None:
    copies = [(level, taken) for level, taken, times in rows for _ in range(times)]
    won = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, a_taken in copies
        for b, b_taken in copies
        if a_taken and not b_taken
    ]
    level, taken, times = (np.array(column) for column in zip(*rows, strict=True))
    found = auc(level, taken.astype(np.float64), times.astype(np.float64))
    assert np.isnan(found) if not won else found == pytest.approx(np.mean(won))


def test_acceptance_is_told_by_moment_kind_and_position(tmp_path: Path) -> None:
    rows = drawn_log(60, np.random.default_rng(1))
    for row in rows:
        row["accepted"] = int(row["position"] == 1)
    offers = gather(rows, tmp_path)
    zeros = np.zeros(180, np.float32)
    nothing = scored_log(offers, zeros, zeros, np.full(180, UNKNOWN))
    found = {row.group: row for row in accepted_by_group(offers, nothing, np.random.default_rng(2))}
    assert found["every"].rate.value == pytest.approx(1 / 3)
    assert (found["position 1"].rate.value, found["position 2"].rate.value) == (1.0, 0.0)
    assert found["cart"].offers == 180
    assert "checkout" not in found
    assert sum(found[kind].offers for kind in ("cross-sell", "add-on", "upsell", "more-of-same", "replacement")) == 180


def test_tenths_rise_where_the_score_is_right_and_unanswered_offers_are_left_out(tmp_path: Path) -> None:
    offers = gather(drawn_log(200, np.random.default_rng(3)), tmp_path)
    score = offers.accepted.astype(np.float32) + np.linspace(0, 0.5, 600, dtype=np.float32)
    kind = np.zeros(600, dtype=np.int64)
    kind[::6] = UNKNOWN
    found = by_relevance(offers, scored_log(offers, score, score, kind), np.random.default_rng(4))
    assert sum(row.offers for row in found) == 500
    assert (found[0].rate.value, found[-1].rate.value) == (0.0, 1.0)
    area = area_under_curve(offers, scored_log(offers, score, score, kind), np.random.default_rng(5))
    assert area is not None
    assert area.value == 1.0


def test_too_few_answers_tell_nothing_of_the_order(tmp_path: Path) -> None:
    offers = gather(drawn_log(60, np.random.default_rng(6)), tmp_path)
    nothing = np.full(180, np.nan, np.float32)
    unanswered = scored_log(offers, nothing, nothing, np.full(180, UNKNOWN))
    assert by_relevance(offers, unanswered, np.random.default_rng(7)) == []
    assert area_under_curve(offers, unanswered, np.random.default_rng(8)) is None


def test_agreement_counts_what_both_show(tmp_path: Path) -> None:
    offers = gather(drawn_log(3, np.random.default_rng(9)), tmp_path)
    shown = offers.product[:2]
    policy = BundlePolicy(np.zeros(2, np.int64), shown, np.zeros(2, np.int64), np.array([1, 2]), np.ones(2, np.float32))
    found = agreement(offers, policy, 7, np.random.default_rng(10))
    assert (found.requests, found.with_offers, found.policy_offers, found.shared) == (3, 1, 2, 2)
    assert found.shown_too is not None
    assert found.not_shown is not None
    assert (found.shown_too.offers, found.not_shown.offers) == (2, 7)
    nobody = BundlePolicy(*(np.zeros(0, np.int64),) * 4, np.zeros(0, np.float32))
    assert agreement(offers, nobody, 7, np.random.default_rng(11)).shown_too is None
