"""How one `recommend` grows with the cart and with the history, and what a second thread brings."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import numpy as np
from interleaved import OpenContender, interleaved_times, summary
from request_file import Request

import mersalg

AT = datetime(2020, 1, 1, 12)
CARTS = (1, 5, 20, 100)
HISTORIES = (0, 60, 300, 600, 2000)
USUAL_CART, USUAL_HISTORY = 5, 300
Figures = dict[str, float]


def drawn(ids: Sequence[str], n: int, cart: int, history: int, random: np.random.Generator) -> list[Request]:
    """N requests of so many lines. ids: drawn by how often they are bought, so that duplicates come as in a shop."""
    requests = []
    for _ in range(n):
        visits = np.sort(random.uniform(1.0, 300.0, size=max(1, history // 8)))  # of eight lines each
        days = random.choice(visits, history) if history else visits[:0]
        requests.append(
            {
                "cart": [ids[place] for place in random.integers(len(ids), size=cart)],
                "history": [
                    {"product_id": ids[place], "ordered_at": AT - timedelta(days=float(day)), "quantity": 1}
                    for place, day in zip(random.integers(len(ids), size=history), days, strict=True)
                ],
                "at": AT,
                "moment": "cart",
                "limit": 3,
            }
        )
    return requests


def by_length(recommender: mersalg.Recommender, ids: Sequence[str], n: int, repeats: int) -> dict[str, Figures]:
    """Carts and histories of each length, the other one usual -> microseconds of one `recommend`."""
    random = np.random.default_rng(0)
    lengths = {f"cart {cart}, history {USUAL_HISTORY}": (cart, USUAL_HISTORY) for cart in CARTS}
    lengths |= {f"cart {USUAL_CART}, history {lines}": (USUAL_CART, lines) for lines in HISTORIES}

    def ask(request: Request) -> object:
        return recommender.recommend(**request)

    asked = {name: OpenContender(ask, drawn(ids, n, *both, random)) for name, both in lengths.items()}
    return {name: summary(micros) for name, micros in interleaved_times(asked, repeats).items()}


def threads_compared(
    recommender: mersalg.Recommender, requests: Sequence[Request], seconds: float, rounds: int
) -> dict[str, float]:
    """Requests a second by one thread and by two on one recommender, in turn; medians, and the gain of each round.

    Two threads have two cores to themselves only where nothing else runs: the figure says what the machine gave.
    """
    ask_all = partial(answers_within, recommender, requests, seconds)
    one, two = [], []
    for _ in range(rounds):
        one.append(ask_all(1))
        two.append(ask_all(2))
    gains = np.array(two) / np.array(one)
    return {
        "one_thread": float(np.median(one)),
        "two_threads": float(np.median(two)),
        "gain": float(np.median(gains)),
        "gain_low": float(gains.min()),
        "gain_high": float(gains.max()),
    }


def answers_within(
    recommender: mersalg.Recommender, requests: Sequence[Request], seconds: float, threads: int
) -> float:
    """Answers a second of so many threads that share a recommender."""
    done = [0] * threads
    ready = threading.Barrier(threads + 1)
    ends = [0.0]

    def work(thread: int) -> None:
        place = thread * len(requests) // threads
        ready.wait()
        while not done[thread] or time.perf_counter() < ends[0]:  # on a busy machine one answer may take them all
            recommender.recommend(**requests[place % len(requests)])
            place, done[thread] = place + 1, done[thread] + 1

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    start = time.perf_counter()
    ends[0] = start + seconds
    ready.wait()
    for worker in workers:
        worker.join()
    return sum(done) / (time.perf_counter() - start)
