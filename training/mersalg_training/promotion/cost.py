"""What two bundles cost: the time of an answer, measured side by side in one run, and their size."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mersalg.recommender import Recommender
from mersalg.requests import Request, read_mapping
from mersalg_training.data.timeline import Float64
from mersalg_training.evaluation.metrics import LEVEL, RESAMPLES, Estimate

TIMED: Final = 200
"""Most requests that are timed."""
ROUNDS: Final = 5
"""Each request is answered so often by each bundle, the two in turn; its quickest answer counts."""


@dataclass(frozen=True)
class Cost:
    """The time and the size of both."""

    champion_ms: float
    """The median answer, one thread, a checked request in and offers out."""
    challenger_ms: float
    times: Estimate
    """The challenger's median over the champion's, with its 95 % interval over requests."""
    champion_bytes: int
    """All files."""
    challenger_bytes: int

    @property
    def size(self) -> float:
        """The challenger's size over the champion's."""
        return self.challenger_bytes / self.champion_bytes


def measure_cost(
    champion: Recommender, challenger: Recommender, requests: Sequence[Mapping[str, Any]], seed: int
) -> Cost:
    """Time both on the same requests, at least one, and weigh them."""
    checked = [read_mapping(request) for request in requests[:TIMED]]
    theirs, ours = side_by_side(checked, champion, challenger)
    draws = np.random.default_rng([seed, 8]).integers(0, len(checked), (RESAMPLES, len(checked)))
    drawn = np.median(ours[draws], axis=1) / np.median(theirs[draws], axis=1)
    low, high = np.percentile(drawn, LEVEL)
    middle = float(np.median(ours)), float(np.median(theirs))
    times = Estimate(middle[0] / middle[1], float(low), float(high), len(checked))
    return Cost(middle[1] * 1e3, middle[0] * 1e3, times, size_of(champion.manifest), size_of(challenger.manifest))


def side_by_side(requests: Sequence[Request], first: Recommender, second: Recommender) -> tuple[Float64, Float64]:
    """(n,) the quickest seconds of each request by each; who comes first changes with every round."""
    best = np.full((2, len(requests)), np.inf)
    was_on = gc.isenabled()
    gc.disable()
    try:
        for turn in range(ROUNDS):
            both = ((0, first), (1, second)) if turn % 2 == 0 else ((1, second), (0, first))
            for place, request in enumerate(requests):
                for row, recommender in both:
                    taken = seconds_of(lambda: recommender.answer([request], threshold=True))  # noqa: B023
                    best[row, place] = min(best[row, place], taken)
    finally:
        if was_on:
            gc.enable()
    return best[0], best[1]


def seconds_of(call: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def size_of(manifest: Mapping[str, Any]) -> int:
    """The bytes of all listed files."""
    return sum(int(entry["size"]) for entry in manifest["files"].values())
