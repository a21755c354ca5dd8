"""Claims about the pictures: they show what they are given, whatever it is."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import pytest

from mersalg.names import KINDS, Kind
from mersalg_training.evaluation.metrics import wilson
from mersalg_training.plots.evaluation import (
    Booleans,
    Floats,
    Int64,
    precision_against_coverage,
    relevance_distribution,
    reliability,
    reliability_groups,
    results_by_task,
)
from mersalg_training.plots.training import feature_importances, recall_of_candidates, training_loss

THRESHOLDS: dict[Kind, float | None] = {"cross-sell": 0.1, "upsell": None, "replacement": 0.999}


class Row(NamedTuple):
    task: str
    method: str
    metric: str
    value: float
    low: float
    high: float


class Shown(NamedTuple):
    predicted: Floats
    bought: Booleans
    kind: Int64


def shown(n: int) -> Shown:
    generator = np.random.default_rng(3)
    predicted = generator.beta(1, 9, n)
    return Shown(predicted, generator.random(n) < predicted, generator.integers(0, len(KINDS), n))


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_group_holds_what_was_promised_and_what_came() -> None:
    predicted = np.array([0.9, 0.1, 0.8, 0.2] * 5)
    bought = predicted > 0.5
    promised, came, n = reliability_groups(predicted, bought)
    np.testing.assert_allclose(promised, [0.1, 0.1, 0.15, 0.2, 0.2, 0.8, 0.8, 0.85, 0.9, 0.9])
    np.testing.assert_array_equal(came, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(n, [2] * 10)


def test_the_interval_of_ten_in_a_hundred_is_wilsons() -> None:
    low, high = wilson(np.array([0.1, 0.0, 1.0]), np.array([100, 100, 100]))
    np.testing.assert_allclose(low, [0.05523, 0.0, 0.96301], atol=1e-5)
    np.testing.assert_allclose(high, [0.17437, 0.03699, 1.0], atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 7, 4000])
def test_the_offers_pictures_hold_for_any_number_of_offers(n: int) -> None:
    rows = shown(n)
    for png in (
        reliability(*rows),
        precision_against_coverage(*rows, THRESHOLDS),
        relevance_distribution(rows.predicted, rows.kind, THRESHOLDS),
    ):
        assert min(size(png)) > 100


def test_reliability_grows_by_a_panel_a_kind() -> None:
    rows = shown(1000)
    one = rows.kind == 0
    narrow = reliability(rows.predicted[one], rows.bought[one], rows.kind[one])
    assert size(reliability(*rows))[0] > 2 * size(narrow)[0]


def test_relevances_of_exactly_zero_and_one_are_drawn() -> None:
    predicted, bought = np.array([0.0, 1.0] * 20), np.array([False, True] * 20)
    kind = np.zeros(40, np.int64)
    assert size(reliability(predicted, bought, kind))
    assert size(relevance_distribution(predicted, kind, THRESHOLDS))


def test_never_bought_is_drawn() -> None:
    rows = shown(100)
    never = np.zeros(100, bool)
    assert size(reliability(rows.predicted, never, rows.kind))
    assert size(precision_against_coverage(rows.predicted, never, rows.kind, THRESHOLDS))


def test_results_grow_by_a_row_a_task_and_bear_a_missing_method() -> None:
    first = [Row("basket", m, "NDCG@10", 0.1, 0.09, 0.11) for m in ("mersalg", "popularity")]
    two = [*first, Row("upsell", "mersalg", "NDCG@10", 0.0, 0.0, 0.0)]
    assert size(results_by_task(two))[1] > size(results_by_task(first))[1]
    assert size(results_by_task([]))


def test_results_draw_ndcg_and_recall_alone() -> None:
    both = [Row("basket", "mersalg", metric, 0.1, 0.09, 0.11) for metric in ("NDCG@10", "recall@10")]
    more = [Row("basket", "mersalg", metric, 0.1, 0.09, 0.11) for metric in ("coverage@10", "revenue@10")]
    other = Row("another task", "mersalg", "hit rate@10", 0.1, 0.09, 0.11)
    assert results_by_task([*both, *more, other]) == results_by_task(both)
    assert size(results_by_task(both))[0] > 1.5 * size(results_by_task(both[:1]))[0]


def test_importances_are_cut_at_the_first_25() -> None:
    many = {f"feature {i}": float(100 - i) for i in range(60)}
    first = dict(list(many.items())[:25])
    assert size(feature_importances(many))[1] == size(feature_importances(first))[1]
    assert size(feature_importances({}))
    assert size(feature_importances({"unused": 0.0}))


def test_candidates_and_loss_are_drawn() -> None:
    assert size(recall_of_candidates({"basket": 0.3, "own": 0.0}))
    assert size(training_loss({"fit": [0.5, 0.4, 0.3], "calibrate": [0.6, 0.5, 0.45], "none": []}))
    assert size(training_loss({}))


def test_the_same_input_gives_the_same_bytes() -> None:
    rows = shown(300)
    assert reliability(*rows) == reliability(*rows)
    assert b"matplotlib" not in reliability(*rows).lower()


def test_drawing_leaves_no_global_figure() -> None:
    from matplotlib import _pylab_helpers

    recall_of_candidates({"basket": 0.3})
    assert not _pylab_helpers.Gcf.figs
