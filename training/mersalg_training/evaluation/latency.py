"""What one request costs, for runs to be compared by; `make bench` measures it with care."""

from __future__ import annotations

import statistics
import time
from typing import Final

from mersalg.bundle import Bundle
from mersalg.recommender import open_recommender

ROUNDS: Final = 5
"""So often each golden request is answered."""
MILLISECONDS: Final = 1000.0


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
