"""Claims: noise moves nothing, each rule asks for what mends its fault, and what weighs more wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from made_offers import one_a_request
from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.drift.comparison import Certificate, KindNow, compare_kind, compare_kinds
from mersalg_training.drift.rules import decide
from mersalg_training.drift.shift import Unknown
from mersalg_training.evaluation.clustered_intervals import Figure

NOTHING_UNKNOWN = Unknown(0.01, 0.01)


def outcomes(promised: float, came: float, n: int = 2000, seed: int = 1) -> ScoredOffers:
    """So many offers of one kind, each of a customer of its own, around a relevance, of which a share came."""
    random = np.random.default_rng(seed)
    relevance = promised * random.uniform(0.8, 1.2, n)
    came_true = random.random(n) < came * relevance / promised
    return one_a_request(relevance, came_true.astype(np.float32), np.arange(n))


def now(
    promised: float, came: float, n: int = 2000, certified: float | None = 0.18, threshold: float | None = 0.01
) -> KindNow:
    certificate = None if certified is None else Certificate(certified, 0.9)
    return compare_kind("cross-sell", threshold, certificate, outcomes(promised, came, n), None)


def test_what_came_as_promised_is_kept() -> None:
    assert decide([now(0.2, 0.2)], NOTHING_UNKNOWN, None) == ("keep", [])


def test_half_of_what_was_promised_breaks_the_certificate_and_asks_to_recalibrate() -> None:
    decision, findings = decide([now(0.2, 0.1)], NOTHING_UNKNOWN, None)
    assert decision == "recalibrate"
    assert [finding.rule for finding in findings] == ["certificate", "calibration"]
    assert "18.0%" in findings[0].because


def test_a_little_below_the_certificate_is_within_the_interval() -> None:
    decision, _ = decide([now(0.2, 0.17, n=400)], NOTHING_UNKNOWN, None)
    assert decision == "keep"


def test_more_than_promised_asks_to_recalibrate_too() -> None:
    decision, findings = decide([now(0.2, 0.4)], NOTHING_UNKNOWN, None)
    assert (decision, [finding.rule for finding in findings]) == ("recalibrate", ["calibration"])


def test_few_offers_say_nothing() -> None:
    assert decide([now(0.2, 0.0, n=40)], NOTHING_UNKNOWN, None) == ("keep", [])
    assert decide([now(0.02, 0.0, n=300, certified=None)], NOTHING_UNKNOWN, None) == ("keep", [])


def test_a_silent_kind_is_not_judged() -> None:
    assert decide([now(0.2, 0.0, certified=None, threshold=None)], NOTHING_UNKNOWN, None) == ("keep", [])


def test_a_worse_order_asks_to_train_anew_whatever_else_is_broken() -> None:
    kind = replace(now(0.2, 0.1), area=Figure(0.66, 0.01, 2000), area_then=Figure(0.80, 0.01, 2000))
    decision, findings = decide([kind], NOTHING_UNKNOWN, None)
    assert decision == "retrain"
    assert findings[0].rule == "ranking"
    noisy = replace(now(0.2, 0.2), area=Figure(0.70, 0.05, 200), area_then=Figure(0.80, 0.03, 300))
    assert decide([noisy], NOTHING_UNKNOWN, None)[0] == "keep"


def test_many_unknown_products_ask_to_train_anew_and_as_many_as_ever_do_not() -> None:
    many = Unknown(0.3, 0.35)
    decision, findings = decide([now(0.2, 0.2)], many, NOTHING_UNKNOWN)
    assert decision == "retrain"
    assert "30.0%" in findings[0].because
    assert decide([now(0.2, 0.2)], many, Unknown(0.28, 0.3))[0] == "keep"
    assert decide([now(0.2, 0.2)], Unknown(0.02, 0.4), None)[0] == "retrain", "few lines, but most of the money"


def test_a_true_certificate_is_seldom_called_broken() -> None:
    """At the very edge of the promise an interval of 99 % lies below it in 0.5 % of 200 months: at most 6."""
    broken = 0
    for seed in range(200):
        rows = outcomes(0.2, 0.2, n=500, seed=seed)
        kind = compare_kind("cross-sell", 0.01, Certificate(0.2, 0.9), rows, None)
        broken += any(finding.rule == "certificate" for finding in decide([kind], NOTHING_UNKNOWN, None)[1])
    assert broken <= 6


def test_only_what_reaches_the_threshold_and_could_be_shown_counts() -> None:
    rows = outcomes(0.2, 0.2, n=1000)
    deep = replace(rows, place=np.full(1000, 3))
    manifest = {"kinds": {kind: {"threshold": 0.2} for kind in KINDS}, "certificates": []}
    first, *others = compare_kinds(manifest, rows, None)
    assert first.offers == int((rows.relevance >= np.float32(0.2)).sum())
    assert [kind.offers for kind in others] == [0, 0, 0, 0]
    assert compare_kinds(manifest, deep, None)[0].offers == 0
