"""Claims: who sees nothing is counted by moment and reason, and what the others see is what the bundle shows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console

from mersalg.names import MOMENTS, Moment
from mersalg.offers import Offer, Offers, Reason
from mersalg.requests import Request
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod
from mersalg_training.evaluation.empty_answers import EmptyAnswers, count_empty
from mersalg_training.evaluation.render import markdown, render
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.ranking.cases import Cases, ragged
from small_history import Order, make_timeline


class Door:
    """Answers the first request with an offer, and every other one with the next reason."""

    manifest: Mapping[str, Any] = {}
    reasons: tuple[Reason | None, ...] = (None, "below threshold", "kind silent", "below threshold")

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        items = (Offer("", 1, "2", "upsell", 0.5, 0.5, None), Offer("", 2, "gone", "upsell", 0.4, 0.4, None))
        reasons = (self.reasons[place % len(self.reasons)] for place in range(len(requests)))
        return [Offers(() if reason else items, reason, 9, {}) for reason in reasons]


def cases(*moments: Moment) -> Cases:
    n = len(moments)
    nothing = [np.zeros(0, dtype=np.int64)] * n
    return Cases(
        moment=np.array([MOMENTS.index(moment) for moment in moments]),
        at=np.zeros(n),
        cart=ragged(nothing),
        history=np.zeros((n, 2), dtype=np.int64),
        target=ragged([np.array([1])] * n),
        customer=np.arange(n),
        order=np.arange(n),
    )


def test_requests_without_an_offer_are_counted_by_moment_and_reason() -> None:
    some = cases("cart", "cart", "cart", "checkout")
    timeline = make_timeline([Order("ann", 1, "0 1 2 3")], dict.fromkeys("0123", 1.0))
    answers = list(BundleMethod(Door(), timeline).show(some))
    assert [[(o.kind, o.product) for o in answer.offers] for answer in answers] == [[("upsell", 2)], [], [], []]
    assert count_empty(some, answers) == [
        EmptyAnswers("cart", "kind silent", 1, 3),
        EmptyAnswers("cart", "below threshold", 1, 3),
        EmptyAnswers("checkout", "below threshold", 1, 1),
    ]


def test_where_everybody_sees_an_offer_nothing_is_counted() -> None:
    assert count_empty(cases("cart", "cart"), [BundleAnswer([]), BundleAnswer([])]) == []


def test_the_reasons_stand_on_the_terminal_and_in_the_tables() -> None:
    found = EvaluationResult([], [], [], [], empty=[EmptyAnswers("cart", "below threshold", 37, 200)])
    printed = io.StringIO()
    Console(file=printed, width=120).print(render(found))
    assert "below threshold" in printed.getvalue()
    assert "| cart | below threshold | 37 | 18.5% |" in markdown(found)
