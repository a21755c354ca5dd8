"""What a policy costs beside its recommender, in one run, interleaved; CPU microseconds of one answer.

    python benchmarks/policy.py models/demo products.parquet requests.jsonl

Of each history the latest 60 lines are used. Checking a request is not counted: it is the same for both.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice
from pathlib import Path

import numpy as np

import mersalg
from mersalg.policy import PolicyRecommender, read_catalogue, read_policy
from mersalg.requests import Request, read_mapping
from mersalg.table import read_requests


def cpu_microseconds(recommender: mersalg.Recommender | PolicyRecommender, request: Request) -> tuple[float, int]:
    """The CPU time of one answer, and its offers."""
    start = time.thread_time()
    (offers,) = recommender.answer([request], threshold=True)
    return (time.thread_time() - start) * 1e6, len(offers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--policy", type=Path, default=Path("configs/policy.toml"))
    parser.add_argument("--most", type=int, default=400, help="requests")
    parser.add_argument("--lines", type=int, default=60, help="of a history")
    args = parser.parse_args()
    plain = mersalg.load(args.bundle)
    restrained = PolicyRecommender(plain, read_policy(args.policy), read_catalogue(args.catalogue))
    asked = []
    for mapping in islice(read_requests(args.requests), args.most):
        asked.append(read_mapping({**mapping, "history": (mapping.get("history") or [])[-args.lines :]}))
    times, offers = np.zeros((2, 3, len(asked))), np.zeros(2)
    for repeat in range(3):
        for place, request in enumerate(asked):
            for side, recommender in enumerate((plain, restrained)):
                times[side, repeat, place], n = cpu_microseconds(recommender, request)
                offers[side] += n / 3
    best = times.min(axis=1)
    for side, name in enumerate(("recommender", "policy")):
        middle, tail = np.quantile(best[side], (0.5, 0.99))
        share = offers[side] / len(asked)
        print(f"{name:12s} p50 {middle:6.0f} us, p99 {tail:6.0f} us, {share:.2f} offers an answer")
    middle, tail = np.quantile(best[1] - best[0], (0.5, 0.99))
    print(f"difference   p50 {middle:6.0f} us, p99 {tail:6.0f} us, {len(asked)} requests, the best of three")


if __name__ == "__main__":
    main()
