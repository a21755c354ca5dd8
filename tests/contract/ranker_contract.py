"""What every ranker must do. A new one subclasses RankerContract and says its kind and its library's own score."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pytest

from mersalg.errors import DataError
from mersalg_training.config import RankerConfig
from mersalg_training.graph.trees import Float32, Float64, predict_raw
from mersalg_training.ranking import FittedTrees, Rows, make_ranker
from parity.trees_in_onnxruntime import raw_scores

SEED = 11


def evident_rows(n: int = 3000) -> Rows:
    """Label 1 where the first feature is above 0 or the second is missing; the third means nothing."""
    rng = np.random.default_rng(3)
    X = (rng.integers(-20, 20, (n, 3)) + 0.5).astype(np.float32)
    X[rng.random(n) < 0.1, 1] = np.nan
    y = ((X[:, 0] > 0) | np.isnan(X[:, 1])).astype(np.float32)
    return X, y, np.ones(n, dtype=np.float32)


def noisy_rows(n: int = 3000) -> Rows:
    """Whole-number features, a label that they only make more likely, and uneven weights."""
    rng = np.random.default_rng(4)
    X = rng.integers(0, 8, (n, 3)).astype(np.float32)
    y = (rng.random(n) < 0.1 + 0.1 * X[:, 0]).astype(np.float32)
    return X, y, rng.integers(1, 4, n).astype(np.float32)


def rows_with_a_start(n: int = 4000) -> tuple[Rows, Float32]:
    """Rows whose label follows log-odds that no feature tells, and is likelier where the first feature is 4 or more."""
    rng = np.random.default_rng(5)
    X = rng.integers(0, 8, (n, 3)).astype(np.float32)
    start = rng.normal(-1.0, 2.0, n).astype(np.float32)
    y = (rng.random(n) < probability(start + 2.0 * (X[:, 0] >= 4))).astype(np.float32)
    return (X, y, rng.integers(1, 4, n).astype(np.float32)), start


def probability(raw: Float64) -> Float64:
    return 1 / (1 + np.exp(-raw))


def log_loss(raw: Float64, y: Float32, weight: Float32) -> float:
    """The weighted mean over the rows."""
    p = probability(raw)
    return float(-np.average(np.log(np.where(y == 1, p, 1 - p)), weights=weight))


class RankerContract:
    """The claims. `config` holds the settings that the claims are made with."""

    config: RankerConfig

    @abstractmethod
    def native_raw(self, rows: Rows, X: Float32) -> Float64:
        """(n_rows,) log-odds of X by the library itself, fitted on the same rows with SEED."""

    def fit(self, rows: Rows, **options: object) -> FittedTrees:
        config = self.config.model_copy(update=options)
        return make_ranker(config).fit(*rows, seed=SEED)

    def test_it_learns_an_evident_rule(self) -> None:
        X, y, _ = rows = evident_rows()
        fitted = self.fit(rows)
        p = probability(predict_raw(fitted.table, X))
        assert p[y == 1].min() > 0.9
        assert p[y == 0].max() < 0.1
        assert fitted.gain.shape == (3,)
        assert fitted.gain[:2].min() > 100 * fitted.gain[2] >= 0

    def test_a_feature_that_is_always_missing_changes_nothing(self) -> None:
        X, y, weight = evident_rows()
        missing = np.full((len(X), 1), np.nan, dtype=np.float32)
        table = self.fit((np.concatenate([X, missing], axis=1), y, weight)).table
        assert not np.any(table.feature == X.shape[1])
        p = probability(predict_raw(table, np.concatenate([X, missing], axis=1)))
        assert p[y == 1].min() > 0.9
        assert p[y == 0].max() < 0.1

    def test_the_same_seed_gives_the_same_trees(self) -> None:
        first, second = self.fit(noisy_rows()).table, self.fit(noisy_rows()).table
        for name in ("roots", "feature", "threshold", "default_left", "left", "right", "leaf_value"):
            assert np.array_equal(getattr(first, name), getattr(second, name)), name

    def test_the_weighted_mean_of_the_probabilities_is_that_of_the_label(self) -> None:
        X, y, weight = rows = noisy_rows()
        p = probability(predict_raw(self.fit(rows).table, X))
        assert abs(np.average(p, weights=weight) - np.average(y, weights=weight)) < 1e-3

    def test_a_weight_of_two_is_the_row_twice(self) -> None:
        X, y, weight = noisy_rows()
        repeats = weight.astype(int)
        twice = np.repeat(X, repeats, axis=0), np.repeat(y, repeats), np.ones(repeats.sum(), dtype=np.float32)
        weighted = predict_raw(self.fit((X, y, weight), min_leaf_rows=1).table, X)
        np.testing.assert_allclose(weighted, predict_raw(self.fit(twice, min_leaf_rows=1).table, X), rtol=0, atol=1e-4)
        even = predict_raw(self.fit((X, y, np.ones_like(weight)), min_leaf_rows=1).table, X)
        assert np.abs(weighted - even).max() > 0.05

    def test_a_row_of_weight_zero_teaches_nothing_about_the_label(self) -> None:
        X, y, weight = evident_rows()
        wrong = np.concatenate([X, X]), np.concatenate([y, 1 - y]), np.concatenate([weight, 0 * weight])
        p = probability(predict_raw(self.fit(wrong).table, X))
        assert p[y == 1].min() > 0.9
        assert p[y == 0].max() < 0.1

    @pytest.mark.parametrize("rows", [evident_rows(), noisy_rows()], ids=["evident", "noisy"])
    def test_library_table_and_onnxruntime_give_one_score(self, rows: Rows) -> None:
        rng = np.random.default_rng(6)
        table = self.fit(rows).table
        X = np.concatenate([rows[0], rng.normal(scale=4, size=rows[0].shape).astype(np.float32)])
        X[rng.random(X.shape) < 0.2] = np.nan
        X[rng.random(X.shape) < 0.02] = np.inf
        X[rng.random(X.shape) < 0.02] = -np.inf
        X[rng.random(X.shape) < 0.05] = 0
        expected = self.native_raw(rows, X)
        np.testing.assert_allclose(predict_raw(table, X), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(raw_scores(table, X), expected, rtol=0, atol=1e-5)

    def test_infinite_features_score_as_the_library_scores_them(self) -> None:
        X, y, weight = evident_rows()
        X[::7, 2], X[1::7, 2] = np.inf, -np.inf
        y[::7] = 0
        table = self.fit((X, y, weight)).table
        np.testing.assert_allclose(predict_raw(table, X), self.native_raw((X, y, weight), X), rtol=0, atol=1e-12)

    def test_rows_that_allow_no_split_give_the_share_of_the_label(self) -> None:
        X, y, weight = noisy_rows()
        fitted = self.fit((np.zeros_like(X), y, weight))
        expected = np.average(y, weights=weight)
        assert probability(predict_raw(fitted.table, X)) == pytest.approx(np.full(len(X), expected), abs=1e-6)
        assert fitted.gain.tolist() == [0, 0, 0]

    def test_without_validation_every_round_is_kept_and_the_loss_falls(self) -> None:
        X, y, weight = rows = noisy_rows()
        fitted = self.fit(rows)
        assert fitted.table.n_trees == len(fitted.loss) == self.config.trees
        assert fitted.validation_loss is None
        assert np.all(np.diff(fitted.loss) < 0)
        assert fitted.loss[-1] == pytest.approx(log_loss(predict_raw(fitted.table, X), y, weight))

    def test_start_and_trees_or_trees_that_stand_alone_are_the_log_odds(self) -> None:
        (X, y, weight), start = rows_with_a_start()
        fitted = make_ranker(self.config).fit(X, y, weight, start=start, seed=SEED)
        given = start if fitted.table.adds_to_start else np.zeros_like(start)
        raw = predict_raw(fitted.table, X) + given
        assert fitted.loss[-1] == pytest.approx(log_loss(raw, y, weight))
        for high in (False, True):
            rows = (X[:, 0] >= 4) == high
            expected = np.average(y[rows], weights=weight[rows])
            assert np.average(probability(raw[rows]), weights=weight[rows]) == pytest.approx(expected, abs=5e-3)

    def test_the_score_never_falls_in_a_rising_feature_and_may_in_others(self) -> None:
        X, y, weight = noisy_rows()
        y = (np.sin(X[:, 0] * 3) > 0).astype(np.float32)  # it falls, too
        grid = np.repeat(X[:50], 40, axis=0)
        grid[:, 0] = np.tile(np.linspace(X[:, 0].min(), X[:, 0].max(), 40, dtype=np.float32), 50)

        def least_step(rising: list[int]) -> float:
            table = make_ranker(self.config).fit(X, y, weight, rising=rising, seed=SEED).table
            return float(np.diff(predict_raw(table, grid).reshape(50, 40), axis=1).min())

        assert least_step([0]) >= 0
        assert least_step([]) < -0.1

    def test_with_validation_the_trees_end_at_its_lowest_loss(self) -> None:
        X, y, weight = noisy_rows(600)
        held_out = noisy_rows(4000)
        config = self.config.model_copy(update={"trees": 400, "min_leaf_rows": 5})
        fitted = make_ranker(config).fit(X, y, weight, validation=held_out, seed=SEED)
        assert fitted.validation_loss is not None
        assert fitted.table.n_trees == np.argmin(fitted.validation_loss) + 1
        assert len(fitted.loss) == len(fitted.validation_loss) < 400
        loss = log_loss(predict_raw(fitted.table, held_out[0]), *held_out[1:])
        assert fitted.validation_loss.min() == pytest.approx(loss)

    def test_progress_ends_with_all_rounds(self) -> None:
        told: list[tuple[int, int]] = []
        make_ranker(self.config).fit(*noisy_rows(), seed=SEED, progress=lambda done, of: told.append((done, of)))
        assert told[-1] == (self.config.trees, self.config.trees)
        assert told == sorted(told)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda X, y, w: (X.astype(np.float64), y, w), "X: expected a float32 matrix"),
            (lambda X, y, w: (X[:0], y[:0], w[:0]), "X: expected a float32 matrix that is not empty"),
            (lambda X, y, w: (X, y[1:], w), "y: expected shape"),
            (lambda X, y, w: (X, y / 2, w), "y: expected 0 and 1, got 0.5"),
            (lambda X, y, w: (X, y, w - 2), "weight: expected finite numbers not below 0, got -1"),
            (lambda X, y, w: (X, y, w * np.float32(np.nan)), "weight: expected finite numbers"),
            (lambda X, y, w: (X, 0 * y, w), "got none of 1"),
            (lambda X, y, w: (X, y, w * y), "got none of 0"),
        ],
    )  # fmt: skip
    def test_rows_that_do_not_hold_are_refused(self, change, said: str) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(DataError, match=said):
            self.fit(change(*evident_rows(100)))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda start: start[1:], "start: expected shape"),
            (lambda start: start * np.float32(np.inf), "start: expected finite log-odds"),
        ],
    )
    def test_a_start_that_does_not_hold_is_refused(self, change, said: str) -> None:  # type: ignore[no-untyped-def]
        rows, start = rows_with_a_start(100)
        with pytest.raises(DataError, match=said):
            make_ranker(self.config).fit(*rows, start=change(start), seed=SEED)

    def test_validation_rows_beside_a_start_are_refused(self) -> None:
        rows, start = rows_with_a_start(100)
        with pytest.raises(DataError, match="validation rows: expected none beside a start"):
            make_ranker(self.config).fit(*rows, start=start, validation=rows, seed=SEED)

    def test_validation_rows_of_another_width_are_refused(self) -> None:
        X, y, weight = evident_rows(100)
        with pytest.raises(DataError, match="validation rows: expected 3 features, got 2"):
            make_ranker(self.config).fit(X, y, weight, validation=(X[:, :2], y, weight), seed=SEED)
