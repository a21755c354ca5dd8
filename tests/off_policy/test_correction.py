"""Claims about the correction of a ranker by what was accepted: what it learns, and when it is taken."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg_training.config import AcceptanceConfig
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.graph.trees import predict_raw
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.comparison import PairedValue, paired_value
from mersalg_training.off_policy.correction import CorrectionRows, corrected, fit_correction, level, weights
from mersalg_training.off_policy.estimators import Weighted
from mersalg_training.off_policy.examination import Examination
from mersalg_training.off_policy.learned_acceptance import is_taken
from small_log import drawn_log, gather

CONFIG = AcceptanceConfig(trees=30, leaves=4)


def rows_of(offers: LoggedOffers, feature: np.ndarray, score: float = -1.0) -> CorrectionRows:
    """All offers as candidates of one score, whose second feature is given."""
    X = np.stack([np.zeros(len(offers)), feature], axis=1).astype(np.float32)
    return CorrectionRows(X, np.full(len(offers), score), np.arange(len(offers)))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> LoggedOffers:
    """2,000 requests with three drawn products each; positions are looked at 1, 0.6 and 0.3 times as often."""
    return gather(drawn_log(2000, np.random.default_rng(2)), tmp_path_factory.mktemp("log"))


def test_what_is_accepted_more_often_is_lifted_and_nothing_else(log: LoggedOffers) -> None:
    fitted = fit_correction(rows_of(log, log.product.astype(float)), log, None, CONFIG, seed=1)
    products = np.unique(log.product)
    rates = [log.accepted[log.product == product].mean() for product in products]
    told = predict_raw(fitted.table, rows_of_products(products))
    assert np.array_equal(np.argsort(told), np.argsort(rates))
    nothing = fit_correction(rows_of(log, np.zeros(len(log))), log, None, CONFIG, seed=1)
    assert predict_raw(nothing.table, rows_of_products(products)) == pytest.approx(np.zeros(len(products)), abs=1e-6)


def rows_of_products(products: np.ndarray) -> np.ndarray:
    return np.stack([np.zeros(len(products)), products], axis=1).astype(np.float32)


def test_an_offer_is_not_blamed_for_a_position_that_is_rarely_looked_at(log: LoggedOffers) -> None:
    by_position = rows_of(log, log.position.astype(float))
    places = rows_of_products(np.array([1.0, 2.0, 3.0]))
    blamed = predict_raw(fit_correction(by_position, log, None, CONFIG, seed=1).table, places)
    looked_at = Examination(np.array([1.0, 0.6, 0.3]), [])
    cleared = predict_raw(fit_correction(by_position, log, looked_at, CONFIG, seed=1).table, places)
    assert blamed[0] - blamed[2] > 0.8, "ln(1 / 0.3) is 1.2"
    assert abs(cleared[0] - cleared[2]) < 0.3


def test_weights_are_the_inverse_of_chances_cut_where_few_are_left() -> None:
    propensity = np.array([0.5] * 99 + [0.001])
    weight = weights(propensity)
    assert weight.mean() == pytest.approx(1.0)
    assert weight[-1] / weight[0] < 20.0, "and not 500"
    assert weights(np.array([0.5, np.nan])).tolist() == [1.0, 1.0]


def test_the_level_lets_the_start_promise_what_was_accepted() -> None:
    start, accepted = np.array([-3.0, 0.0, 2.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    shift = level(start, accepted, np.ones(4))
    assert (1.0 / (1.0 + np.exp(-(start + shift)))).sum() == pytest.approx(2.0)


def test_a_corrected_ranker_gives_the_sum_of_both(log: LoggedOffers) -> None:
    fitted = fit_correction(rows_of(log, log.product.astype(float)), log, None, CONFIG, seed=1)
    X = rows_of_products(np.unique(log.product))
    both = corrected(fitted, fitted)
    assert predict_raw(both.table, X) == pytest.approx(2 * predict_raw(fitted.table, X))
    assert both.table.adds_to_start


def weighed(accepted: np.ndarray, taken: np.ndarray) -> Weighted:
    """A policy that makes one of two offers, each logged with a chance of a half, in each request."""
    n = len(accepted)
    ones, rows = np.ones(n), np.arange(n)
    likely = np.full(n, accepted.mean())
    return Weighted(rows, rows, accepted, 2.0 * taken, likely, ones, ones, likely, accepted)


def test_the_same_policy_twice_is_worth_nothing_more_and_a_better_one_surely_is() -> None:
    random = np.random.default_rng(4)
    first = random.random(3000) < 0.5
    accepted = (random.random(3000) < np.where(first, 0.2, 0.4)).astype(np.float64)
    same = paired_value(weighed(accepted, first), weighed(accepted, first), np.random.default_rng(1))
    for gain in same.more.values():
        assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)
    better = paired_value(weighed(accepted, first), weighed(accepted, ~first), np.random.default_rng(1))
    for name in ("SNIPS", "DR"):
        assert better.more[name].low > 0.1
        assert better.more[name].low < 0.2 < better.more[name].high
    none = paired_value(weighed(accepted, first), weighed(accepted, first & False), np.random.default_rng(1))
    assert none.missing is not None
    assert none.missing.startswith("second policy: the log holds too few")


def judged(snips: float, half: float, area: float = 0.0) -> PairedValue:
    one = Estimate(0.2, 0.1, 0.3, 100)
    gain = Estimate(snips, snips - half, snips + half, 100)
    return PairedValue(None, 100, 300, {"SNIPS": (one, one)}, {"SNIPS": gain}, Estimate(area, area - 0.01, area, 100))


@pytest.mark.parametrize(
    ("value", "taken", "why"),
    [
        (judged(0.05, 0.02), True, "SNIPS surely rises"),
        (judged(0.05, 0.08, area=0.1), False, "SNIPS of the later offers may fall by more than 5%"),
        (judged(0.0, 0.005, area=0.1), True, "the order of accepted offers surely rises"),
        (judged(0.0, 0.005), False, "nothing of the later offers surely rises"),
        (PairedValue("no propensity", 0, 0, {}, {}, None), False, "no propensity"),
    ],
)
def test_it_is_taken_where_nothing_may_fall_and_something_surely_rises(
    value: PairedValue, taken: bool, why: str
) -> None:
    assert is_taken(value)[0] == taken
    assert why in is_taken(value)[1]
