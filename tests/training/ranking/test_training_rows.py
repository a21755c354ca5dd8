"""Claims about the ranker's training rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mersalg_training.data.timeline import Float64
from mersalg_training.ranking.featurise import CandidateFeatures
from mersalg_training.ranking.training_rows import (
    COLUMNS,
    SOURCES,
    Matrix,
    joined,
    log_odds_of,
    recall_by_source,
    sampled,
)

N_ITEMS = 100
PLACES = slice(0, 40)


def found(bought: int, candidates: int = 30, requests: int = 3) -> CandidateFeatures:
    """Requests with so many candidates, of which the first few were bought; the other places are unused."""
    item = np.full((requests, 40), N_ITEMS, dtype=np.int64)
    item[:, :candidates] = np.arange(candidates)
    mask = np.zeros(item.shape, dtype=np.bool_)
    mask[:, :bought] = True
    features = np.repeat(item[:, :, None], 2, axis=2).astype(np.float32)
    return CandidateFeatures(
        np.arange(requests), item, 0 * item, mask, mask, features=features, first_score=-features[..., 0]
    )


def test_all_that_were_bought_are_kept_with_weight_one() -> None:
    kept = sampled(found(bought=4), PLACES, N_ITEMS, 5, np.random.default_rng(1))
    assert (kept.X[kept.y == 1, 0] < 4).all()
    assert kept.y.sum() == 3 * 4
    assert (kept.weight[kept.y == 1] == 1).all()


def test_a_kept_row_has_the_first_score_of_its_candidate() -> None:
    kept = sampled(found(bought=4), PLACES, N_ITEMS, 5, np.random.default_rng(1))
    assert len(kept.X) == 3 * (4 + 5)
    assert np.array_equal(kept.first_score, -kept.X[:, 0])


@pytest.mark.parametrize("negatives", [1, 5, 26, 40, 1000])
def test_kept_negatives_weigh_as_much_as_all_of_them(negatives: int) -> None:
    kept = sampled(found(bought=4), PLACES, N_ITEMS, negatives, np.random.default_rng(1))
    for row in range(3):
        mine = (kept.request == row) & (kept.y == 0)
        assert mine.sum() == min(negatives, 26)
        assert kept.weight[mine].sum() == pytest.approx(26)
    assert (kept.X[:, 0] < 30).all(), "an unused place is no negative"


def test_a_request_that_retrieved_nothing_brings_no_row() -> None:
    kept = sampled(found(bought=0, candidates=0), PLACES, N_ITEMS, 5, np.random.default_rng(1))
    assert [len(getattr(kept, name)) for name in COLUMNS] == [0] * len(COLUMNS)


def test_a_side_takes_its_own_places_alone() -> None:
    kept = sampled(found(bought=4), slice(2, 10), N_ITEMS, 100, np.random.default_rng(1))
    assert kept.y.sum() == 3 * 2
    assert len(kept.y) == 3 * 8


def test_batches_are_joined_in_the_order_of_the_requests() -> None:
    batch = sampled(found(bought=1), PLACES, N_ITEMS, 3, np.random.default_rng(1))
    turned = Matrix(**{name: getattr(batch, name)[::-1] for name in COLUMNS})
    later = replace(turned, request=turned.request + 3)
    matrix = joined([later, batch])
    assert matrix.request.tolist() == sorted(matrix.request.tolist())
    assert len(matrix.X) == 2 * len(batch.X)
    assert np.array_equal(matrix.first_score, -matrix.X[:, 0]), "all columns of a row move together"


def test_two_sides_stand_beside_each_other() -> None:
    batch = joined([sampled(found(bought=1), PLACES, N_ITEMS, 3, np.random.default_rng(1))])
    both = batch.beside(batch)
    assert isinstance(both, Matrix)
    assert both.y.tolist() == [*batch.y.tolist(), *batch.y.tolist()]


def test_recall_counts_what_each_source_found_and_the_union_counts_once() -> None:
    names = list(SOURCES.values())
    own = rows_of(np.zeros((3, len(names))), [1, 1, 0])
    X = np.zeros((4, len(names)))
    X[0, names.index("cosine")] = X[0, names.index("taste")] = 0.5
    X[1, names.index("taste")] = 0.1
    X[2, names.index("ladder")] = 0.9
    found = recall_by_source(own, rows_of(X, [1, 1, 0, 0]), names, targets=10)
    assert found["own products"] == pytest.approx(0.2)
    assert found["basket neighbours"] == pytest.approx(0.1)
    assert found["taste"] == pytest.approx(0.2)
    assert found["price ladder"] == 0.0, "what was not bought is no find"
    assert found["all together"] == pytest.approx(0.4)


def rows_of(X: Float64, bought: list[int]) -> Matrix:
    """Rows of one request, each of weight 1."""
    n = len(bought)
    y = np.array(bought, dtype=np.float32)
    return Matrix(X.astype(np.float32), y, np.ones(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.int64))


def test_rows_are_kept_by_a_mask() -> None:
    batch = joined([sampled(found(bought=1), PLACES, N_ITEMS, 3, np.random.default_rng(1))])
    kept = batch.rows(batch.y == 1)
    assert kept.y.tolist() == [1.0] * 3
    assert np.array_equal(kept.first_score, -kept.X[:, 0]), "all columns of a row are kept together"


def test_the_log_odds_of_rows_count_each_by_its_weight() -> None:
    one = np.zeros((4, 1), dtype=np.float32)
    matrix = Matrix(one, np.float32([1, 0, 0, 0]), np.float32([1, 1, 1, 1]), one[:, 0], np.arange(4))
    lighter = replace(matrix, weight=np.float32([2, 1, 1, 0]))
    assert log_odds_of(matrix) == pytest.approx(np.log(1.5 / 3.5))
    assert log_odds_of(lighter) == pytest.approx(0.0)
