"""The parts of a service that its routes share, and the threads on which it computes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from mersalg.errors import MersalgError, RequestError
from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg_service.serve.bodies import read_one
from mersalg_service.serve.deployment import Deployments
from mersalg_service.serve.live_bundle import LiveBundle, Served
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.policy_files import PolicyFiles
from mersalg_service.serve.settings import Settings
from mersalg_service.serve.trials import ServedTrial

T = TypeVar("T")
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
    changing: ThreadPoolExecutor
    """For looks at the source and for loading: never in the way of an answer but for the processor."""
    policy: PolicyFiles | None = None
    trial: ServedTrial | None = None

    async def compute(self, work: Callable[[], T]) -> T:
        """The result of some work on an answering thread; the event loop goes on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self.answering, work)

    async def change(self, work: Callable[[], T]) -> T:
        """The result of some work on the changing thread."""
        return await asyncio.get_running_loop().run_in_executor(self.changing, work)

    def answer(self, requests: Sequence[Request], *, threshold: bool) -> tuple[Served, list[Offers]]:
        """The answers, all from one bundle, and that bundle."""
        served = self.live.current
        if self.trial is None:
            answers = ask(served, requests, threshold)
        elif not threshold:
            raise RequestError("threshold", "true, for in a trial every answer counts as one that is shown", threshold)
        else:
            answers = self.trial.answer(requests, served.answerer.manifest, lambda some: ask(served, some, threshold))
        self.metrics.count(requests, answers, served)
        return served, answers

    @property
    def read(self) -> Callable[[Mapping[str, Any]], Request]:
        """What checks a request: in a trial it says whose it is."""
        return read_one if self.trial is None else self.trial.read

    async def keep_looking(self) -> None:
        """Look for a newer bundle, and a newer policy, now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.settings.check_seconds)
            try:
                if self.policy is not None:
                    await self.change(self.policy.refresh)
                await self.change(self.deployments.check)
            except MersalgError as error:  # of the deployment's file; the bundle goes on answering
                log.error("%s", error)


def ask(served: Served, requests: Sequence[Request], threshold: bool) -> list[Offers]:
    """The answers of a bundle."""
    return served.answerer.answer(list(requests), threshold=threshold)
