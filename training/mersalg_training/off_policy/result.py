"""What an evaluation on logged offers found, as JSON and as MLflow metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.result import metric_key
from mersalg_training.json_values import finite
from mersalg_training.logged_offers.read import OffersReport
from mersalg_training.off_policy.acceptance_rates import Accepted, Agreement
from mersalg_training.off_policy.estimators import OffPolicy
from mersalg_training.off_policy.examination import Examination


@dataclass(frozen=True)
class OffPolicyResult:
    """A bundle beside a log of offers."""

    report: OffersReport
    notes: Sequence[str]
    """What has to be kept in mind, in sentences."""
    unanswered: int
    """Logged offers of products that the bundle does not know or may not offer there."""
    own: Sequence[Accepted]
    agreement: Agreement
    by_relevance: Sequence[Accepted]
    area: Estimate | None
    examination: Examination | str
    """By position, or why it cannot be told."""
    matching: str
    """Which logged offers speak for an offer of the bundle."""
    value: Mapping[str, OffPolicy]
    """Group -> the off-policy value; empty without propensities."""

    def to_json(self) -> dict[str, Any]:
        """Everything, in values that JSON knows; null where a figure is none."""
        told = self.examination
        result = {
            "offers": self.report.to_json(),
            "notes": list(self.notes),
            "unanswered": self.unanswered,
            "own": [asdict(row) for row in self.own],
            "agreement": asdict(self.agreement),
            "by_relevance": [asdict(row) for row in self.by_relevance],
            "area_under_curve": None if self.area is None else asdict(self.area),
            "examination": told if isinstance(told, str) else [asdict(interval) for interval in told.intervals],
            "matching": self.matching,
            "value": {group: asdict(value) for group, value in self.value.items()},
        }
        return dict(finite(result))

    def metrics(self) -> dict[str, float]:
        """The figures under flat names: `acceptance/every/rate`, `acceptance/value.every/snips`."""
        result = {f"acceptance/{metric_key(row.group)}/rate": row.rate.value for row in (*self.own, *self.by_relevance)}
        if self.area is not None:
            result["acceptance/area_under_curve"] = self.area.value
        for group, value in self.value.items():
            under = f"acceptance/value.{metric_key(group)}"
            result[f"{under}/own"] = value.own.value
            result[f"{under}/effective_sample"] = value.support.effective
            result[f"{under}/covered"] = value.support.covered.value
            for name, estimate in value.values.items():
                result |= {
                    f"{under}/{metric_key(name)}": estimate.value,
                    f"{under}/{metric_key(name)}.low": estimate.low,
                    f"{under}/{metric_key(name)}.high": estimate.high,
                }
        return {name: value for name, value in result.items() if math.isfinite(value)}
