"""Claims about the ranker's training rows."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg_training.featurise import Found
from mersalg_training.ranking import SOURCES, Matrix, joined, recall_by_source, sampled

N_ITEMS = 100
PLACES = slice(0, 40)


def found(bought: int, candidates: int = 30, requests: int = 3) -> Found:
    """Requests with so many candidates, of which the first few were bought; the other places are unused."""
    item = np.full((requests, 40), N_ITEMS, dtype=np.int64)
    item[:, :candidates] = np.arange(candidates)
    mask = np.zeros(item.shape, dtype=np.bool_)
    mask[:, :bought] = True
    features = np.repeat(item[:, :, None], 2, axis=2).astype(np.float32)
    return Found(np.arange(requests), item, 0 * item, mask, features=features)


def test_all_that_were_bought_are_kept_with_weight_one() -> None:
    X, y, weight, _ = sampled(found(bought=4), PLACES, N_ITEMS, 5, np.random.default_rng(1))
    assert (X[y == 1, 0] < 4).all()
    assert y.sum() == 3 * 4
    assert (weight[y == 1] == 1).all()


@pytest.mark.parametrize("negatives", [1, 5, 26, 40, 1000])
def test_kept_negatives_weigh_as_much_as_all_of_them(negatives: int) -> None:
    X, y, weight, request = sampled(found(bought=4), PLACES, N_ITEMS, negatives, np.random.default_rng(1))
    for row in range(3):
        mine = (request == row) & (y == 0)
        assert mine.sum() == min(negatives, 26)
        assert weight[mine].sum() == pytest.approx(26)
    assert (X[:, 0] < 30).all(), "an unused place is no negative"


def test_a_request_that_retrieved_nothing_brings_no_row() -> None:
    X, y, weight, request = sampled(found(bought=0, candidates=0), PLACES, N_ITEMS, 5, np.random.default_rng(1))
    assert len(X) == len(y) == len(weight) == len(request) == 0


def test_a_side_takes_its_own_places_alone() -> None:
    _, y, _, _ = sampled(found(bought=4), slice(2, 10), N_ITEMS, 100, np.random.default_rng(1))
    assert y.sum() == 3 * 2
    assert len(y) == 3 * 8


def test_batches_are_joined_in_the_order_of_the_requests() -> None:
    batch = sampled(found(bought=1), PLACES, N_ITEMS, 3, np.random.default_rng(1))
    turned = (*batch[:3], batch[3][::-1] + 3)
    matrix = joined([turned, batch])
    assert matrix.request.tolist() == sorted(matrix.request.tolist())
    assert len(matrix.X) == 2 * len(batch[0])


def test_two_sides_stand_beside_each_other() -> None:
    batch = joined([sampled(found(bought=1), PLACES, N_ITEMS, 3, np.random.default_rng(1))])
    both = batch.beside(batch)
    assert isinstance(both, Matrix)
    assert both.y.tolist() == [*batch.y.tolist(), *batch.y.tolist()]


def test_recall_counts_what_each_source_found_and_the_union_counts_once() -> None:
    names = list(SOURCES.values())
    own = Matrix(
        np.zeros((3, len(names)), np.float32),
        np.array([1, 1, 0], np.float32),
        np.ones(3, np.float32),
        np.zeros(3, np.int64),
    )
    X = np.zeros((4, len(names)), np.float32)
    X[0, names.index("cosine_sum")] = X[0, names.index("taste_sum")] = 0.5
    X[1, names.index("taste_sum")] = 0.1
    X[2, names.index("ladder_sum")] = 0.9
    new = Matrix(X, np.array([1, 1, 0, 0], np.float32), np.ones(4, np.float32), np.zeros(4, np.int64))
    found = recall_by_source(own, new, names, targets=10)
    assert found["own products"] == pytest.approx(0.2)
    assert found["basket neighbours"] == pytest.approx(0.1)
    assert found["taste"] == pytest.approx(0.2)
    assert found["price ladder"] == 0.0, "what was not bought is no find"
    assert found["all together"] == pytest.approx(0.4)
