"""Times of all contenders in one run: they take turns on the same block of requests, so that noise falls on all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCK = 40
"""Requests in a row, as in a tight loop."""
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True)
class OpenContender:
    """A contender that is open, and what it is asked."""

    ask: Callable[[Any], Any]
    items: Sequence[Any]
    requests_of_item: int = 1


def interleaved_times(asked: dict[str, OpenContender], repeats: int) -> dict[str, np.ndarray]:
    """Name -> (2, repeats, items) microseconds a request: by the clock, and of this thread's processor time.

    Where other processes want the processor too, the second is the one to trust; of a service it is the client's.

    In each repeat the blocks of items follow each other; in each block every contender answers, the first of them
    another one each time. The first item of a block is asked once before, which is not counted.
    """
    found = {name: np.zeros((2, repeats, len(each.items))) for name, each in asked.items()}
    names = list(asked)
    gc.collect()
    gc.freeze()  # what is loaded is not looked through again while answers are timed
    turn = 0
    for repeat in range(repeats):
        for shares in blocks([len(asked[name].items) for name in names]):
            for n in range(len(names)):
                place = (turn + n) % len(names)
                each, (first, end) = asked[names[place]], shares[place]
                if first < end:
                    timed(each, first, end, found[names[place]][:, repeat])
            turn += 1
    gc.unfreeze()
    return found


def timed(each: OpenContender, first: int, end: int, into: np.ndarray) -> None:
    """Ask the items from first to before end, and write the microseconds of each. into: (2, items)."""
    ask, clock, processor = each.ask, time.perf_counter_ns, time.thread_time_ns
    ask(each.items[first])
    for number in range(first, end):
        item = each.items[number]
        spent, start = processor(), clock()
        ask(item)
        end_of_it = clock()
        into[:, number] = end_of_it - start, processor() - spent
    into[:, first:end] /= 1e3 * each.requests_of_item


def blocks(sizes: list[int]) -> Iterator[list[tuple[int, int]]]:
    """For each block, the first and the end of everybody's share; who has fewer items has smaller shares."""
    n = -(-max(sizes) // BLOCK)
    for block in range(n):
        yield [(size * block // n, size * (block + 1) // n) for size in sizes]


def summary(micros: np.ndarray) -> dict[str, float]:
    """p50, p90, p99 and mean in microseconds, and the p50 of processor time: of each repeat, then the median of them.

    micros: (2, repeats, items).
    """
    of = {name: np.quantile(micros[0], share, axis=1) for name, share in QUANTILES.items()}
    of["mean"] = micros[0].mean(axis=1)
    of["cpu"] = np.median(micros[1], axis=1)
    return {name: float(np.median(values)) for name, values in of.items()}
