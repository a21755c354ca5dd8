"""Claims: what was promised is held against what came, and restraint is measured at an equal precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from mersalg.names import KINDS, Kind
from mersalg.offers import Offer, Offers
from mersalg.requests import Request
from mersalg_training.evaluation.bundle_method import BundleMethod
from mersalg_training.evaluation.coverage_at_precision import Lists, compare, coverages
from mersalg_training.evaluation.metrics import OURS, resample_customers
from mersalg_training.evaluation.reliability import (
    calibration_error,
    error_by_chance,
    groups_of,
    reliability,
    shown_offers,
)
from mersalg_training.evaluation.render import restraint_table
from mersalg_training.ranking.cases import Cases, ragged
from small_history import Order, make_timeline

RANDOM = 7


def cases(n: int) -> Cases:
    """Requests of as many customers who all bought product 1; every second brings a history."""
    return Cases(
        moment=np.ones(n, dtype=np.int64),
        at=np.zeros(n),
        cart=ragged([np.zeros(0, dtype=np.int64)] * n),
        history=np.stack([np.zeros(n, dtype=np.int64), np.arange(n) % 2], axis=1),
        target=ragged([np.array([1])] * n),
        customer=np.arange(n),
        order=np.arange(n),
    )


class Shelf:
    """Shows the same offers to everybody."""

    def __init__(self, *shown: tuple[str, Kind, float]) -> None:
        self.shown = shown
        self.manifest: Mapping[str, Any] = {}

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        items = tuple(
            Offer("", rank, product, kind, relevance, relevance, "0", better=("larger pack",))
            for rank, (product, kind, relevance) in enumerate(self.shown, start=1)
        )
        return [Offers(items, None, 9, {}) for _ in requests]


def shower(*shown: tuple[str, Kind, float]) -> BundleMethod:
    return BundleMethod(Shelf(*shown), make_timeline([Order("ann", 1, "0 1 2 3 4 5 6")], dict.fromkeys("0123456", 1.0)))


def test_three_offers_of_a_kind_count_and_their_places_are_those_of_what_is_shown() -> None:
    found = shown_offers(
        shower(
            ("1", "cross-sell", 0.9), ("2", "cross-sell", 0.8), ("3", "upsell", 0.7), ("4", "cross-sell", 0.6),
            ("5", "cross-sell", 0.5), ("6", "upsell", 0.4),
        ),
        cases(2),
    )  # fmt: skip
    assert found.relevance.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.4] * 2)
    assert found.place.tolist() == [0, 1, 0, 2, 1] * 2, "among those of its kind"
    in_list = groups_of(found)
    assert in_list["first place"].tolist() == [True, False, False, False, False] * 2
    assert in_list["places 2 and 3"].tolist() == [False, True, True, False, False] * 2
    assert in_list["later places"].tolist() == [False, False, False, True, True] * 2
    assert [KINDS[kind] for kind in found.kind[:3]] == ["cross-sell", "cross-sell", "upsell"]
    assert found.label.tolist() == [True, False, False, False, False] * 2
    assert found.known.tolist() == [False] * 5 + [True] * 5


def test_what_came_stands_beside_what_was_promised_by_group() -> None:
    some = cases(60)
    rows = reliability(
        shown_offers(shower(("1", "upsell", 0.8), ("2", "upsell", 0.1)), some), some, np.random.default_rng(RANDOM)
    )
    by_group = {row.group: row for row in rows}
    assert {row.kind for row in rows} == {"upsell"}
    assert by_group["all"].offers == 120
    assert by_group["all"].promised == pytest.approx(0.45)
    assert by_group["all"].came.value == pytest.approx(0.5)
    assert by_group["first place"].came.value == 1.0
    assert by_group["places 2 and 3"].came.value == 0.0
    assert by_group["without a history"].offers == by_group["with a history"].offers == 60
    assert "later places" not in by_group, "nothing is told of too few"


def test_a_reliability_curve_has_groups_of_like_relevance_as_many_as_its_offers_bear() -> None:
    some = cases(240)
    shown = shown_offers(shower(("1", "upsell", 0.8), ("2", "upsell", 0.1)), some)
    (row,) = (row for row in reliability(shown, some, np.random.default_rng(RANDOM)) if row.group == "all")
    assert sum(group.offers for group in row.reliability) == 480
    assert len(row.reliability) == 9, "480 offers, 50 of a group at least"
    assert [group.promised for group in row.reliability][:4] == pytest.approx([0.1] * 4)
    assert [group.came.value for group in row.reliability][:4] == [0.0] * 4
    assert [group.came.value for group in row.reliability][-4:] == [1.0] * 4
    few = cases(30)
    shown = shown_offers(shower(("1", "upsell", 0.8)), few)
    (row,) = (r for r in reliability(shown, few, np.random.default_rng(RANDOM)) if r.group == "all")
    assert [group.offers for group in row.reliability] == [30]


def test_without_offers_nothing_is_told() -> None:
    found = shown_offers(shower(), cases(3))
    assert len(found) == 0
    assert reliability(found, cases(3), np.random.default_rng(RANDOM)) == []


def test_the_calibration_error_is_the_distance_of_promise_and_truth_in_groups_of_equal_size() -> None:
    relevance = np.repeat([0.1, 0.6], 50)
    bought = np.concatenate([np.arange(50) < 5, np.arange(50) < 40]).astype(np.float64)
    assert calibration_error(relevance, bought) == pytest.approx(
        np.mean([abs(0.1 - found) for found in (0.5, 0, 0, 0, 0)] + [abs(0.6 - found) for found in (1, 1, 1, 1, 0)])
    )


def test_by_chance_alone_few_offers_have_a_larger_error_than_many() -> None:
    random = np.random.default_rng(RANDOM)
    few, many = (error_by_chance(random.uniform(0.05, 0.3, n), random) for n in (100, 10_000))
    assert many < 0.02 < few


def lists(*rows: tuple[float, bool, int]) -> Lists:
    score, hit, case = zip(*rows, strict=True)
    return Lists(np.array(score), np.array(hit), np.array(case))


def test_the_carts_that_see_an_offer_are_those_above_the_lowest_threshold_of_the_precision() -> None:
    # Forty carts: the first offer of thirty is right, that of ten wrong; the thirty have a second one, which is wrong.
    rows = [(0.9, case < 30, case) for case in range(40)] + [(0.5, False, case) for case in range(30)]
    everyone = np.ones((1, 40))
    assert coverages(lists(*rows), 0.75, everyone).tolist() == [1.0]
    assert np.isnan(coverages(lists(*rows), 0.8, everyone)).all(), "offers of one score stand or fall together"
    sorted_out = [(0.9 if case < 30 else 0.6, case < 30, case) for case in range(40)]
    assert coverages(lists(*sorted_out), 0.8, everyone).tolist() == [0.75]


def test_a_method_is_compared_at_the_same_precision_and_a_precision_out_of_reach_is_said() -> None:
    good = lists(*[(1.0, True, case) for case in range(80)])
    half = lists(*[(1.0 if case < 40 else 0.1, case < 40, case) for case in range(80)])
    never = lists(*[(1.0, False, case) for case in range(80)])
    draws = resample_customers(np.arange(80), np.arange(80), np.random.default_rng(RANDOM), 50)
    found = {
        row.method: row
        for row in compare("completion, all", {OURS: good, "half": half, "never": never}, 0.9, draws, 80)
    }
    assert found[OURS].coverage is not None
    assert found[OURS].coverage.value == 1.0
    ratio = found["half"].ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(2.0)
    assert ratio.low <= 2.0 <= ratio.high
    assert found["never"].coverage is None
    assert "not reached" in restraint_table([found["never"]]).rows[0]
