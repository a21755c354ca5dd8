"""The parts of a service that its routes share, and the threads on which it computes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, Final, TypeVar
from weakref import WeakSet

from mersalg.errors import MersalgError, RequestError
from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg_service.serve.bodies import read_one
from mersalg_service.serve.customers import KeptCustomers
from mersalg_service.serve.deployment import Deployments
from mersalg_service.serve.live_bundle import LiveBundle, Served
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.policy_files import PolicyFiles
from mersalg_service.serve.recorded_answers import RecordedAnswers
from mersalg_service.serve.settings import CALLS_SHARE, Settings
from mersalg_service.tracing import UNTRACED, Tracing

T = TypeVar("T")
TRACING_SECONDS: Final = 1.0
"""For spans that are left at the end."""
log: Final = logging.getLogger("mersalg.serve")


@dataclass(frozen=True)
class Service:
    """A service: its settings, its bundle, its figures and its threads."""

    settings: Settings
    live: LiveBundle
    deployments: Deployments
    metrics: Metrics
    answering: ThreadPoolExecutor
    """For answers: as many as are computed at once. What waits here and is given up is never begun."""
    threads: WeakSet[Thread]
    """Those that answer, and those that look or load."""
    policy: PolicyFiles | None = None
    recorded: RecordedAnswers | None = None
    tracing: Tracing = UNTRACED
    customers: KeptCustomers | None = None

    async def compute(self, work: Callable[[], T]) -> T:
        """The result of some work on an answering thread; the event loop goes on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self.answering, self.tracing.carried(work))

    async def change(self, work: Callable[[], T]) -> T:
        """The result of a look at the source or a loading, on a thread of its own that no stop waits for."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - who waits for it gets it
                future.set_exception(error)
            else:
                future.set_result(result)

        thread = Thread(target=run, name="mersalg-change", daemon=True)
        self.threads.add(thread)
        thread.start()
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Begin nothing more, and write what has to be recorded, within the share of `stop_seconds` for that.

        A look or a loading that is stuck is not waited for.
        """
        self.answering.shutdown(wait=False, cancel_futures=True)
        if self.recorded is not None:
            self.recorded.close(self.settings.stop_seconds * (1 - CALLS_SHARE))
        self.tracing.close(TRACING_SECONDS)

    def join(self, seconds: float) -> None:
        """Wait for every thread that ends within so many seconds."""
        end = time.monotonic() + seconds
        for thread in list(self.threads):
            thread.join(max(0.0, end - time.monotonic()))

    def is_at_work(self) -> bool:
        """Whether a thread of this service still loads or computes. After `close` none begins anew."""
        return any(thread.is_alive() for thread in self.threads)

    def answer(self, requests: Sequence[Request], *, threshold: bool) -> tuple[Served, list[Offers]]:
        """The answers, all from one bundle, and that bundle."""
        served = self.live.current
        if self.recorded is None:
            answers = ask(served, requests, threshold)
        elif not threshold:
            raise RequestError("threshold", "true, for every answer is recorded as one that is shown", threshold)
        else:
            answers = self.recorded.answer(requests, served.answerer)
        self.metrics.count(requests, answers, served)
        return served, answers

    @property
    def read(self) -> Callable[[Mapping[str, Any]], Request]:
        """What checks a request: where answers are recorded it says whose it is, where customers are kept, by a key."""
        read = read_one if self.recorded is None else self.recorded.read
        return read if self.customers is None else partial(self.customers.read, read=read)

    async def keep_looking(self) -> None:
        """Look for a newer bundle, and a newer policy, now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.settings.check_seconds)
            if self.customers is not None:
                self.customers.drop_expired()
            try:
                if self.policy is not None:
                    await self.change(self.policy.refresh)
                await self.change(self.deployments.check)
            except MersalgError as error:  # of the deployment's file; the bundle goes on answering
                log.error("%s", error)


def ask(served: Served, requests: Sequence[Request], threshold: bool) -> list[Offers]:
    """The answers of a bundle."""
    return served.answerer.answer(list(requests), threshold=threshold)
