"""Claims about differences on the same draws of customers, and about times that are taken in turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.evaluation.metrics import resample_customers
from mersalg_training.promotion import cost
from mersalg_training.promotion.cost import measure_cost
from mersalg_training.promotion.measure import Sums, measure

N = 200
ONES = np.ones(N)


def draws_of(customer: Any) -> Any:
    customers = np.asarray(customer, dtype=np.int64)
    return resample_customers(customers, np.arange(N), np.random.default_rng(1))


def paired(champion: Sums, challenger: Sums, draws: Any) -> Any:
    return measure(("bought a request", "all kinds", "headline"), draws, champion, challenger)


def test_what_varies_alike_for_both_leaves_no_doubt_of_the_difference() -> None:
    varying = np.random.default_rng(2).random(N) * 9.0
    found = paired(Sums(varying, ONES), Sums(varying + 0.25, ONES), draws_of(np.arange(N)))
    assert [found.difference.value, found.difference.low, found.difference.high] == pytest.approx([0.25] * 3)


def test_what_one_customer_alone_brings_is_no_proof() -> None:
    gain = np.zeros(N)
    gain[:50] = 1.0
    champion, challenger = Sums(np.zeros(N) + 1.0, ONES), Sums(1.0 + gain, ONES)
    each_own = paired(champion, challenger, draws_of(np.arange(N)))
    one_of_twenty = paired(champion, challenger, draws_of(np.where(np.arange(N) < 50, 0, np.arange(N) % 19 + 1)))
    assert each_own.difference.low > 0.1
    assert one_of_twenty.difference.low == 0.0  # in many draws nobody has drawn that customer


def test_a_share_is_that_of_all_offers_and_not_the_mean_of_the_requests() -> None:
    offers = np.where(np.arange(N) < 10, 19.0, 0.0)
    champion, challenger = Sums(offers * 0.0 + (offers > 0), offers), Sums(offers, offers)
    found = paired(champion, challenger, draws_of(np.full(N, UNKNOWN)))
    assert (round(found.champion, 4), found.challenger) == (round(1 / 19, 4), 1.0)
    assert found.difference.n == 10


def test_what_nothing_tells_of_has_no_figure() -> None:
    draws, nothing = draws_of(np.arange(N)), np.zeros(N)
    assert paired(Sums(nothing, nothing), Sums(ONES, ONES), draws) is None
    assert paired(Sums(nothing, ONES), Sums(nothing, ONES), draws) is None


class Ticking:
    """Answers in so many seconds of a clock of its own, and in ten times as many at the first time."""

    def __init__(self, clock: list[float], seconds: float, size: int) -> None:
        self.clock, self.seconds, self.asked = clock, seconds, 0
        self.manifest = {"files": {"scorer.onnx": {"size": size}}}

    def answer(self, requests: list[Any], *, threshold: bool) -> list[Any]:
        assert (len(requests), threshold) == (1, True)
        self.clock[0] += self.seconds * (10.0 if self.asked == 0 else 1.0)
        self.asked += 1
        return []


def test_the_quickest_of_several_answers_counts_and_sizes_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(cost.time, "perf_counter", lambda: clock[0])
    champion, challenger = Ticking(clock, 0.002, 1000), Ticking(clock, 0.003, 1500)
    requests = [{"cart": [str(number)]} for number in range(7)]
    found = measure_cost(champion, challenger, requests, 1)  # type: ignore[arg-type]
    assert (champion.asked, challenger.asked) == (35, 35)
    assert [found.champion_ms, found.challenger_ms, found.times.value, found.size] == pytest.approx([2, 3, 1.5, 1.5])
    assert [found.times.low, found.times.high] == pytest.approx([1.5, 1.5])
