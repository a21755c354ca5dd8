"""Why requests of a test window get no offer: by moment and reason, beside what the others are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mersalg.names import MOMENTS
from mersalg.offers import REASONS
from mersalg.recommender import stream_answers
from mersalg_training.evaluation.bundle_method import SHOWN, Answer, Shower, read_offers
from mersalg_training.ranking.cases import Cases


@dataclass(frozen=True)
class Empty:
    """Requests at a moment that got no offer for one reason."""

    moment: str
    reason: str
    """One of `mersalg.offers.REASONS`."""
    requests: int
    of: int
    """All requests at the moment."""


def show_and_tell(show: Shower, cases: Cases) -> tuple[list[Answer], list[Empty]]:
    """What is shown for each case, as `show` itself gives it, and why the others see nothing.

    Moments and reasons in the order of the format, those without a request left out.
    """
    requests = (show.make_request(cases, case, None, None, SHOWN) for case in range(len(cases)))
    answers: list[Answer] = []
    reasons: list[str | None] = []
    for offers in stream_answers(show.recommender, requests):
        answers.append(read_offers(offers, show.code_of))
        reasons.append(offers.reason)
    return answers, count_empty([MOMENTS[moment] for moment in cases.moment.tolist()], reasons)


def count_empty(moments: Sequence[str], reasons: Sequence[str | None]) -> list[Empty]:
    """A row for each moment and reason that occurs. Both of one length; None = the request got an offer."""
    asked, found = Counter(moments), Counter(zip(moments, reasons, strict=True))
    return [
        Empty(moment, reason, found[moment, reason], asked[moment])
        for moment in MOMENTS
        for reason in REASONS
        if found[moment, reason]
    ]
