"""What a bundle said against what came: kind by kind, with the reference beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.calibration.scored_offers import SHOWN, ScoredOffers
from mersalg_training.data.timeline import Float64
from mersalg_training.drift.reference import Reference
from mersalg_training.drift.shift import Shift, shift_of
from mersalg_training.evaluation.clustered_intervals import (
    Figure,
    Group,
    area,
    calibration_error,
    came_over_promised,
    reliability,
    share,
)

MIN_OFFERS: Final = 50
"""Fewer offers say nothing about a kind,"""
MIN_EXPECTED: Final = 10.0
"""and so do offers of which fewer should have come."""


@dataclass(frozen=True)
class Certificate:
    """A promise of the manifest."""

    precision: float
    confidence: float


@dataclass(frozen=True)
class KindNow:
    """The offers of a kind since the bundle was made."""

    kind: Kind
    threshold: float | None
    """None = silent."""
    certificate: Certificate | None
    offers: int
    """Of the best SHOWN of a request, those at or above the threshold."""
    promised: float
    """Their mean relevance; NaN without any."""
    precision: Figure | None
    """The share of them that came; None where there are none."""
    over_promised: Figure | None
    """What came over what the relevances promised; None where too few offers say so."""
    calibration_error: tuple[float, float] | None
    """The expected calibration error, and what noise alone gives; None as above."""
    area: Figure | None
    """How well the score tells what comes from what does not, whatever the threshold; None where too few say so."""
    area_then: Figure | None
    """The same when the bundle was calibrated; None where it is not known, or was of other labels."""
    reliability: list[Group]
    """Whatever the threshold."""
    reliability_then: list[Group]

    @property
    def enough(self) -> bool:
        """Whether the offers shown say anything."""
        return self.over_promised is not None


def compare_kinds(manifest: Mapping[str, Any], outcomes: ScoredOffers, reference: Reference | None) -> list[KindNow]:
    """Every kind of KINDS, on the offers that a request could show at most. reference: None = nothing to compare."""
    shown = outcomes.take(outcomes.place < SHOWN)
    certificates = {
        certificate["kind"]: Certificate(certificate["precision"], certificate["confidence"])
        for certificate in manifest["certificates"]
    }
    return [
        compare_kind(
            kind,
            manifest["kinds"][kind]["threshold"],
            certificates.get(kind),
            shown.of_kind(kind),
            reference,
        )
        for kind in KINDS
    ]


def compare_kind(
    kind: Kind,
    threshold: float | None,
    certificate: Certificate | None,
    rows: ScoredOffers,
    reference: Reference | None,
) -> KindNow:
    """One kind, all of whose rows are given."""
    relevance, came = rows.relevance.astype(np.float64), rows.label.astype(np.float64)
    # The graph compares in float32.
    above = rows.relevance >= np.float32(np.inf if threshold is None else threshold)
    n, expected = int(above.sum()), float(relevance[above].sum())
    if certificate is not None:
        expected = min(expected, certificate.precision * n)
    enough = n >= MIN_OFFERS and expected >= MIN_EXPECTED
    groups = reliability(relevance[above], came[above], rows.unit[above])
    then = None if reference is None else reference.kinds[kind]
    return KindNow(
        kind=kind,
        threshold=threshold,
        certificate=certificate,
        offers=n,
        promised=float(relevance[above].mean()) if n else float("nan"),
        precision=share(came[above], rows.unit[above]) if n else None,
        over_promised=came_over_promised(came[above], relevance[above], rows.unit[above]) if enough else None,
        calibration_error=calibration_error(groups) if enough else None,
        area=area_where_enough(relevance, came, rows),
        area_then=None if then is None else then.area,
        reliability=reliability(relevance, came, rows.unit),
        reliability_then=[] if then is None else then.reliability,
    )


def area_where_enough(relevance: Float64, came: Float64, rows: ScoredOffers) -> Figure | None:
    """The area under the curve where at least MIN_EXPECTED offers came, and as many did not."""
    if min(came.sum(), len(came) - came.sum()) < MIN_EXPECTED:
        return None
    return area(relevance, came, rows.unit)


def compare_features(features: Mapping[str, Float64], reference: Reference | None) -> list[Shift]:
    """The shift of every feature that the reference holds; none without one."""
    then = {} if reference is None else reference.features
    return [shift_of(name, histogram, features[name]) for name, histogram in then.items() if name in features]


def compare_relevance(outcomes: ScoredOffers, reference: Reference | None) -> list[Shift]:
    """The shift of the relevance of each kind's best offers, whatever the threshold; none without a reference."""
    if reference is None:
        return []
    return [
        shift_of(f"relevance of {kind}", then, outcomes.relevance[outcomes.kind == position].astype(np.float64))
        for position, kind in enumerate(KINDS)
        if (then := reference.kinds[kind].relevance).counts.sum()
    ]
