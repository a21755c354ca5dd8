"""The result of a check, as JSON and as MLflow's metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from mersalg_training.drift.comparison import KindNow
from mersalg_training.drift.reference import Labels
from mersalg_training.drift.rules import EXIT_STATUS, BrokenRule, Decision
from mersalg_training.drift.shift import Shift, Unknown
from mersalg_training.json_values import finite


@dataclass(frozen=True)
class Check:
    """A bundle compared with what happened since."""

    bundle: str
    """Its name in the manifest."""
    manifest_sha256: str
    labels: Labels
    since: datetime
    until: datetime
    requests: int
    customers: int
    """Units: customers, and orders without one."""
    decision: Decision
    findings: list[BrokenRule]
    kinds: list[KindNow]
    unknown: Unknown
    unknown_then: Unknown | None
    shifts: Sequence[Shift]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Everything, with null for what is not known."""
        document = asdict(self)
        for name in ("since", "until"):
            document[name] = document[name].isoformat()
        document["exit_status"] = EXIT_STATUS[self.decision]
        document["shifts"] = [
            {"name": s.name, "index": s.index, "size": s.size, "then": s.then.to_json(), "now": s.now.to_json()}
            for s in self.shifts
        ]
        document["metrics"] = self.metrics()
        return dict(finite(document))

    def metrics(self) -> dict[str, float]:
        """Name -> figure, as MLflow logs them; what is not known is left out."""
        result: dict[str, float | None] = {
            "check/exit_status": float(EXIT_STATUS[self.decision]),
            "check/unknown_lines": self.unknown.lines,
            "check/unknown_revenue": self.unknown.revenue,
        }
        for kind in self.kinds:
            key = f"check/{kind.kind}"
            result[f"{key}/offers"] = float(kind.offers)
            result[f"{key}/promised"] = kind.promised
            result[f"{key}/precision"] = None if kind.precision is None else kind.precision.value
            result[f"{key}/certified_precision"] = None if kind.certificate is None else kind.certificate.precision
            result[f"{key}/calibration_error"] = None if kind.calibration_error is None else kind.calibration_error[0]
            result[f"{key}/area_under_curve"] = None if kind.area is None else kind.area.value
        result.update({f"check/shift/{s.name.replace(' ', '_')}": s.index for s in self.shifts})
        return {name: value for name, value in result.items() if value is not None and np.isfinite(value)}
