"""From what came to what to do: keep the bundle, calibrate it anew, or train anew.

Every rule is about outcomes, and asks whether an interval lies wholly beyond what is tolerated: noise alone moves
nothing. A shift of what the scorer sees decides nothing by itself, since the outcomes of the same requests are known;
it tells where to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mersalg_training.drift.comparison import KindNow
from mersalg_training.drift.shift import Unknown
from mersalg_training.evaluation.clustered_intervals import Figure, Z

Decision = Literal["keep", "recalibrate", "retrain"]
EXIT_STATUS: Final[dict[Decision, int]] = {"keep": 0, "recalibrate": 3, "retrain": 4}

UNKNOWN_SHARE: Final = 0.10
"""More of the lines, or of what was paid, than in the reference may be of products that the bundle does not know."""
AREA_LOST: Final = 0.03
"""The area under the curve of a kind may fall by so much."""
FEWER: Final = 0.8
MORE: Final = 1.25
"""What came over what was promised may lie between these two."""
CALIBRATION_ERROR: Final = 0.02
"""The expected calibration error of shown offers may lie so far above what noise alone gives."""


@dataclass(frozen=True)
class BrokenRule:
    """A rule that does not hold."""

    rule: Literal["unknown products", "ranking", "certificate", "calibration"]
    kind: str | None
    """None = the whole shop."""
    asks: Decision
    because: str
    """A sentence."""


def decide(
    kinds: Sequence[KindNow], unknown: Unknown, unknown_then: Unknown | None
) -> tuple[Decision, list[BrokenRule]]:
    """The decision and the findings that led to it, those that weigh most first; none, and the bundle is kept.

    Silent kinds are not judged: nothing of them is shown.
    """
    findings = unknown_products(unknown, unknown_then)
    judged = [kind for kind in kinds if kind.threshold is not None]
    for rule in (ranking, certificate, calibration):
        findings += [finding for kind in judged if (finding := rule(kind)) is not None]
    decisions = {finding.asks for finding in findings}
    decision: Decision = "retrain" if "retrain" in decisions else "recalibrate" if decisions else "keep"
    return decision, findings


def unknown_products(now: Unknown, then: Unknown | None) -> list[BrokenRule]:
    """A product that the bundle does not know is never offered, and what goes with it was never counted."""
    findings = []
    for what, share, before in (
        ("of the order lines are", now.lines, then.lines if then else 0.0),
        ("of what was paid is for lines", now.revenue, (then.revenue or 0.0) if then else 0.0),
    ):
        if share is not None and share - before > UNKNOWN_SHARE:
            told = f"{share:.1%} {what} of products that the bundle does not know ({before:.1%} when it was calibrated)"
            findings.append(BrokenRule("unknown products", None, "retrain", told))
    return findings[:1]


def ranking(kind: KindNow) -> BrokenRule | None:
    """A worse order of the offers is mended by no calibration."""
    now, then = kind.area, kind.area_then
    if now is None or then is None:
        return None
    lost = Figure(then.value - now.value, float(np.hypot(then.error, now.error)), now.n)
    if lost.low <= AREA_LOST:
        return None
    told = (
        f"the score tells less well what comes: area under the curve {then.value:.3f} then, {now.value:.3f} now "
        f"({now.low:.3f} to {now.high:.3f})"
    )
    return BrokenRule("ranking", kind.kind, "retrain", told)


def certificate(kind: KindNow) -> BrokenRule | None:
    """Broken only where the interval of what came lies below what is certified."""
    promise, came = kind.certificate, kind.precision
    if promise is None or came is None or not kind.enough or came.high >= promise.precision:
        return None
    told = (
        f"the certificate promises {promise.precision:.1%}, and {came.value:.1%} ({max(0.0, came.low):.1%} to "
        f"{came.high:.1%}) of {came.n:,} offers came"
    )
    return BrokenRule("certificate", kind.kind, "recalibrate", told)


def calibration(kind: KindNow) -> BrokenRule | None:
    """The relevances of what is shown are not what comes, in all or group by group."""
    ratio = kind.over_promised
    if ratio is None or kind.calibration_error is None or kind.precision is None:
        return None
    told = f"the relevances promise {kind.promised:.1%}, and {kind.precision.value:.1%} came"
    if ratio.high < FEWER or ratio.low > MORE:
        return BrokenRule("calibration", kind.kind, "recalibrate", told)
    error, noise = kind.calibration_error
    if error - noise > CALIBRATION_ERROR and error > Z * noise:
        told += f"; the expected calibration error is {error:.3f}, {noise:.3f} of it noise"
        return BrokenRule("calibration", kind.kind, "recalibrate", told)
    return None
