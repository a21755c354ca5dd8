"""Claims about calls that are answered in one go: nobody waits for company, nobody fails for another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from mersalg.errors import BundleError, RequestError
from mersalg.requests import Request, read_request
from mersalg_service.serve.batching import MAX_BATCH, MAX_SHARED_BYTES, Together
from processes import DEADLINE


class Counting:
    """Answers with the cart; notes how many came together; "bad" fails the whole run, and "held" waits for a sign."""

    def __init__(self, threads: int = 1) -> None:
        self.runs: list[int] = []
        self.go = threading.Event()
        self.begun = threading.Event()
        self.together = Together(ThreadPoolExecutor(threads), threads, self.read, self.answer)

    def read(self, body: bytes) -> Request:
        if body == b"wrong":
            raise RequestError("cart", "something", body)
        if body == b"broken":
            raise RecursionError("no refusal of ours")
        return read_request(cart=[body.decode()])

    def answer(self, requests: Sequence[Request]) -> list[bytes]:
        self.runs.append(len(requests))
        carts = [request.cart[0] for request in requests]
        if "held" in carts:
            self.begun.set()
            assert self.go.wait(DEADLINE)
        if "bad" in carts:
            raise BundleError("the graph failed")
        return [cart.encode() for cart in carts]

    def ask(self, *bodies: str) -> list[object]:
        """What comes back when the first body holds the thread while the others arrive."""

        async def all_of_them() -> list[object]:
            first = asyncio.create_task(self.together.ask(b"held"))
            assert await asyncio.to_thread(self.begun.wait, DEADLINE)
            rest = [asyncio.create_task(self.together.ask(body.encode())) for body in bodies]
            await asyncio.sleep(0)  # each task runs until it waits for its answer
            self.go.set()
            return list(await asyncio.gather(first, *rest, return_exceptions=True))

        return asyncio.run(all_of_them())[1:]


def test_what_waits_is_answered_together_and_each_gets_its_own() -> None:
    counting, bodies = Counting(), [str(number) for number in range(MAX_BATCH + 3)]
    assert counting.ask(*bodies) == [body.encode() for body in bodies]
    assert counting.runs == [1, MAX_BATCH, 3]


def test_who_comes_alone_is_answered_alone() -> None:
    counting = Counting()
    for body in (b"a", b"b"):
        assert asyncio.run(counting.together.ask(body)) == body
    assert counting.runs == [1, 1]


def test_a_wrong_request_among_others_fails_alone() -> None:
    first, wrong, last = Counting().ask("a", "wrong", "b")
    assert (first, last) == (b"a", b"b")
    assert isinstance(wrong, RequestError)


def test_a_run_that_fails_is_tried_again_one_by_one() -> None:
    counting = Counting()
    first, bad, last = counting.ask("a", "bad", "b")
    assert (first, last) == (b"a", b"b")
    assert isinstance(bad, BundleError)
    assert counting.runs == [1, 3, 1, 1, 1]


def test_a_call_that_was_given_up_is_not_begun() -> None:
    counting = Counting()

    async def give_up() -> None:
        held = asyncio.create_task(counting.together.ask(b"held"))
        assert await asyncio.to_thread(counting.begun.wait, DEADLINE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(counting.together.ask(b"late"), 0.05)
        counting.go.set()
        await held
        assert await counting.together.ask(b"next") == b"next"

    asyncio.run(give_up())
    assert counting.runs == [1, 1]


def test_two_threads_share_what_waits() -> None:
    counting = Counting(threads=2)
    assert len(counting.ask(*[str(number) for number in range(12)])) == 12
    assert max(counting.runs) <= MAX_BATCH


def test_no_call_is_lost_when_the_reading_of_another_breaks() -> None:
    first, broken, last = Counting().ask("a", "broken", "b")
    assert (first, last) == (b"a", b"b")
    assert isinstance(broken, RecursionError)


def test_nobody_waits_for_a_body_that_is_large() -> None:
    counting, large = Counting(), "x" * (MAX_SHARED_BYTES + 1)
    assert counting.ask("a", large, "b") == [b"a", large.encode(), b"b"]
    assert counting.runs == [1, 2, 1]
