"""Claims: estimates are what they are called, and their errors know that a customer's offers hang together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mersalg_training.evaluation.clustered_intervals import (
    Group,
    area,
    calibration_error,
    came_over_promised,
    clustered_error,
    reliability,
    share,
)


def test_rows_that_repeat_within_a_customer_bring_no_certainty() -> None:
    came = np.array([1.0, 0.0] * 200)
    alone = share(came, np.arange(400))
    ten_times = share(np.repeat(came, 10), np.repeat(np.arange(400), 10))
    assert ten_times.value == alone.value == 0.5
    assert ten_times.error == pytest.approx(alone.error, rel=0.01)
    assert alone.error == pytest.approx(0.5 / np.sqrt(400), rel=0.01)


def test_none_that_came_is_no_proof_that_none_can() -> None:
    found = share(np.zeros(60), np.arange(60))
    assert found.value == 0.0
    assert found.high > 0.03


def test_one_customer_proves_nothing() -> None:
    assert clustered_error(np.array([0.1, -0.1]), np.array([7, 7])) == 1.0


def test_twice_as_much_as_promised_is_two() -> None:
    came, relevance = np.array([1.0, 1.0, 0.0, 0.0] * 50), np.full(200, 0.25)
    found = came_over_promised(came, relevance, np.arange(200))
    assert found.value == pytest.approx(2.0)
    assert found.low > 1.25


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 5)), min_size=2, max_size=60).filter(
        lambda rows: len({came for _, came, _ in rows}) == 2
    )
)
def test_the_area_is_that_of_scikit_learn_ties_included(rows: list[tuple[int, bool, int]]) -> None:
    score, came, unit = (np.array(column) for column in zip(*rows, strict=True))
    found = area(score.astype(float), came.astype(float), unit)
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(came, score))


def test_the_error_of_an_area_covers_it_as_often_as_it_says() -> None:
    """99 % intervals of 300 samples whose customers bring four like offers each: at most 9 may miss."""
    random = np.random.default_rng(4)
    missed, truth = 0, 0.760  # Phi(1 / sqrt(2)) of two normals one apart
    for _ in range(300):
        unit = np.repeat(np.arange(150), 4)
        came = np.repeat(random.random(150) < 0.4, 4)
        score = np.repeat(random.normal(size=150), 4) + came
        found = area(score, came.astype(float), unit)
        assert found is not None
        missed += not found.low <= truth <= found.high
    assert missed <= 9


def test_no_area_without_both_outcomes() -> None:
    assert area(np.arange(3.0), np.ones(3), np.arange(3)) is None


def test_groups_ascend_and_hold_every_row_once() -> None:
    random = np.random.default_rng(1)
    relevance = random.random(103)
    groups = reliability(relevance, (random.random(103) < relevance).astype(float), np.arange(103))
    assert sum(group.n for group in groups) == 103
    assert [group.promised for group in groups] == sorted(group.promised for group in groups)
    assert reliability(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)) == []


def test_the_calibration_error_is_the_mean_gap_and_its_noise_is_told() -> None:
    groups = [Group(promised=0.2, came=0.3, error=0.01, n=100), Group(promised=0.5, came=0.5, error=0.01, n=300)]
    error, noise = calibration_error(groups)
    assert error == pytest.approx(0.025)
    assert noise == pytest.approx(0.01 * np.sqrt(2.0 / np.pi))


def test_where_the_promise_holds_the_calibration_error_is_its_noise() -> None:
    random = np.random.default_rng(2)
    excess = []
    for _ in range(60):
        relevance = random.uniform(0.05, 0.4, 800)
        groups = reliability(relevance, (random.random(800) < relevance).astype(float), np.arange(800))
        error, noise = calibration_error(groups)
        excess.append(error - noise)
    assert abs(np.mean(excess)) < 0.003
