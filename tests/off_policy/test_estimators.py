"""Claims about off-policy estimates: right by hand, unbiased by enumeration, silent where the log cannot tell."""

from __future__ import annotations

from itertools import product as every
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg_training.off_policy.estimators import (
    BOUNDED,
    ESTIMATORS,
    Estimator,
    Weighted,
    effective_sample,
    off_policy,
    per_request,
    request_sums,
)
from mersalg_training.off_policy.render import cautions
from mersalg_training.off_policy.resampling import resample


def log(weight: list[float], accepted: list[float], **other: Any) -> Weighted:
    """One offer a request, of one customer each; the policy makes one offer a request."""
    n = len(weight)
    fields = {
        "request": np.arange(n),
        "unit": np.arange(n),
        "accepted": np.array(accepted, dtype=np.float64),
        "weight": np.array(weight, dtype=np.float64),
        "modelled": np.zeros(n),
        "offers": np.ones(n),
        "promised": np.zeros(n),
        "own": np.array(accepted, dtype=np.float64),
    }
    fields |= other
    return Weighted(**{"mass": fields["offers"], **fields})


def value(estimator: Estimator, weighted: Weighted, clip: float = np.inf) -> float:
    """The estimate alone."""
    sums = {name: column.sum() for name, column in request_sums(weighted, clip).items()}
    return float(per_request(estimator)(sums))


def test_every_estimator_by_hand() -> None:
    q, promised = np.array([0.5, 0.25, 0.0, 0.5]), np.array([0.5, 0.5, 0.25, 0.25])
    four = log([4.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0], modelled=q, promised=promised)
    assert value("IPS", four) == (4 + 1) / 4
    assert value("clipped IPS", four, clip=2.0) == (2 + 1) / 4
    assert value("SNIPS", four) == (4 + 1) / 6
    residual = 4 * 0.5 + 1 * 0.0 + 1 * 0.5
    assert value("DR", four) == (1.5 + residual) / 4
    assert value("SNDR", four) == (1.5 + 4 * residual / 6) / 4
    assert value("Switch-DR", four, clip=2.0) == (1.5 + 0.5) / 4


def test_ips_and_doubly_robust_are_unbiased_over_every_log_that_can_happen() -> None:
    """Two requests, two products, chances and acceptances known; every outcome with its probability."""
    logging, policy = np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    accept = np.array([[0.5, 0.1], [0.3, 0.9]])
    truth = (policy * accept).sum() / 2
    wrong = np.array([[0.9, 0.9], [0.0, 0.1]])
    expected: dict[Estimator, float] = dict.fromkeys(ESTIMATORS, 0.0)
    for shown in every((0, 1), repeat=2):
        for taken in every((0.0, 1.0), repeat=2):
            rows = np.arange(2)
            likely = accept[rows, shown]
            chance = logging[rows, shown].prod() * np.where(np.array(taken) > 0, likely, 1 - likely).prod()
            weighted = log(
                list(policy[rows, shown] / logging[rows, shown]),
                list(taken),
                modelled=wrong[rows, shown],
                promised=(policy * wrong).sum(axis=1),
            )
            for estimator in ("IPS", "DR", "Switch-DR"):
                expected[estimator] += chance * value(estimator, weighted)
    for estimator in ("IPS", "DR", "Switch-DR"):
        assert expected[estimator] == pytest.approx(truth)


@settings(max_examples=50)
@given(
    accepted=st.lists(st.sampled_from([0.0, 1.0]), min_size=40, max_size=80),
    modelled=st.floats(0.0, 1.0),
)
def test_the_logging_policy_is_worth_what_it_reached(accepted: list[float], modelled: float) -> None:
    n = len(accepted)
    same = log([1.0] * n, accepted, modelled=np.full(n, modelled), promised=np.full(n, modelled))
    found = off_policy(same, np.random.default_rng(1), resamples=20)
    for estimator in ESTIMATORS:
        assert found.values[estimator].value == pytest.approx(np.mean(accepted))
        assert found.more[estimator].value == pytest.approx(0.0)
    assert found.own.value == pytest.approx(np.mean(accepted))
    assert found.support.covered.value == pytest.approx(1.0)
    assert found.support.effective == pytest.approx(n)


@settings(max_examples=50)
@given(weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=50))
def test_an_effective_sample_lies_between_one_and_all(weights: list[float]) -> None:
    assert 1.0 - 1e-9 <= effective_sample(np.array(weights)) <= len(weights) + 1e-9


def test_an_effective_sample_of_equal_weights_is_all_of_them() -> None:
    assert effective_sample(np.array([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3.0)
    assert effective_sample(np.zeros(3)) == 0.0


def test_a_perfect_model_leaves_no_variance_to_doubly_robust() -> None:
    random = np.random.default_rng(2)
    weight = random.choice([0.0, 5.0], 500, p=[0.8, 0.2])
    accepted = random.integers(0, 2, 500).astype(np.float64)
    weighted = log(list(weight), list(accepted), modelled=accepted, promised=np.full(500, 0.5))
    found = off_policy(weighted, random)
    assert found.values["DR"].low == found.values["DR"].high == pytest.approx(0.5)
    assert found.values["IPS"].high - found.values["IPS"].low > 0.1


def test_few_matched_offers_state_no_value() -> None:
    found = off_policy(log([10.0] * 20 + [0.0] * 180, [1.0] * 200), np.random.default_rng(3))
    assert found.values == {}
    assert found.missing is not None
    assert "20 matched" in found.missing
    assert found.own.value == 1.0


def test_offers_that_had_no_chance_state_no_value() -> None:
    """The policy makes two offers a request; the log shows one of them half of the time, the other never."""
    weighted = log([2.0, 0.0] * 200, [1.0, 0.0] * 200, offers=np.full(400, 2.0))
    found = off_policy(weighted, np.random.default_rng(4))
    assert found.values == {}
    assert found.missing is not None
    assert found.missing.startswith("support is missing")
    assert found.support.covered.value == pytest.approx(0.5)


def test_a_policy_without_offers_is_told_to_be_one() -> None:
    found = off_policy(log([0.0] * 50, [1.0] * 50, offers=np.zeros(50)), np.random.default_rng(5))
    assert found.values == {}
    assert found.missing == "the policy makes no offer in these requests, so its value is 0 by definition"


def test_where_one_offer_outweighs_all_others_bounded_estimators_are_stated_alone() -> None:
    found = off_policy(log([1e6] + [1.0] * 399, [0.0] * 200 + [1.0] * 200), np.random.default_rng(6))
    assert found.missing is None
    assert tuple(found.values) == BOUNDED
    assert found.support.clipped == 1
    assert found.support.effective < 2 < found.support.effective_clipped


def test_few_acceptances_behind_many_offers_are_told_apart() -> None:
    found = off_policy(log([1.0] * 1000, [1.0] * 8 + [0.0] * 992), np.random.default_rng(6))
    assert found.support.effective == pytest.approx(1000.0)
    assert found.support.effective_accepted == pytest.approx(8.0)
    assert [caution.split(" (")[0] for caution in cautions(found)] == ["Few acceptances carry the estimate"]
    many = off_policy(log([1.0] * 1000, [1.0] * 100 + [0.0] * 900), np.random.default_rng(6))
    assert cautions(many) == []


def test_customers_with_many_offers_widen_the_interval() -> None:
    accepted = [1.0] * 200 + [0.0] * 200
    apart = off_policy(log([1.0] * 400, accepted), np.random.default_rng(7))
    gathered = off_policy(log([1.0] * 400, accepted, unit=np.arange(400) // 40), np.random.default_rng(7))
    width = {name: found.values["IPS"].high - found.values["IPS"].low for name, found in
             (("apart", apart), ("gathered", gathered))}  # fmt: skip
    assert width["gathered"] > 3 * width["apart"]


def test_resampling_in_blocks_draws_as_many_units_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mersalg_training.off_policy.resampling.BLOCK", 30)
    sums = resample(np.arange(10), {"ones": np.ones(10)}, np.random.default_rng(8), resamples=7)
    assert sums.drawn["ones"].tolist() == [10.0] * 7
    assert (sums.n, sums.units) == (10, 10)


@pytest.mark.slow
def test_intervals_hold_a_known_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(9)
    n, repeats = 2000, 200
    logging, policy, accept = (np.array(values) for values in ([0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.05, 0.1, 0.2]))
    truth = float(policy @ accept)
    held = dict.fromkeys(ESTIMATORS, 0)
    for _ in range(repeats):
        shown = random.choice(3, n, p=logging)
        taken = (random.random(n) < accept[shown]).astype(np.float64)
        weighted = log(list((policy / logging)[shown]), list(taken), modelled=np.full(n, 0.1), promised=np.full(n, 0.1))
        for name, estimate in off_policy(weighted, random, resamples=200).values.items():
            held[name] += estimate.low <= truth <= estimate.high
    for name, times in held.items():
        assert 0.89 <= times / repeats <= 0.99, name
