"""The result of a comparison, as JSON and as MLflow's metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mersalg.table import SavedOutcome
from mersalg_training.evaluation.result import metric_key
from mersalg_training.json_values import finite
from mersalg_training.promotion.cost import Cost
from mersalg_training.promotion.decision import EXIT_STATUS, Margins, PromotionDecision, verdict
from mersalg_training.promotion.measure import PairedFigure
from mersalg_training.promotion.promises import KindPromises


@dataclass(frozen=True)
class Contestant:
    """A version that is compared."""

    version: str
    name: str
    """Of the bundle."""
    manifest_sha256: str


@dataclass(frozen=True)
class BundleComparison:
    """What was measured of champion and challenger."""

    since: str
    until: str
    """The day after the last one."""
    requests: int
    customers: int
    """Units: customers, and orders without one."""
    measures: Sequence[PairedFigure]
    promises: Sequence[KindPromises]
    cost: Cost
    notes: Sequence[str] = ()
    """What logged offers could not tell, or what they were."""


@dataclass(frozen=True)
class Promotion:
    """A decision on a challenger, and what it rests on."""

    model: str
    experiment: str
    """In which the decision is kept as a run."""
    challenger: Contestant
    champion: Contestant | None
    """None = there is none yet."""
    margins: Margins
    saved: Sequence[tuple[SavedOutcome | None, SavedOutcome]]
    """Of each saved request, the champion's outcome and the challenger's."""
    evidence: BundleComparison | None
    """None where there is no champion."""
    decision: PromotionDecision

    @property
    def exit_status(self) -> int:
        """Of the command."""
        return EXIT_STATUS[self.decision.outcome]

    def to_json(self) -> dict[str, Any]:
        """Everything, with null for what is not known."""
        found = self.evidence
        document = {
            "model": self.model,
            "challenger": asdict(self.challenger),
            "champion": None if self.champion is None else asdict(self.champion),
            "outcome": self.decision.outcome,
            "exit_status": self.exit_status,
            "why": list(self.decision.why),
            "worse": self.decision.worse,
            "open": self.decision.open,
            "better": self.decision.better,
            "margins": asdict(self.margins),
            "saved": [saved_row(theirs, ours) for theirs, ours in self.saved],
            "evidence": None if found is None else evidence_json(found, self.margins),
        }
        return dict(finite(document))

    def metrics(self) -> dict[str, float]:
        """Name -> figure, as MLflow logs them: `promotion/ndcg_at_10.all_kinds/difference`."""
        result = {"promotion/exit_status": float(self.exit_status)}
        result["promotion/saved_broken"] = float(sum(not ours.kept for _, ours in self.saved))
        if self.evidence is None:
            return result
        for measure in self.evidence.measures:
            under = f"promotion/{metric_key(measure.name)}.{metric_key(measure.kind)}"
            result[f"{under}/champion"] = measure.champion
            result[f"{under}/challenger"] = measure.challenger
            result[f"{under}/difference"] = measure.difference.value
        result["promotion/time_ratio"] = self.evidence.cost.times.value
        result["promotion/size_ratio"] = self.evidence.cost.size
        return result


def saved_row(champion: SavedOutcome | None, challenger: SavedOutcome) -> dict[str, Any]:
    """A saved request in promotion.json."""
    return {
        "request_id": challenger.saved.request_id,
        "kept_by_champion": None if champion is None else champion.kept,
        "kept": challenger.kept,
        "missing": list(challenger.missing),
        "unwanted": list(challenger.unwanted),
    }


def evidence_json(found: BundleComparison, margins: Margins) -> dict[str, Any]:
    """What was measured, in values that JSON knows, NaN aside."""
    return {
        "since": found.since,
        "until": found.until,
        "requests": found.requests,
        "customers": found.customers,
        "measures": [{**asdict(m), "verdict": verdict(m, margins.figures)} for m in found.measures],
        "promises": [kind.to_json() for kind in found.promises],
        "notes": list(found.notes),
        "cost": {**asdict(found.cost), "size": found.cost.size},
    }
