"""Calls that wait at the same time, answered by one thread in one go.

A change of threads for eight calls costs what it costs for one. Nothing is held back to wait for company: a thread
that becomes free takes what is there, and leaves the other threads their share.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from mersalg.requests import Request
from mersalg_service.tracing import UNTRACED, Tracing

MAX_BATCH: Final = 8
"""Requests in one go; the first of them waits for the last."""
MAX_SHARED_BYTES: Final = 2**17
"""A larger body is read and answered by itself, so that nobody waits for it."""

Waiting = tuple[bytes, Future[bytes]]


class Together:
    """A queue of bodies before some threads."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        n_threads: int,
        read: Callable[[bytes], Request],
        answer: Callable[[Sequence[Request]], list[bytes]],
        tracing: Tracing = UNTRACED,
    ) -> None:
        """`read` checks one body; `answer` gives a body for each request, in their order."""
        self.threads = threads
        self.n_threads = n_threads
        self.read = read
        self.answer = answer
        self.tracing = tracing
        self.waiting: deque[Waiting] = deque()

    async def ask(self, body: bytes) -> bytes:
        """The answer to a body, or what `read` or `answer` raises. A call given up before its turn is not begun."""
        future = self.tracing.waiting()
        if len(body) > MAX_SHARED_BYTES:
            self.threads.submit(self.answer_these, [(body, future)])
        else:
            self.waiting.append((body, future))
            self.threads.submit(self.take)
        return await asyncio.wrap_future(future)

    def take(self) -> None:
        """Answer a share of what waits; nothing, when others have taken it."""
        share = min(MAX_BATCH, max(1, -(-len(self.waiting) // self.n_threads)))
        taken: list[Waiting] = []
        while len(taken) < share and self.waiting:
            try:
                taken.append(self.waiting.popleft())
            except IndexError:  # another thread was quicker
                break
        self.answer_these(taken)

    def answer_these(self, taken: Sequence[Waiting]) -> None:
        """Read each and answer together what holds; nothing of what was given up."""
        calls: list[tuple[Request, Future[bytes]]] = []
        for body, future in taken:
            if not future.set_running_or_notify_cancel():
                continue
            try:
                calls.append((self.read(body), future))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is this caller's alone
                future.set_exception(error)
        self.answer_all(calls)

    def answer_all(self, calls: list[tuple[Request, Future[bytes]]]) -> None:
        """Answer together; where that fails, each alone, so that no call fails for another one's sake."""
        if not calls:
            return
        try:
            with self.tracing.batch([future for _, future in calls]):
                answers = self.answer([request for request, _ in calls])
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            if len(calls) == 1:
                calls[0][1].set_exception(error)
                return
            for call in calls:
                self.answer_all([call])
            return
        for (_, future), answer in zip(calls, answers, strict=True):
            future.set_result(answer)
