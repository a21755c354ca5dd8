"""What a bundle was like when it was calibrated: counts over many requests, kept in its manifest for a later check.

Nothing here is about one person: histograms over deciles, and groups of offers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from mersalg.errors import BundleError
from mersalg.names import KINDS, Kind
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.timeline import Timeline
from mersalg_training.drift.shift import (
    Histogram,
    Unknown,
    deciles,
    histogram_from,
    known_at,
    request_features,
    unknown_share,
)
from mersalg_training.evaluation.clustered_intervals import Figure, Group, area, reliability
from mersalg_training.learn import Learned, Purchased, calibrate_cases
from mersalg_training.ranking.cases import Cases

Labels = Literal["bought", "accepted"]


@dataclass(frozen=True)
class KindReference:
    """The best offers of a kind, without its threshold, when the bundle was certified."""

    area: Figure | None
    """How well the score told what came from what did not."""
    relevance: Histogram
    reliability: list[Group]


@dataclass(frozen=True)
class Reference:
    """What newer purchases are compared with."""

    labels: Labels
    """What counted as having come."""
    first: str
    """The window, ISO 8601."""
    end: str
    requests: int
    unknown: Unknown
    features: dict[str, Histogram]
    kinds: dict[Kind, KindReference]

    def to_json(self) -> dict[str, Any]:
        """The manifest's key `reference`."""
        return {
            "labels": self.labels,
            "from": self.first,
            "to": self.end,
            "requests": self.requests,
            "unknown": asdict(self.unknown),
            "features": {name: histogram.to_json() for name, histogram in self.features.items()},
            "kinds": {
                kind: {
                    "area": None if result.area is None else asdict(result.area),
                    "relevance": result.relevance.to_json(),
                    "reliability": [asdict(group) for group in result.reliability],
                }
                for kind, result in self.kinds.items()
            },
        }


def read_reference(manifest: Mapping[str, Any]) -> Reference | None:
    """The reference of a bundle's manifest; None where it was made without one, BundleError where it is damaged."""
    document = manifest.get("reference")
    if document is None:
        return None
    try:
        return reference_from(document)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"manifest.json: reference: {error!r}: not as it was written; export the bundle again"
        ) from error


def reference_from(document: Mapping[str, Any]) -> Reference:
    """The reference of a document as `Reference.to_json` writes it."""
    kinds = {
        kind: KindReference(
            None if result["area"] is None else Figure(**result["area"]),
            histogram_from(result["relevance"]),
            [Group(**group) for group in result["reliability"]],
        )
        for kind, result in document["kinds"].items()
    }
    return Reference(
        document["labels"],
        document["from"],
        document["to"],
        document["requests"],
        Unknown(**document["unknown"]),
        {name: histogram_from(histogram) for name, histogram in document["features"].items()},
        kinds,
    )


def training_reference(purchased: Purchased, learned: Learned) -> dict[str, Any]:
    """The manifest's `reference` from the calibrate window: its certifying half, and the requests as they were drawn.

    The offers were ranked with tables that end where the window begins, as a shop's are.
    """
    windows, timeline, attributes = purchased.windows, purchased.timeline, purchased.attributes
    first_day, end_day = time_to_day(windows.calibrate_from), time_to_day(windows.test_from)
    cases, _ = calibrate_cases(purchased, learned.fitted)
    known = known_at(timeline, attributes, first_day)
    strange = unknown_share(timeline, attributes, known, first_day, end_day)
    first, end = windows.calibrate_from.isoformat(), windows.test_from.isoformat()
    window = (first_day, end_day)
    return make_reference(
        "bought", first, end, timeline, cases, window, strange, learned.calibrated.certifying
    ).to_json()


def make_reference(
    labels: Labels,
    first: str,
    end: str,
    timeline: Timeline,
    cases: Cases,
    window: tuple[float, float],
    unknown: Unknown,
    certifying: ScoredOffers,
) -> Reference:
    """A reference from the requests of a window (its first and end day) and the offers that certified."""
    features = {name: deciles(values) for name, values in request_features(timeline, cases, *window).items()}
    kinds = {kind: kind_reference(certifying.of_kind(kind)) for kind in KINDS}
    return Reference(labels, first, end, len(cases), unknown, features, kinds)


def recalibrated_reference(old: Reference, certifying: ScoredOffers) -> Reference:
    """The reference of a bundle whose calibration was made anew while its trees stayed.

    What the trees were fitted on stays, how well they told what comes, too: a reference that went along with the days
    would hide that they age.
    """
    kinds = {
        kind: replace(kind_reference(certifying.of_kind(kind)), area=result.area) for kind, result in old.kinds.items()
    }
    return replace(old, kinds=kinds)


def kind_reference(rows: ScoredOffers) -> KindReference:
    """The offers of one kind."""
    relevance, came = rows.relevance.astype(np.float64), rows.label.astype(np.float64)
    return KindReference(area(relevance, came, rows.unit), deciles(relevance), reliability(relevance, came, rows.unit))
