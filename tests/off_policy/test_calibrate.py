"""Claims about calibration from acceptance: it finds what choice and position hide, and keeps its word."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg.errors import DataError
from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.config import ThresholdConfig
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import scored_log
from mersalg_training.off_policy.calibrate import (
    as_if_worst_placed,
    calibrate_on_acceptance,
    few_requests_of_unit,
    stays,
)
from mersalg_training.off_policy.examination import Examination
from mersalg_training.ranking.cases import Cases, ragged

WANTED = 0.2
CONFIG = ThresholdConfig(precision=dict.fromkeys(KINDS, WANTED), confidence=0.9)


def make_offers(request: Int64, accepted: Float64, propensity: Float64, position: Int64) -> LoggedOffers:
    """Offers of customers with two requests each."""
    n_requests = int(request.max()) + 1
    empty = ragged([np.zeros(0, dtype=np.int64)] * n_requests)
    unit = np.arange(n_requests) // 2
    cases = Cases(
        np.ones(n_requests, dtype=np.int64), np.zeros(n_requests), empty, np.zeros((n_requests, 2), dtype=np.int64),
        empty, unit, np.arange(n_requests),
    )  # fmt: skip
    kind = np.zeros(len(request), dtype=np.int64)
    return LoggedOffers(request, request, kind, position, propensity, accepted, cases, unit, True, True)


def scored(offers: LoggedOffers, score: Float64) -> ScoredOffers:
    """Every offer a cross-sell that the bundle answers for."""
    n, as_float32 = len(offers), score.astype(np.float32)
    return scored_log(offers, as_float32, as_float32, np.zeros(n, dtype=np.int64))


def curve(score: Float32 | Float64) -> Float64:
    """How likely an offer of a score is accepted when it is looked at."""
    return np.asarray(1.0 / (1.0 + np.exp(2.0 - np.asarray(score, dtype=np.float64))))


def relevance_at(offers: LoggedOffers, score: Float64, examination: Examination | None = None) -> Float32:
    """The calibrated relevance at the scores -1, 0, 1."""
    made = calibrate_on_acceptance(offers, scored(offers, score), CONFIG, np.random.default_rng(5), examination)
    return made.calibration.apply(np.array([-1, 0, 1], dtype=np.float32), np.zeros(3, dtype=np.int64))


def test_without_choice_and_position_the_curve_is_that_of_acceptance() -> None:
    random = np.random.default_rng(1)
    score = random.normal(0.0, 1.0, 40_000)
    accepted = (random.random(40_000) < curve(score)).astype(np.float64)
    offers = make_offers(np.arange(40_000), accepted, np.full(40_000, 0.3), np.ones(40_000, dtype=np.int64))
    assert relevance_at(offers, score) == pytest.approx(curve(np.array([-1, 0, 1])), abs=0.03)


def test_propensities_undo_a_policy_that_chose_by_what_the_score_does_not_know() -> None:
    """Of every score half of the products are liked thrice as much, and shown four times as often."""
    random = np.random.default_rng(2)
    n = 120_000
    score, liked = random.normal(0.0, 1.0, n), random.random(n) < 0.5
    likely = 0.5 * curve(score) * np.where(liked, 1.5, 0.5)
    chance = np.where(liked, 0.8, 0.2)
    shown = random.random(n) < chance
    accepted = (random.random(n) < likely).astype(np.float64)
    ones = np.ones(int(shown.sum()), dtype=np.int64)
    rows = np.arange(int(shown.sum()))
    weighed = make_offers(rows, accepted[shown], chance[shown], ones)
    unweighed = make_offers(rows, accepted[shown], np.full(len(rows), np.nan), ones)
    truth = 0.5 * curve(np.array([-1, 0, 1]))
    assert relevance_at(weighed, score[shown]) == pytest.approx(truth, abs=0.03)
    assert (relevance_at(unweighed, score[shown])[1:] > truth[1:] + 0.01).all(), "without them it promises too much"


def test_positions_are_put_level_with_the_worst() -> None:
    """The better half stands first and is looked at twice as often."""
    random = np.random.default_rng(3)
    n = 60_000
    score = random.normal(0.0, 1.0, n)
    position = np.where(score + random.normal(0.0, 1.0, n) > 0, 1, 2)
    looked_at = np.array([1.0, 0.5])
    accepted = (random.random(n) < curve(score) * looked_at[position - 1]).astype(np.float64)
    offers = make_offers(np.arange(n), accepted, np.full(n, np.nan), position)
    found = relevance_at(offers, score, Examination(looked_at, []))
    assert found == pytest.approx(0.5 * curve(np.array([-1, 0, 1])), abs=0.03)


def test_a_threshold_is_certified_where_enough_is_accepted() -> None:
    random = np.random.default_rng(4)
    score = random.normal(0.0, 1.5, 20_000)
    accepted = (random.random(20_000) < curve(score)).astype(np.float64)
    offers = make_offers(np.arange(20_000), accepted, np.full(20_000, 0.5), np.ones(20_000, dtype=np.int64))
    made = calibrate_on_acceptance(offers, scored(offers, score), CONFIG, np.random.default_rng(5))
    chosen = made.thresholds["cross-sell"]
    assert chosen.certified
    assert chosen.threshold is not None
    shown = curve(score)[
        made.calibration.apply(score.astype(np.float32), np.zeros(20_000, np.int64)) >= chosen.threshold
    ]
    assert shown.mean() >= WANTED
    assert chosen.precision >= WANTED


@pytest.mark.slow
def test_a_certificate_is_broken_no_more_often_than_it_says() -> None:
    """200 logs with known truth behind unequal propensities: at most 10 % of the certificates may be broken."""
    random = np.random.default_rng(6)
    certified, broken, n = 0, 0, 30_000
    for _ in range(200):
        score, liked = random.normal(0.0, 1.5, n), random.random(n) < 0.5
        likely = np.minimum(1.0, curve(score) * np.where(liked, 1.5, 0.5))
        chance = np.where(liked, 0.6, 0.3)
        shown = random.random(n) < chance
        accepted = (random.random(n) < likely).astype(np.float64)
        rows = np.arange(int(shown.sum()))
        offers = make_offers(rows, accepted[shown], chance[shown], np.ones(len(rows), dtype=np.int64))
        made = calibrate_on_acceptance(offers, scored(offers, score[shown]), CONFIG, random)
        chosen = made.thresholds["cross-sell"]
        if chosen.certified and chosen.threshold is not None:
            relevance = made.calibration.apply(score.astype(np.float32), np.zeros(n, np.int64))
            certified += 1
            broken += likely[relevance >= chosen.threshold].mean() < WANTED
    assert certified > 150
    assert broken <= 20


def test_too_few_offers_are_refused_with_what_there_is() -> None:
    offers = make_offers(np.arange(50), np.ones(50), np.full(50, 0.5), np.ones(50, dtype=np.int64))
    with pytest.raises(DataError, match=r"at least 200 offers .* got 50 with 50 accepted"):
        calibrate_on_acceptance(offers, scored(offers, np.zeros(50)), CONFIG, np.random.default_rng(7))


def test_nothing_accepted_is_refused() -> None:
    offers = make_offers(np.arange(500), np.zeros(500), np.full(500, 0.5), np.ones(500, dtype=np.int64))
    with pytest.raises(DataError, match="some of them accepted"):
        calibrate_on_acceptance(offers, scored(offers, np.zeros(500)), CONFIG, np.random.default_rng(8))


def test_a_place_counts_within_request_and_kind_and_unanswered_offers_come_last() -> None:
    offers = make_offers(np.array([0, 0, 0, 0, 1]), np.zeros(5), np.ones(5), np.ones(5, dtype=np.int64))
    score = np.array([1.0, 3.0, 2.0, np.nan, 5.0], dtype=np.float32)
    table = scored_log(offers, score, score, np.array([0, 0, 1, UNKNOWN, 0]))
    assert table.place.tolist() == [1, 0, 0, 0, 0]
    assert table.answered.tolist() == [True, True, True, False, True]


def test_no_customer_counts_more_often_than_the_bound_allows() -> None:
    keep = few_requests_of_unit(np.array([7] * 30 + [8]), np.random.default_rng(9))
    assert int(keep[:30].sum()) == REQUESTS_OF_CUSTOMER
    assert keep[30]


def test_rows_stay_in_proportion_to_how_rarely_they_were_shown() -> None:
    propensity = np.array([0.2, 0.4] * 20_000)
    kept = stays(propensity, np.ones(40_000, dtype=np.bool_), np.random.default_rng(10))
    assert kept[::2].all()
    assert kept[1::2].mean() == pytest.approx(0.5, abs=0.02)
    unknown = stays(np.array([0.2, np.nan]), np.ones(2, dtype=np.bool_), np.random.default_rng(11))
    assert unknown.all()


def test_an_acceptance_in_the_worst_position_always_stays() -> None:
    position = np.array([1, 2] * 10_000)
    left = as_if_worst_placed(
        np.ones(20_000), position, Examination(np.array([1.0, 0.25]), []), np.random.default_rng(12)
    )
    assert left[1::2].all()
    assert left[::2].mean() == pytest.approx(0.25, abs=0.02)
