"""Whether two bundles keep their word on the same requests: certificates, and what the relevances promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mersalg.names import Kind
from mersalg_training.drift.comparison import KindNow
from mersalg_training.drift.rules import BrokenRule, calibration, certificate


@dataclass(frozen=True)
class Promise:
    """What one bundle promises of a kind, and what came of the offers that its threshold lets through."""

    threshold: float | None
    certified: float | None
    """The share that its certificate promises."""
    shown: int
    promised: float
    """Their mean relevance; NaN without any."""
    came: float
    calibration_error: float | None
    """The expected calibration error; None where too few offers tell it."""
    broken: tuple[BrokenRule, ...]
    """Rules of `mersalg check` that do not hold."""

    @classmethod
    def of(cls, now: KindNow) -> Promise:
        """From what a check finds of a kind."""
        rules = (certificate(now), calibration(now)) if now.threshold is not None else ()
        return cls(
            threshold=now.threshold,
            certified=None if now.certificate is None else now.certificate.precision,
            shown=now.offers,
            promised=now.promised,
            came=float("nan") if now.precision is None else now.precision.value,
            calibration_error=None if now.calibration_error is None else now.calibration_error[0],
            broken=tuple(rule for rule in rules if rule is not None),
        )


@dataclass(frozen=True)
class KindPromises:
    """A kind of both bundles."""

    kind: Kind
    champion: Promise
    challenger: Promise

    def worse(self) -> list[str]:
        """What the champion keeps and the challenger does not, in sentences."""
        kept = {rule.rule for rule in self.champion.broken}
        told = [f"{self.kind}: {rule.because}" for rule in self.challenger.broken if rule.rule not in kept]
        if self.champion.certified is not None and self.challenger.certified is None:
            told.append(
                f"{self.kind}: the champion is certified ({self.champion.certified:.1%}), the challenger is not"
            )
        return told

    def to_json(self) -> dict[str, Any]:
        """For promotion.json."""
        return {"kind": self.kind, "champion": plain(self.champion), "challenger": plain(self.challenger)}


def plain(promise: Promise) -> dict[str, Any]:
    """A promise in values that JSON knows, NaN aside."""
    return {**vars(promise), "broken": [rule.because for rule in promise.broken]}


def promises(champion: Sequence[KindNow], challenger: Sequence[KindNow]) -> list[KindPromises]:
    """Kind by kind, in the order of KINDS."""
    return [
        KindPromises(theirs.kind, Promise.of(theirs), Promise.of(ours))
        for theirs, ours in zip(champion, challenger, strict=True)
    ]
