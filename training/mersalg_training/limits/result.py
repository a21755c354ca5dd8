"""How a job kept its limits, as values for the manifest, the card, MLflow and the closing lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mersalg_training.data.adaptation import Adaptation

UNITS: Final = {"minutes": "minutes", "memory_gb": "GB of memory", "milliseconds": "ms for 95 of 100 requests"}
LIMITS: Final = "limits"
GAVE_WAY: Final = "gave_way"
"""Keys of the manifest."""


@dataclass(frozen=True)
class Kept:
    """One limit, and what was taken."""

    limit: float
    taken: float
    where: str | None = None
    """Where the limit was passed first, if that is known."""

    def to_json(self) -> dict[str, Any]:
        """As the manifest holds it."""
        told = {"limit": self.limit, "taken": self.taken, "kept": self.taken <= self.limit}
        return told if self.where is None else {**told, "passed_in": self.where}


@dataclass(frozen=True)
class LimitsTold:
    """Every limit that was given, by its key, and every setting that gave way."""

    limits: Mapping[str, Kept]
    gave_way: list[Adaptation]

    def to_json(self) -> dict[str, Any]:
        """As the manifest holds it."""
        limits = {name: kept.to_json() for name, kept in self.limits.items()}
        return {**limits, GAVE_WAY: [adaptation.to_json() for adaptation in self.gave_way]}


def sentences(told: Mapping[str, Any]) -> list[str]:
    """What a manifest tells of limits, a sentence each; none where it tells nothing."""
    result = []
    for name, unit in UNITS.items():
        if name in told:
            kept = told[name]
            verdict = "kept" if kept["kept"] else "NOT KEPT"
            where = f", passed in {kept['passed_in']!r}" if "passed_in" in kept else ""
            result.append(f"{verdict}: {kept['taken']:.3g} of {kept['limit']:g} {unit}{where}")
    result += [
        f"gave way: {one['setting']}: {one['value']} instead of {one['usual']}, for {one['because']}"
        for one in told.get(GAVE_WAY, [])
    ]
    return result
