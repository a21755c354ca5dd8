"""Why requests of a test window get no offer: by moment and reason, beside what the others are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mersalg.names import MOMENTS
from mersalg.offers import REASONS
from mersalg_training.evaluation.bundle_method import BundleAnswer
from mersalg_training.ranking.cases import Cases


@dataclass(frozen=True)
class EmptyAnswers:
    """Requests at a moment that got no offer for one reason."""

    moment: str
    reason: str
    """One of `mersalg.offers.REASONS`."""
    requests: int
    of: int
    """All requests at the moment."""


def count_empty(cases: Cases, answers: Sequence[BundleAnswer]) -> list[EmptyAnswers]:
    """A row for each moment and reason that occurs, in the order of the format. answers: one for each case."""
    moments = [MOMENTS[moment] for moment in cases.moment.tolist()]
    asked = Counter(moments)
    result = Counter((moment, answer.reason) for moment, answer in zip(moments, answers, strict=True))
    return [
        EmptyAnswers(moment, reason, result[moment, reason], asked[moment])
        for moment in MOMENTS
        for reason in REASONS
        if result[moment, reason]
    ]
