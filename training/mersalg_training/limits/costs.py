"""What the work of a job costs in seconds: measured on the demo, scaled by lines and requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

MIN_QUERIES: Final = 125
"""Requests of a task that an evaluation keeps."""
MIN_REQUESTS: Final = 5000
"""Requests that the rankers keep for their fit."""
MIN_ITERATIONS: Final = 3
MIN_SAVED: Final = 1.0
"""Seconds for which something gives way."""

COUNTED_LINE: Final = 5.3e-6
"""Seconds of a line, which is counted once for all cuts;"""
TABLES: Final = 0.5
"""of the tables of each cut, whatever they hold;"""
TABLED_LINE: Final = 2.6e-6
"""of a line in the neighbour lists of each;"""
FACTORISED_LINE: Final = 4.5e-7
"""and of a line in one iteration of its factors."""
FEATURISED_REQUEST: Final = 6.4e-4
"""Of a request that fits the rankers: retrieved, featurised, and its rows in the trees."""
FIRST_SCORE: Final = 3.5
CALIBRATED_REQUEST: Final = 3.0e-4
EVALUATED_LINE: Final = 1.3e-5
"""The baselines learn from every line before the test window."""
EVALUATED_REQUEST: Final = 0.12
"""Of a request of each task, by every method."""
WRITTEN: Final = 6.0


@dataclass(frozen=True)
class Work:
    """What is left to give way, and what it is done on."""

    lines: tuple[int, int, int]
    """Lines before each cut: for the rankers, to calibrate, for the bundle."""
    requests: int
    """That fit the rankers."""
    calibrating: int
    """Requests that calibrate and certify."""
    iterations: int
    queries: int
    """Requests of a task of the evaluation; 0 = there is none."""


@dataclass(frozen=True)
class TimePlan:
    """Seconds of what a job does after reading, in its order."""

    counting_first: float
    ranking: float
    counting_later: float
    calibrating: float
    evaluating: float
    writing: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.after_counting + self.counting_first

    @property
    def after_counting(self) -> float:
        """What follows the first counting."""
        return self.ranking + self.counting_later + self.calibrating + self.to_evaluate

    @property
    def to_evaluate(self) -> float:
        """What follows the bundle's scorer."""
        return self.evaluating + self.writing

    def sentence(self) -> str:
        """The plan for people, in minutes."""
        parts = {
            "counting": self.counting_first + self.counting_later,
            "ranking": self.ranking,
            "calibrating": self.calibrating,
            "evaluating": self.evaluating,
            "writing": self.writing,
        }
        return ", ".join(f"{name} {seconds / 60.0:.1f}" for name, seconds in parts.items())


def plan_of(work: Work, slowness: float = 1.0) -> TimePlan:
    """The seconds of some work. slowness: times the measured ones."""
    first, *later = (TABLES + n * (TABLED_LINE + work.iterations * FACTORISED_LINE) for n in work.lines)
    first += COUNTED_LINE * work.lines[-1]
    evaluating = EVALUATED_LINE * work.lines[-1] + EVALUATED_REQUEST * work.queries if work.queries else 0.0
    return TimePlan(
        counting_first=slowness * first,
        ranking=slowness * (FIRST_SCORE + FEATURISED_REQUEST * work.requests),
        counting_later=slowness * sum(later),
        calibrating=slowness * CALIBRATED_REQUEST * work.calibrating,
        evaluating=slowness * evaluating,
        writing=slowness * WRITTEN,
    )


def fewer_queries(work: Work) -> Work | None:
    """Half of the evaluation's requests: wider intervals of its figures, and the same bundle."""
    return replace(work, queries=half) if (half := work.queries // 2) >= MIN_QUERIES else None


def fewer_requests(work: Work) -> Work | None:
    """Half of the requests that fit the rankers."""
    return replace(work, requests=half) if (half := work.requests // 2) >= MIN_REQUESTS else None


def fewer_iterations(work: Work) -> Work | None:
    """Half of the factors' iterations."""
    return replace(work, iterations=half) if (half := work.iterations // 2) >= MIN_ITERATIONS else None


Halving = Callable[[Work], Work | None]
"""Less work; None where no less is sensible."""


def worthwhile(halve: Halving, slowness: float) -> Halving:
    """The halving where it saves MIN_SAVED seconds; for less nothing gives way."""

    def less(work: Work) -> Work | None:
        half = halve(work)
        saved = 0.0 if half is None else plan_of(work, slowness).seconds - plan_of(half, slowness).seconds
        return half if saved >= MIN_SAVED else None

    return less


def made_to_fit(work: Work, halvings: tuple[Halving, ...], fits: Callable[[Work], bool]) -> Work:
    """The work after as many halvings as it takes to fit, each as often as it goes before the next one begins."""
    for halve in halvings:
        while not fits(work) and (less := halve(work)) is not None:
            work = less
    return work
