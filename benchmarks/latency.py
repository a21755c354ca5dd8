"""Latency of one `recommend` beside its parts, in one run, interleaved: `make bench`, or as here.

    python benchmarks/latency.py models/demo --requests 300 --repeats 3

Requests are drawn products with histories of the lengths that real customers have; medians and tails in microseconds.
"""

from __future__ import annotations

import argparse
import platform
import resource
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import mersalg
from mersalg.requests import encode, read_mapping

AT = datetime(2020, 1, 1, 12)
HISTORIES = (0, 60, 300, 600)
CARTS = (1, 5, 10)


def drawn_requests(ids: list[str], n: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """N requests over all lengths of cart and history."""
    requests = []
    for i in range(n):
        bought = random.choice(len(ids), size=HISTORIES[i % len(HISTORIES)])
        days = np.sort(random.uniform(1.0, 300.0, size=len(bought)))[::-1]
        requests.append(
            {
                "cart": [ids[j] for j in random.choice(len(ids), size=CARTS[i % len(CARTS)])],
                "history": [
                    {"product_id": ids[j], "ordered_at": AT - timedelta(days=float(d)), "quantity": 1}
                    for j, d in zip(bought, days, strict=True)
                ],
                "at": AT,
                "moment": "cart",
                "limit": 3,
            }
        )
    return requests


def measured(call: Callable[[Any], object], items: list[Any]) -> list[float]:
    """Microseconds of each call."""
    found = []
    for item in items:
        start = time.perf_counter()
        call(item)
        found.append((time.perf_counter() - start) * 1e6)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path("models/demo"))
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    start = time.perf_counter()
    recommender = mersalg.load(args.bundle)
    loading = time.perf_counter() - start
    random = np.random.default_rng(0)
    requests = drawn_requests(sorted(recommender.names)[:20_000], args.requests, random)
    feeds = [encode(read_mapping(request)) for request in requests]
    parts: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
        "recommend": (lambda request: recommender.recommend(**request), requests),
        "  of which reading and encoding": (lambda r: encode(read_mapping(r)), requests),
        "  of which the graph": (recommender.session.run, feeds),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(args.repeats):
        for name, (call, items) in parts.items():
            times[name] += measured(call, items)
    start = time.perf_counter()
    recommender.score(requests)
    batch = (time.perf_counter() - start) / len(requests) * 1e6
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, onnxruntime {onnxruntime.__version__}, 1 thread"
    )
    print(f"load {loading:.2f} s, resident {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    for name, found in times.items():
        print(row(name, found))
    print(f"{'a request in a batch of 64':<34}     {batch:7.0f} us")
    for length in HISTORIES:
        together = zip(times["recommend"], requests * args.repeats, strict=True)
        print(row(f"recommend, {length} history lines", [t for t, r in together if len(r["history"]) == length]))


def row(name: str, found: list[float]) -> str:
    """A line of the table."""
    return f"{name:<34} p50 {np.median(found):7.0f} us   p99 {np.quantile(found, 0.99):7.0f} us"


if __name__ == "__main__":
    main()
