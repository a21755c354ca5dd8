"""What every baseline must do, whatever the history holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg_training.config import parse_config
from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.split import Windows
from mersalg_training.data.timeline import UNKNOWN, Timeline
from mersalg_training.evaluation.baselines import ScoredCatalogue, fit_baselines
from mersalg_training.evaluation.baselines.fitting import MORE, QUICK, Fitting
from mersalg_training.evaluation.bundle_method import BundleMethod
from mersalg_training.evaluation.file import figures
from mersalg_training.evaluation.methods import RankingMethod
from mersalg_training.evaluation.metrics import NDCG
from mersalg_training.evaluation.render import remarks
from mersalg_training.evaluation.run import EvaluationOptions, evaluate
from mersalg_training.evaluation.tasks.task import Restriction, assemble
from mersalg_training.ranking.cases import Cases
from small_history import Order, make_attributes, make_timeline

PRODUCTS = tuple("abcdefghijkl")
PRICES = dict.fromkeys(PRODUCTS, 2.0)
CUT = 60.0
SINGLE = tuple(method.name for method in (*QUICK, *MORE))


def orders_of(customers: int, anonymous: bool = False) -> list[Order]:
    """Orders of three products that the customer's number leans to."""
    random = np.random.default_rng(8)
    found = []
    for day in range(58):
        customer = day % customers
        drawn = (random.permutation(6)[:3] + 3 * (customer % 3)) % len(PRODUCTS)
        found.append(Order(None if anonymous else f"c{customer:02}", day, " ".join(PRODUCTS[p] for p in sorted(drawn))))
    return found


def shop(orders: list[Order], *later: Order) -> Timeline:
    return make_timeline([*orders, Order("c00", CUT + 1, "a b c"), Order("new", CUT + 2, "a"), *later], PRICES)


def fit(timeline: Timeline, skipped: dict[str, str] | None = None) -> dict[str, RankingMethod]:
    skipped = {} if skipped is None else skipped
    attributes = make_attributes(dict.fromkeys(PRODUCTS))
    random = np.random.default_rng(3)
    found = fit_baselines(timeline, attributes, CUT, random, everything=True, skip=skipped.__setitem__)
    return {baseline.name: baseline for baseline in found}


def questions(timeline: Timeline) -> Cases:
    """A known customer with a cart and without, and without history; a new customer with a cart and without."""
    later = np.flatnonzero(timeline.order_day >= CUT)
    known, new = (int(later[timeline.order_day[later] == CUT + day][0]) for day in (1, 2))
    some, none = np.array([2, 5], dtype=np.int64), np.zeros(0, dtype=np.int64)
    cases = assemble(timeline, [known, known, known, new, new], [some, none, none, some, none], [some] * 5, "cart")
    history = cases.history.copy()
    history[2] = history[2, 1]
    return replace(cases, history=history)


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return shop(orders_of(9))


@pytest.fixture(scope="module")
def fitted(timeline: Timeline) -> dict[str, RankingMethod]:
    return fit(timeline)


def lists(baseline: RankingMethod, cases: Cases, catalogue: tuple[int, ...], k: int) -> list[list[int]]:
    inside = np.zeros(len(PRODUCTS), dtype=np.bool_)
    inside[list(catalogue)] = True
    return [found.tolist() for found in baseline.rank(cases, Restriction(inside, cases.cart), k)]


@pytest.mark.parametrize("name", SINGLE)
class TestEveryBaseline:
    def test_it_ranks_k_permitted_products_once_each(
        self, name: str, fitted: dict[str, RankingMethod], timeline: Timeline
    ) -> None:
        cases = questions(timeline)
        for row, found in enumerate(lists(fitted[name], cases, tuple(range(12)), 4)):
            assert len(found) == len(set(found)) == 4
            assert not set(found) & set(cases.cart[row].tolist())

    def test_it_ranks_all_that_is_permitted_and_nothing_else(
        self, name: str, fitted: dict[str, RankingMethod], timeline: Timeline
    ) -> None:
        for found, expected in zip(
            lists(fitted[name], questions(timeline), (1, 2, 7), 9), [[1, 7], [1, 2, 7], [1, 2, 7], [1, 7], [1, 2, 7]],
            strict=True,
        ):  # fmt: skip
            assert sorted(found) == expected

    def test_a_request_gets_alone_what_it_gets_among_others(
        self, name: str, fitted: dict[str, RankingMethod], timeline: Timeline
    ) -> None:
        cases = questions(timeline)
        together = lists(fitted[name], cases, tuple(range(12)), 5)
        for row in range(5):
            assert lists(fitted[name], cases.take(np.array([row])), tuple(range(12)), 5) == [together[row]]


@pytest.mark.parametrize("name", SINGLE)
def test_the_same_seed_gives_the_same_lists(name: str, fitted: dict[str, RankingMethod], timeline: Timeline) -> None:
    again = fit_single(timeline, name)
    cases = questions(timeline)
    assert lists(again, cases, tuple(range(12)), 12) == lists(fitted[name], cases, tuple(range(12)), 12)


@pytest.mark.parametrize("name", SINGLE)
def test_no_baseline_sees_the_future(name: str, fitted: dict[str, RankingMethod], timeline: Timeline) -> None:
    later = [Order(f"c{number:02}", CUT + 5, "j k l") for number in range(9)] + [Order(None, CUT, "a l")] * 20
    loud = shop(orders_of(9), *later)
    found = lists(fit_single(loud, name), questions(loud), tuple(range(12)), 12)
    assert found == lists(fitted[name], questions(timeline), tuple(range(12)), 12)


def fit_single(timeline: Timeline, name: str) -> RankingMethod:
    """One method alone, with the seed and the ties of `fit`."""
    random = np.random.default_rng(3)
    tie_place = random.permutation(len(PRODUCTS)).astype(np.int64)
    fitting = Fitting(timeline, CUT, int(random.integers(2**31)))
    method = next(method for method in (*QUICK, *MORE) if method.name == name)
    return ScoredCatalogue(name, method.fit(fitting).score, tie_place)


def test_without_customers_what_needs_them_is_skipped_by_name_and_with_the_reason() -> None:
    skipped: dict[str, str] = {}
    anonymous = shop(orders_of(9, anonymous=True))
    found = fit(anonymous, skipped)
    needy = {method.name for method in MORE if method.need == "customers"}
    assert needy <= set(skipped)
    assert not needy & set(found)
    assert "no customer is known" in skipped["UP-CF"]
    assert all(len(ranked) == 3 for ranked in lists(found["EASE by order"], questions(anonymous), (0, 1, 3), 3))


def test_without_pairs_what_needs_them_is_skipped() -> None:
    skipped: dict[str, str] = {}
    single = [Order(f"c{day % 5:02}", day, PRODUCTS[day % 12]) for day in range(58)]
    found = fit(shop(single), skipped)
    assert {"item-item cosine", "EASE by order", "item-item BM25"} <= set(skipped)
    assert "two products" in skipped["item-item cosine"]
    assert {"popularity", "SAR", "TIFU-KNN"} <= set(found)


def test_one_customer_and_few_products_are_enough() -> None:
    alone = shop(orders_of(1))
    for baseline in fit(alone).values():
        assert all(len(found) == 2 for found in lists(baseline, questions(alone), (0, 1, 3), 2))


def test_orders_with_and_without_a_customer_stand_side_by_side() -> None:
    mixed = shop(orders_of(4) + orders_of(9, anonymous=True))
    cases = questions(mixed)
    unknown = replace(cases, customer=np.full(len(cases), UNKNOWN), history=cases.history[:, [1, 1]])
    found = fit(mixed)
    assert set(SINGLE) <= set(found)
    for name in SINGLE:
        assert all(len(ranked) == 2 for ranked in lists(found[name], unknown, (0, 1, 3), 2))


def test_what_is_fitted_is_told_with_how_many_are_done(timeline: Timeline) -> None:
    told: list[tuple[str, int, int]] = []
    fit_baselines(
        timeline, make_attributes(dict.fromkeys(PRODUCTS)), CUT, np.random.default_rng(1),
        tell=lambda *what: told.append(what),
    )  # fmt: skip
    assert told == [(method.name, number, 5) for number, method in enumerate(QUICK)]


class Silent:
    """A recommender that offers nothing."""

    manifest: Mapping[str, Any] = {}

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        return [Offers((), "nothing retrieved", 0, {}) for _ in requests]


def test_evaluate_asks_every_baseline_where_told_and_says_which_it_skipped() -> None:
    timeline = shop(orders_of(9, anonymous=True), *[Order(None, CUT + day, "a b c") for day in range(3, 20)])
    windows = Windows(*(day_to_time(day) for day in (0.0, 30.0, 45.0, CUT, CUT + 30.0)))
    config = parse_config({"name": "small", "data": {"orders": "none"}, "label": {"horizon_days": 7.0}}, "test")
    with Progress(disable=True) as progress:
        found = evaluate(
            BundleMethod(Silent(), timeline),
            timeline,
            make_attributes(dict.fromkeys(PRODUCTS)),
            windows,
            config,
            EvaluationOptions(every_baseline=True),
            progress,
        )
        (bar,) = progress.tasks
        assert bar.completed == bar.total
    methods = {row.method for row in found.rows}
    assert {"popularity", "EASE by order", "ALS by order", "item-item BM25"} <= methods
    assert "UP-CF" not in methods
    assert found.skipped["UP-CF"] in " ".join(remarks(found, NDCG))
    assert figures(found)["skipped"] == found.skipped
