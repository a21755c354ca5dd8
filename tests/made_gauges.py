"""Gauges that show what a test sets: time passes, and memory is taken, only as the test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mersalg.recommender import Recommender
from mersalg.requests import Request
from mersalg_training.evaluation.latency import Latency
from mersalg_training.limits.gauges import Gauges


@dataclass
class MadeGauges:
    """What the gauges show next."""

    now: float = 1000.0
    peak: int = 0
    latencies: list[float] = field(default_factory=list)
    """p95 of each measurement to come; the last one stays."""
    timed: list[int] = field(default_factory=list)
    """How many requests each measurement asked."""

    def gauges(self) -> Gauges:
        return Gauges(clock=lambda: self.now, peak_bytes=lambda: self.peak, latency=self.latency)

    def latency(self, recommender: Recommender, requests: Sequence[Request]) -> Latency:
        self.timed.append(len(requests))
        p95 = self.latencies.pop(0) if len(self.latencies) > 1 else self.latencies[0]
        return Latency(p95 / 2.0, p95)
