"""Claims about a recommender among threads, tasks and forked processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import timeit
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mersalg import Recommender
from processes import DEADLINE

FORK = """
import os, sys
import mersalg
recommender = mersalg.load(sys.argv[1])
recommender.recommend(cart=["milk"])
child = os.fork()
if child == 0:
    try:
        recommender.recommend(cart=["milk"])
    except mersalg.MersalgError as error:
        print(error, flush=True)
        after = mersalg.load(sys.argv[1]).recommend(cart=["milk"])
        os._exit(0 if len(after) == 3 else 4)
    os._exit(3)
_, status = os.waitpid(child, 0)
assert len(recommender.recommend(cart=["milk"])) == 3
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_recommender_in_a_forked_process_says_what_to_do_and_a_new_one_works(toy_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, str(toy_folder)],
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "load in each process after the fork" in done.stdout


def test_the_look_at_the_process_costs_less_than_a_microsecond() -> None:
    assert min(timeit.repeat("getpid() != 1", "from os import getpid", number=1_000, repeat=50)) / 1_000 < 1e-6


def test_a_hundred_threads_at_once_get_what_one_gets(toy: Recommender) -> None:
    requests = [{"cart": ["milk", "bread"][: number % 3], "limit": 1 + number % 4} for number in range(1000)]
    with ThreadPoolExecutor(100) as threads:
        found = list(threads.map(lambda request: toy.recommend(**request), requests))
    assert found == toy.score(requests)


def test_tasks_share_a_recommender(toy: Recommender) -> None:
    async def ask() -> list[int]:
        answers = await asyncio.gather(*(asyncio.to_thread(toy.recommend, ["milk"], limit=n % 4) for n in range(100)))
        return [len(answer) for answer in answers]

    assert asyncio.run(ask()) == [n % 4 for n in range(100)]
