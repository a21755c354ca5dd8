"""Claims about the weights of the first score: which of a request's candidates are bought, and how often."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg_training.data.timeline import Float32, Int64
from mersalg_training.ranking.first_stage import FLOOR, choice_weights, fit_first_weights

Rows = tuple[Float32, Float32, Int64]
WIDE = 20
"""Candidates of a request."""
WEIGHTS, INTERCEPT = (2.0, -1.0, 0.0), -5.0


def rows(requests: int = 3000, appetite: float = 0.0) -> Rows:
    """Three signals that make the log-odds by WEIGHTS and INTERCEPT; signals, whether bought, and the request of each.

    appetite: some requests buy more of everything; the second signal tells which, and is alike within a request.
    """
    random = np.random.default_rng(3)
    request = np.repeat(np.arange(requests), WIDE)
    signals = random.normal(size=(len(request), 3)).astype(np.float32)
    log_odds = signals @ np.array(WEIGHTS, dtype=np.float32) + INTERCEPT
    if appetite:
        hungry = random.normal(size=requests).astype(np.float32)[request]
        log_odds += appetite * hungry - WEIGHTS[1] * signals[:, 1]
        signals[:, 1] = hungry
    bought = random.random(len(request)) < 1 / (1 + np.exp(-log_odds))
    return signals, bought.astype(np.float32), request


def shuffled(given: Rows) -> Rows:
    order = np.random.default_rng(5).permutation(len(given[1]))
    signals, bought, request = given
    return signals[order], bought[order], request[order]


def test_the_weights_and_the_intercept_are_those_that_made_the_data() -> None:
    assert fit_first_weights(*rows()) == pytest.approx([*WEIGHTS, INTERCEPT], abs=0.2)


def test_the_score_is_the_log_odds_of_being_bought() -> None:
    signals, bought, request = rows()
    weights = fit_first_weights(signals, bought, request)
    p = 1 / (1 + np.exp(-(signals @ weights[:-1] + weights[-1]).astype(np.float64)))
    assert p.sum() == pytest.approx(bought.sum(), rel=0.02)
    likely = p > np.quantile(p, 0.9)
    assert p[likely].sum() == pytest.approx(bought[likely].sum(), rel=0.1)


def test_what_all_candidates_of_a_request_share_has_no_influence() -> None:
    signals, bought, request = rows(appetite=1.5)
    assert np.corrcoef(signals[:, 1], bought)[0, 1] > 0.1, "it does tell how much is bought"
    weights = fit_first_weights(signals, bought, request)
    assert weights[1] == pytest.approx(0.0, abs=0.05)
    assert weights[0] > 1.0


def test_a_request_counts_by_the_square_root_of_its_purchases() -> None:
    speaks_for = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=np.float32)
    buys_four, buys_one = speaks_for, np.array([0, 0, 0, 0, 1, 0, 0, 0], dtype=np.float32)
    signals = np.tile(speaks_for, 2)[:, None]
    weight = choice_weights(signals, np.concatenate([buys_four, buys_one]), np.repeat([0, 1], 8))
    assert weight == pytest.approx([np.log(2.0 / 1.0)], abs=0.01), "by purchases it would be 4 to 1, by requests 1 to 1"


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_signal_that_never_varies_has_weight_zero(value: float) -> None:
    signals, bought, request = rows(500)
    signals[:, 2] = value
    assert fit_first_weights(signals, bought, request)[2] == 0.0


def test_the_scale_of_a_signal_does_not_change_the_order() -> None:
    signals, bought, request = rows(500)
    scaled = signals * np.array([1000.0, 1.0, 0.001], dtype=np.float32)
    first, second = fit_first_weights(signals, bought, request), fit_first_weights(scaled, bought, request)
    np.testing.assert_allclose(signals @ first[:-1], scaled @ second[:-1], atol=0.02)


def test_the_order_of_the_rows_does_not_matter() -> None:
    given = rows(500)
    np.testing.assert_allclose(fit_first_weights(*given), fit_first_weights(*shuffled(given)), atol=0.01)


def test_where_nothing_was_bought_only_the_intercept_speaks() -> None:
    signals, bought, request = rows(100)
    assert fit_first_weights(signals, 0 * bought, request).tolist() == [0.0, 0.0, 0.0, FLOOR]
    assert fit_first_weights(signals[:0], bought[:0], request[:0]).tolist() == [0.0, 0.0, 0.0, FLOOR]


def test_weights_are_float32_one_a_signal_and_the_intercept() -> None:
    weights = fit_first_weights(*rows(200))
    assert weights.shape == (4,)
    assert weights.dtype == np.float32
