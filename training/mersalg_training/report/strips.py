"""Dots and intervals on one scale, so that the rows of a table can be compared by eye."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.report.pictures import Strip
from mersalg_training.report.wording import has_interval

ROOM: Final = 4.0
"""Percent of the width that stay free at both ends, so that a dot is whole."""
FAR: Final = 4.0
"""A difference so many times as large as the middle one would leave the others no width: it is drawn at the edge."""


@dataclass(frozen=True)
class Scale:
    """From one value, at the left, to another."""

    low: float
    high: float
    mark: float | None = None
    """The value at which a line of reference stands."""

    def at(self, value: float) -> float:
        """The place of a value in percent of the width; one beyond the scale is put to its edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(ROOM + (100.0 - 2.0 * ROOM) * min(max(share, 0.0), 1.0), 2)

    def strip(self, estimate: Estimate, mark: float | None = None) -> Strip | None:
        """The dot and the interval of an estimate; None of what is not known.

        mark: where a line of reference stands, if not where the scale has it.
        """
        mark = self.mark if mark is None else mark
        if not math.isfinite(estimate.value):
            return None
        known = has_interval(estimate)
        return Strip(
            value=self.at(estimate.value),
            low=self.at(estimate.low) if known else None,
            high=self.at(estimate.high) if known else None,
            mark=None if mark is None else self.at(mark),
            beyond=not self.low <= estimate.value <= self.high,
        )


def from_zero(estimates: Iterable[Estimate]) -> Scale:
    """From zero to the largest end of an interval."""
    highest = max((end for estimate in estimates for end in ends(estimate)), default=0.0)
    return Scale(0.0, highest if highest > 0.0 else 1.0)


def around_zero(estimates: Iterable[Estimate]) -> Scale:
    """As far to the left of zero as to its right; what is FAR from the others is left beyond the edge."""
    far = [max(abs(end) for end in ends(estimate)) for estimate in estimates if ends(estimate)]
    near = [distance for distance in far if distance <= FAR * median(far)]
    edge = max(near, default=0.0)
    return Scale(-edge, edge, mark=0.0) if edge > 0.0 else Scale(-1.0, 1.0, mark=0.0)


def ends(estimate: Estimate) -> list[float]:
    """What of an estimate is known."""
    return [value for value in (estimate.value, estimate.low, estimate.high) if math.isfinite(value)]
