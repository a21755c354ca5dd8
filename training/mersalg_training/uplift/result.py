"""What an analysis asks and finds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Literal

from mersalg_training.uplift.always_valid import PLANNED_UNITS
from mersalg_training.uplift.estimates import Effect, Power
from mersalg_training.uplift.measures import Form

Segment = Literal["all", "new", "existing"]
MISMATCH: Final = 0.001
"""A p-value of the sample ratio below it says that the arms are not what was drawn."""


@dataclass(frozen=True)
class Options:
    """What is asked."""

    control: str = "hold-out"
    window_days: float = 30.0
    """Days after the assignment over which a unit's outcome is summed."""
    before_days: float = 90.0
    """Days before it that lower the variance."""
    attribution_days: float = 7.0
    """An offer is taken if the product is bought in its order or within so many days."""
    confidence: float = 0.95
    planned_units: int = PLANNED_UNITS
    detect: float = 0.02
    """The relative effect for which the units needed are told."""
    shares: Mapping[str, float] | None = None
    """The shares that were drawn, by arm; None = those of the record."""


@dataclass(frozen=True)
class EffectLine:
    """An effect and what it is of."""

    arm: str
    measure: str
    form: Form
    segment: Segment
    days: float
    waiting: int
    """Units whose window is not complete, which do not count yet."""
    effect: Effect | None
    """None = nothing to compare."""
    q_value: float | None = None
    """The p-value after Benjamini and Hochberg over all lines but the primary one."""


@dataclass(frozen=True)
class Look:
    """The primary measure as it stood when so many units were complete."""

    arm: str
    day: date
    effect: Effect


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms have the sizes that were drawn."""

    units: Mapping[str, int]
    shares: Mapping[str, float] | None
    p_value: float | None
    """Chi-square, for a single look; None where the shares are not known."""
    always_p_value: float | None

    @property
    def mismatch(self) -> bool:
        """Something lost or doubled units of an arm: no effect below can be believed until it is found."""
        return self.always_p_value is not None and min(self.always_p_value, self.p_value or 1.0) < MISMATCH


@dataclass(frozen=True)
class Uplift:
    """The result."""

    experiment: str | None
    unit: str
    options: Options
    ratio: SampleRatio
    lines: list[EffectLine]
    looks: list[Look]
    attributed: Mapping[str, float]
    """Arm -> revenue a unit of what was shown and then bought. Not uplift: most of it is bought without an offer."""
    power: Mapping[str, Power]
    """Arm -> what the primary measure can see; an arm is left out where that cannot be told."""
    notes: list[str]

    @property
    def primary(self) -> list[EffectLine]:
        """The first measure of each arm, over all units."""
        first = self.lines[0].measure if self.lines else ""
        return [line for line in self.lines if line.measure == first and line.segment == "all"]

    def to_json(self) -> dict[str, Any]:
        """Plain values, dates as ISO 8601."""
        document = asdict(self)
        document["ratio"]["mismatch"] = self.ratio.mismatch
        for look in document["looks"]:
            look["day"] = look["day"].isoformat()
        return document
