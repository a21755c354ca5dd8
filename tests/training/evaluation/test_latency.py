"""Claims about the time of a request: each counts by its quickest answer, whatever else the machine does."""

from __future__ import annotations

from typing import cast

from mersalg.recommender import Recommender
from mersalg.requests import Request, read_request
from mersalg_training.evaluation.latency import ROUNDS, request_latency


class MadeRecommender:
    """Answers in the time that a request's limit says in milliseconds; the first round is disturbed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.disturbed = 0

    def answer(self, requests: list[Request], *, threshold: bool) -> list[object]:
        assert threshold
        (request,) = requests
        self.now += request.limit / 1000.0 + (0.5 if self.asked < self.disturbed else 0.0)
        self.asked += 1
        return []


def test_the_quickest_of_all_answers_counts() -> None:
    made = MadeRecommender()
    made.disturbed = 101
    requests = [read_request(limit=place) for place in range(101)]
    found = request_latency(cast(Recommender, made), requests, lambda: made.now)
    assert round(found.median_ms, 6) == 50.0
    assert round(found.p95_ms, 6) == 95.0
    assert made.asked == ROUNDS * 101


def test_heavy_requests_are_seen_in_the_tail() -> None:
    made = MadeRecommender()
    requests = [read_request(limit=1)] * 90 + [read_request(limit=40)] * 10
    found = request_latency(cast(Recommender, made), requests, lambda: made.now)
    assert (round(found.median_ms, 6), round(found.p95_ms, 6)) == (1.0, 40.0)
