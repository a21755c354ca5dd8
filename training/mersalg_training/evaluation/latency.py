"""What one request costs, for runs to be compared by; `make bench` measures it with care."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.bundle import Bundle
from mersalg.recommender import Recommender, open_recommender
from mersalg.requests import Request

ROUNDS: Final = 5
"""So often each request is answered."""
MILLISECONDS: Final = 1000.0


@dataclass(frozen=True)
class Latency:
    """The time of one request on one thread; of each request the quickest of ROUNDS answers counts."""

    median_ms: float
    p95_ms: float


def request_latency(
    recommender: Recommender, requests: Sequence[Request], clock: Callable[[], float] = time.thread_time
) -> Latency:
    """Ask at least one request, one at a time.

    The clock is the processor time of this thread, which answers: what else a busy machine does is not in it.
    """
    best = np.full(len(requests), np.inf)
    for _ in range(ROUNDS):
        for place, request in enumerate(requests):
            start = clock()
            recommender.answer([request], threshold=True)
            best[place] = min(best[place], clock() - start)
    median, p95 = MILLISECONDS * np.percentile(best, [50.0, 95.0])
    return Latency(float(median), float(p95))


def median_latency_ms(bundle: Bundle) -> float:
    """Open a verified bundle as a shop does, on one thread; the median time of one golden request in milliseconds.

    BundleError where the golden requests are not answered as they must be.
    """
    recommender = open_recommender(bundle)  # which answers each of them once before
    taken = []
    for _ in range(ROUNDS):
        for request, _expected in bundle.golden:
            start = time.perf_counter()
            recommender.score([request])
            taken.append(time.perf_counter() - start)
    return MILLISECONDS * statistics.median(taken)
