"""Claims: the relevance rises with the score without a cliff, is true where the truth is known, and is the graph's."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from mersalg.names import KINDS
from mersalg.session import open_runtime
from mersalg_training.calibration.curve import MIN_GAP, MIN_ROWS, fit_calibration, monotone
from mersalg_training.data.timeline import Float32, Int64
from mersalg_training.graph.builder import GraphBuilder
from mersalg_training.graph.calibration import KNOTS, Calibration
from mersalg_training.graph.decide import calibrated

Rows = tuple[Float32, Int64, Float32]


def truth(score: Float32, kind: Int64) -> Float32:
    """Each kind has a logistic curve of its own."""
    return (1 / (1 + np.exp(-(score - 0.5 * kind)))).astype(np.float32)


def simulated(n: int, seed: int = 3) -> Rows:
    random = np.random.default_rng(seed)
    score = random.normal(scale=2.0, size=n).astype(np.float32)
    kind = random.integers(0, len(KINDS), n)
    return score, kind, (random.random(n) < truth(score, kind)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    return fit_calibration(*simulated(100_000))


GRID = np.linspace(-8, 8, 20_001, dtype=np.float32)


def curve(calibration: Calibration, kind: int, grid: Float32 = GRID) -> Float32:
    return calibration.apply(grid, np.full(len(grid), kind))


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_the_relevance_is_the_true_probability_where_that_is_known(fitted: Calibration, kind: int) -> None:
    inside = GRID[np.abs(GRID) < 4]
    error = np.abs(curve(fitted, kind, inside) - truth(inside, np.full(len(inside), kind)))
    assert error.mean() < 0.015
    assert error.max() < 0.06


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n", [3, 40, 400, 4000])
def test_it_never_falls_and_stays_within_zero_and_one(n: int, seed: int) -> None:
    score, kind, bought = simulated(n, seed)
    calibration = fit_calibration(score, kind, (bought * (seed % 3 > 0)).astype(np.float32))
    for k in range(len(KINDS)):
        relevance = curve(calibration, k)
        assert np.diff(relevance).min() >= -1e-6
        assert relevance.min() >= 0.0
        assert relevance.max() <= 1.0


@pytest.mark.parametrize("seed", range(6))
def test_it_has_no_cliff(seed: int) -> None:
    score, kind, _ = simulated(4000, seed)
    step = (score > 0.3).astype(np.float32)  # the hardest truth: a step
    calibration = fit_calibration(score, kind, step)
    steepest = 1.0 / MIN_GAP
    for k in range(len(KINDS)):
        rise = np.diff(curve(calibration, k)) / np.diff(GRID)
        assert rise.max() <= steepest * 1.05
    used = np.isfinite(calibration.score)
    for k in range(len(KINDS)):
        assert np.diff(calibration.score[k][used[k]]).min(initial=1.0) >= MIN_GAP * 0.999


def test_each_piece_ends_where_the_next_one_starts(fitted: Calibration) -> None:
    for k in range(len(KINDS)):
        used = int(np.isfinite(fitted.score[k]).sum())
        assert 1 < used <= KNOTS
        ends = fitted.relevance[k, : used - 1] + fitted.slope[k, : used - 1] * np.diff(fitted.score[k, :used])
        np.testing.assert_allclose(ends, fitted.relevance[k, 1:used], atol=1e-6)
        assert fitted.slope[k, used - 1] == 0.0


def test_outside_the_knots_the_first_and_the_last_relevance_hold(fitted: Calibration) -> None:
    far = np.array([-1e9, 1e9], dtype=np.float32)
    for k in range(len(KINDS)):
        last = int(np.isfinite(fitted.score[k]).sum()) - 1
        assert curve(fitted, k, far).tolist() == [fitted.relevance[k, 0], fitted.relevance[k, last]]


@pytest.mark.parametrize("n", [0, 5, 60, MIN_ROWS - 1])
def test_a_kind_with_few_rows_is_calibrated_by_what_it_shares_with_the_others(n: int) -> None:
    """Its truth lies as far from the others' as theirs from each other."""
    random = np.random.default_rng(4)
    inside = GRID[np.abs(GRID) < 4]
    errors, alone = [], []
    for _ in range(5):
        score, kind, bought = simulated(20_000, int(random.integers(1000)))
        few = (kind != 2) | (np.cumsum(kind == 2) <= n)
        true = truth(inside, np.full(len(inside), 2))
        errors.append(np.abs(curve(fit_calibration(score[few], kind[few], bought[few]), 2, inside) - true).mean())
        own = few & (kind == 2)
        alone.append(np.abs(curve(fit_calibration(score[own], kind[own], bought[own]), 2, inside) - true).mean())
    assert np.mean(errors) < 0.03
    assert np.mean(errors) < np.mean(alone) + 0.001


def test_a_strong_offer_of_a_small_kind_is_told_from_its_weak_ones() -> None:
    """Thirty offers of add-ons, of which the two strong ones say little by themselves."""
    score, kind, bought = simulated(4000)
    rest = kind != 1
    small = np.linspace(-4.0, 0.5, 30).astype(np.float32)
    found = fit_calibration(
        np.append(score[rest], small), np.append(kind[rest], np.ones(30, dtype=np.int64)),
        np.append(bought[rest], np.zeros(30, dtype=np.float32)),
    )  # fmt: skip
    strong, weak = found.apply(np.float32([0.5, -4.0]), np.array([1, 1]))
    assert strong > 0.2
    assert weak < 0.04


def test_a_kind_of_which_much_was_shown_and_nothing_bought_is_drawn_down() -> None:
    score, kind, bought = simulated(4000)
    never = (bought * (kind != 1)).astype(np.float32)
    score_of = np.array([0.0], dtype=np.float32)
    before, after = (fit_calibration(score, kind, b).apply(score_of, np.array([1]))[0] for b in (bought, never))
    assert after < 0.1 * before


def test_isotonic_blocks_of_a_hand_made_table_are_pooled_where_they_fall() -> None:
    levels = np.repeat(np.array([0.0, 1.0, 2.0, 3.0]), 600)
    shares = np.array([0.1, 0.4, 0.2, 0.7])  # the middle two are out of order: both become 0.3
    bought = np.concatenate([np.arange(600) < share * 600 for share in shares]).astype(np.float64)
    knots, relevance = monotone(levels, bought, bought)
    at = np.interp([0.0, 1.5, 3.0], knots, relevance)
    assert at == pytest.approx([0.1, 0.3, 0.7], abs=0.02)


def test_without_rows_nothing_is_relevant() -> None:
    nothing = np.zeros(0, dtype=np.float32)
    calibration = fit_calibration(nothing, nothing.astype(np.int64), nothing)
    assert curve(calibration, 0).max() == 0.0


def test_the_graph_gives_the_very_same_numbers(fitted: Calibration) -> None:
    graph = GraphBuilder("calibration")
    score = graph.input("score", TensorProto.FLOAT, ["c"])
    kind = graph.input("kind", TensorProto.INT64, ["c"])
    graph.output(calibrated(graph, fitted, score, kind), "relevance", TensorProto.FLOAT, ["c"])
    runtime = open_runtime(graph.model().SerializeToString())
    random = np.random.default_rng(5)
    knots = fitted.score[np.isfinite(fitted.score)]
    beside = [knots, np.nextafter(knots, np.float32(-np.inf)), np.nextafter(knots, np.float32(np.inf))]
    scores = np.concatenate([*beside, random.normal(scale=4, size=5000), [-1e9, 1e9]]).astype(np.float32)
    kinds = random.integers(0, len(KINDS), len(scores))
    found = runtime.run(["relevance"], {"score": scores, "kind": kinds})[0]
    np.testing.assert_array_equal(found, fitted.apply(scores, kinds))
