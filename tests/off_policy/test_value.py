"""Claims about a bundle beside a log: what it makes of each offer, and what its offers would have been worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mersalg.names import KINDS
from mersalg.recommender import Recommender, load
from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.logged_offers.read import OffersReport
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import ask_policy, places, rank_of_logged, score_offers
from mersalg_training.off_policy.estimators import ESTIMATORS
from mersalg_training.off_policy.examination import Examination
from mersalg_training.off_policy.run import evaluate_offers
from mersalg_training.off_policy.value import bundle_value
from small_history import named
from small_log import APPEAL, LOOKED_AT, drawn_log, gather, toy_timeline
from toy_bundle import CANDIDATES, write_bundle

TIMELINE = toy_timeline()
SHOWN = ("milk", "bread", "butter")
"""What the toy bundle shows at its thresholds for an empty cart, the best first."""
WORTH = sum(look * APPEAL[product] for look, product in zip(LOOKED_AT, SHOWN, strict=True))
"""What that is accepted a request."""


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return load(write_bundle(tmp_path_factory.mktemp("toy") / "bundle"))


@pytest.fixture(scope="module")
def offers(tmp_path_factory: pytest.TempPathFactory) -> LoggedOffers:
    return gather(drawn_log(3000, np.random.default_rng(12)), tmp_path_factory.mktemp("log"), TIMELINE)


def test_the_bundle_answers_for_every_logged_offer(recommender: Recommender, offers: LoggedOffers) -> None:
    scored = score_offers(recommender, TIMELINE, offers)
    for product, relevance, kind in zip(
        named(TIMELINE, offers.product[:30]), scored.relevance[:30], scored.kind[:30], strict=True
    ):
        assert CANDIDATES[product] == (KINDS[kind], pytest.approx(float(relevance)))
    assert scored.answered.all()


def test_what_the_bundle_may_not_offer_is_not_answered(recommender: Recommender, tmp_path: Path) -> None:
    rows = drawn_log(1, np.random.default_rng(12))
    rows = [row | {"cart": ["bread"], "product_id": p} for row, p in zip(rows, ("bread", "milk", "bag"), strict=True)]
    logged = gather(rows, tmp_path, TIMELINE)
    answered = dict(
        zip(named(TIMELINE, logged.product), score_offers(recommender, TIMELINE, logged).answered, strict=True)
    )
    assert answered == {"bread": False, "milk": True, "bag": True}


def test_the_policy_is_what_a_shop_would_see(recommender: Recommender, offers: LoggedOffers) -> None:
    policy = ask_policy(recommender, TIMELINE, offers, among_logged=False)
    assert named(TIMELINE, policy.product[:3]) == list(SHOWN)
    assert policy.rank[:6].tolist() == [1, 2, 3, 1, 2, 3]
    assert set(places(offers).tolist()) == {3}
    assert len(policy.request) == 3 * 3000


def test_logged_offers_know_the_rank_that_the_bundle_gives_them(recommender: Recommender, offers: LoggedOffers) -> None:
    policy = ask_policy(recommender, TIMELINE, offers, among_logged=False)
    rank, kind = rank_of_logged(offers, policy, len(TIMELINE.product_ids))
    for product, place, of_kind in zip(named(TIMELINE, offers.product), rank, kind, strict=True):
        assert place == (SHOWN.index(product) + 1 if product in SHOWN else 0)
        assert of_kind == (KINDS.index(CANDIDATES[product][0]) if product in SHOWN else UNKNOWN)


@pytest.mark.parametrize("match", ["same", "any"])
def test_the_value_of_the_bundle_is_found_in_a_log_of_another_policy(
    recommender: Recommender, offers: LoggedOffers, match: str
) -> None:
    scored = score_offers(recommender, TIMELINE, offers)
    policy = ask_policy(recommender, TIMELINE, offers, among_logged=False)
    examination = Examination(np.array(LOOKED_AT), []) if match == "any" else None
    found = bundle_value(offers, scored, policy, len(TIMELINE.product_ids), examination, np.random.default_rng(13))
    for estimator in ESTIMATORS:
        estimate = found[EVERY].values[estimator]
        assert estimate.low <= WORTH <= estimate.high
        assert estimate.value == pytest.approx(WORTH, rel=0.1)
    own = sum(LOOKED_AT) * np.mean(list(APPEAL.values()))
    assert found[EVERY].own.low <= own <= found[EVERY].own.high
    assert found[EVERY].more["SNIPS"].low > 0.0, "the bundle is better than chance, and that is seen"
    assert found[EVERY].support.covered.value == pytest.approx(1.0, abs=0.1)
    of_kind = found["more-of-same"].values["SNIPS"]
    assert of_kind.value == pytest.approx(APPEAL["milk"] * LOOKED_AT[0], abs=0.08)
    assert found["cart"].values["IPS"].value == found[EVERY].values["IPS"].value


def test_any_position_tells_more_than_the_same_one(recommender: Recommender, offers: LoggedOffers) -> None:
    scored = score_offers(recommender, TIMELINE, offers)
    policy = ask_policy(recommender, TIMELINE, offers, among_logged=False)
    same, any_one = (
        bundle_value(offers, scored, policy, len(TIMELINE.product_ids), looked_at, np.random.default_rng(14))[EVERY]
        for looked_at in (None, Examination(np.array(LOOKED_AT), []))
    )
    assert any_one.support.matched > 2 * same.support.matched


def report() -> OffersReport:
    return OffersReport(0, 0, {}, {}, [], [])


def test_an_evaluation_tells_the_same_twice_and_has_every_part(recommender: Recommender, offers: LoggedOffers) -> None:
    twice = [
        evaluate_offers(recommender, TIMELINE, offers, report(), learned_until=day_to_time(0.0), match="any")
        for _ in range(2)
    ]
    assert twice[0].to_json() == twice[1].to_json()
    found = twice[0]
    assert found.area is not None
    assert found.area.low > 0.5, "the toy's relevance goes with the appeal"
    shares = [row.rate.value for row in found.by_relevance]
    assert shares == sorted(shares)
    assert found.metrics()["acceptance/value.every/snips"] == found.value[EVERY].values["SNIPS"].value
    assert isinstance(found.examination, Examination)


def test_without_propensities_there_is_no_value(recommender: Recommender, tmp_path: Path) -> None:
    rows = [row | {"propensity": None} for row in drawn_log(60, np.random.default_rng(15))]
    logged = gather(rows, tmp_path, TIMELINE)
    found = evaluate_offers(recommender, TIMELINE, logged, report(), learned_until=day_to_time(0.0))
    assert found.value == {}
    assert found.own[0].offers == 180


def test_offers_from_before_the_bundle_stopped_learning_are_counted(recommender: Recommender, tmp_path: Path) -> None:
    logged = gather(drawn_log(20, np.random.default_rng(16)), tmp_path, TIMELINE)
    found = evaluate_offers(recommender, TIMELINE, logged, report(), learned_until=day_to_time(40000.0))
    assert any(note.startswith("60 of 60 offers were made before") for note in found.notes)


def test_among_the_logged_products_nothing_else_is_offered(recommender: Recommender, tmp_path: Path) -> None:
    rows = [row for row in drawn_log(200, np.random.default_rng(17)) if row["product_id"] != "milk"]
    logged = gather(rows, tmp_path, TIMELINE)
    policy = ask_policy(recommender, TIMELINE, logged, among_logged=True)
    assert "milk" not in named(TIMELINE, policy.product)
    assert "milk" in named(TIMELINE, ask_policy(recommender, TIMELINE, logged, among_logged=False).product)
