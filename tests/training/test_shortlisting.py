"""Claims about the weights of the first score."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg_training.shortlisting import fit_first_weights


def rows(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Three signals: twice the log-odds of the first, minus those of the second; the third says nothing."""
    random = np.random.default_rng(3)
    signals = random.normal(size=(n, 3)).astype(np.float32)
    p = 1 / (1 + np.exp(-(2 * signals[:, 0] - signals[:, 1] - 1)))
    return signals, (random.random(n) < p).astype(np.float32)


def test_the_weights_and_the_intercept_are_those_that_made_the_data() -> None:
    assert fit_first_weights(*rows()) == pytest.approx([2.0, -1.0, 0.0, -1.0], abs=0.15)


def test_a_signal_that_never_varies_has_weight_zero() -> None:
    signals, bought = rows()
    signals[:, 2] = 7.0
    assert fit_first_weights(signals, bought)[2] == 0.0


def test_the_scale_of_a_signal_does_not_change_the_order() -> None:
    signals, bought = rows()
    scaled = signals * np.array([1000.0, 1.0, 0.001], dtype=np.float32)
    first, second = fit_first_weights(signals, bought), fit_first_weights(scaled, bought)
    np.testing.assert_allclose(signals @ first[:-1], scaled @ second[:-1], atol=1e-3)


def test_without_a_purchase_or_without_a_row_the_weights_are_finite() -> None:
    signals, bought = rows(100)
    assert np.isfinite(fit_first_weights(signals, 0 * bought)).all()
    assert fit_first_weights(signals[:0], bought[:0])[:-1].tolist() == [0.0, 0.0, 0.0]


def test_weights_are_float32_one_a_signal_and_the_intercept() -> None:
    weights = fit_first_weights(*rows(200))
    assert weights.shape == (4,)
    assert weights.dtype == np.float32
