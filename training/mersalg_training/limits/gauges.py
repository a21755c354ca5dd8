"""What limits are measured with: a clock, the memory of the process, the time of answers."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mersalg.recommender import Recommender
from mersalg.requests import Request
from mersalg_training.evaluation.latency import Latency, request_latency

KIB: Final = 1024


def peak_bytes() -> int:
    """The most memory that this process has had since it began."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * KIB


@dataclass(frozen=True)
class Gauges:
    """The measures of a job; tests read made ones."""

    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    peak_bytes: Callable[[], int] = peak_bytes
    latency: Callable[[Recommender, Sequence[Request]], Latency] = request_latency


MEASURED: Final = Gauges()
