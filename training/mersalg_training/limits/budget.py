"""The limits of one job: what is planned, what gives way, and how they were kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mersalg.errors import ConfigError
from mersalg.recommender import Recommender
from mersalg.requests import Request
from mersalg_training.config import Config, LimitsConfig
from mersalg_training.data.adaptation import Adaptation, Adapted
from mersalg_training.evaluation.latency import Latency
from mersalg_training.limits.costs import (
    Halving,
    TimePlan,
    Work,
    fewer_iterations,
    fewer_queries,
    fewer_requests,
    made_to_fit,
    plan_of,
    worthwhile,
)
from mersalg_training.limits.gauges import MEASURED, Gauges
from mersalg_training.limits.narrowing import NARROWINGS, narrowed
from mersalg_training.limits.result import Kept, LimitsTold

GB: Final = 10**9
MB: Final = 10**6
DATABASE_SHARE: Final = 0.4
"""Of the memory that a job may take, for the database; order lines, rows and libraries need the rest."""
ROWS_SHARE: Final = 0.3
"""Of it, for the rows that fit the rankers."""
REQUEST_BYTES: Final = 20_000
"""What the rows of one request take while they are gathered and fitted."""
MINUTE: Final = 60.0
SETTINGS: Final = {
    "queries": "evaluation's requests",
    "requests": "ranker.requests",
    "iterations": "factors.iterations",
}
"""What gives way, and what it is called."""


class Budget:
    """What a job may take, and has taken since this was made. tell: is told each thing that gives way, at once."""

    def __init__(self, limits: LimitsConfig, tell: Callable[[str], None], gauges: Gauges = MEASURED) -> None:
        self.limits = limits
        self.tell = tell
        self.gauges = gauges
        self.work: Work | None = None
        self.narrowings = 0
        self.latency: Latency | None = None
        self._start = gauges.clock()
        self._planned_at = 0.0
        self._slowness = 1.0
        self._passed_in: str | None = None
        self._gave_way: dict[str, Adaptation] = {}

    @property
    def seconds(self) -> float:
        """What was taken so far."""
        return self.gauges.clock() - self._start

    @property
    def left(self) -> float:
        """The seconds that are left of the minutes; infinite without a limit."""
        minutes = self.limits.minutes
        return float("inf") if minutes is None else minutes * MINUTE - self.seconds

    def give_way(self, *adaptations: Adaptation) -> None:
        """Note and tell settings that give way; of one that does so again, what it was at first stays."""
        for one in adaptations:
            first = self._gave_way.get(one.setting, one)
            self._gave_way[one.setting] = Adaptation(one.setting, one.value, first.usual, one.because)
            self.tell(f"Gave way  {self._gave_way[one.setting].sentence()}")

    def stage_ended(self, title: str) -> None:
        """Look at the memory, so that the stage is known in which the limit was passed."""
        most = self.limits.memory_gb
        if most is not None and self._passed_in is None and self.gauges.peak_bytes() > most * GB:
            self._passed_in = title
            self.tell(f"Memory    {self.gauges.peak_bytes() / GB:.2f} GB, more than limits.memory_gb = {most:g}")

    def bounded(self, config: Config) -> Config:
        """The configuration with a smaller database where the memory asks for one; it spills the rest."""
        if self.limits.memory_gb is None:
            return config
        share = f"{int(self.limits.memory_gb * DATABASE_SHARE * GB / MB)}MB"
        if config.engine.memory is not None and bytes_of(config.engine.memory) <= bytes_of(share):
            return config
        because = f"limits.memory_gb = {self.limits.memory_gb:g}"
        usual = config.engine.memory or "half of what is available"
        self.give_way(Adaptation("engine.memory", share, usual, because))
        return config.model_copy(update={"engine": config.engine.model_copy(update={"memory": share})})

    def planned(self, config: Config, work: Work) -> Config:
        """The configuration for what fits into the limits, planned from the counts of lines and requests."""
        if self.limits.memory_gb is not None:
            most = self.limits.memory_gb * GB * ROWS_SHARE / REQUEST_BYTES
            less = made_to_fit(work, (fewer_requests,), lambda w: w.requests <= most)
            work = self._taken(work, less, f"limits.memory_gb = {self.limits.memory_gb:g}")
        if self.limits.minutes is not None:
            work = self._fitted(work, (fewer_queries, fewer_requests, fewer_iterations), lambda plan: plan.seconds)
            self.tell(self._plan_told(plan_of(work)))
        self.work = work
        self._planned_at = self.seconds
        iterations = work.iterations
        if iterations == config.factors.iterations:
            return config
        return config.model_copy(update={"factors": config.factors.model_copy(update={"iterations": iterations})})

    def counted(self, adapted: Adapted) -> Adapted:
        """The job after counting and its first tables, whose time says how slow this machine is beside the measured."""
        if self.work is None:
            return adapted
        if self.limits.minutes is not None:
            self._slowness = (self.seconds - self._planned_at) / plan_of(self.work).counting_first
            self.work = self._fitted(self.work, (fewer_queries, fewer_requests), lambda plan: plan.after_counting)
        ranker = adapted.fitting.ranker.model_copy(update={"requests": self.work.requests})
        return Adapted(adapted.config, adapted.fitting.model_copy(update={"ranker": ranker}), adapted.told)

    def queries(self, most: int) -> int:
        """The requests of a task for which there is time, now that all but the evaluation is done."""
        if self.work is None:
            return most
        if self.limits.minutes is not None:
            self.work = self._fitted(self.work, (fewer_queries,), lambda plan: plan.to_evaluate)
        return self.work.queries

    def narrower(self, adapted: Adapted, scorer: Recommender, requests: Sequence[Request]) -> Adapted | None:
        """A narrower job where the requests are not answered in time, None where they are.

        ConfigError where it was narrowed as far as it goes.
        """
        most = self.limits.milliseconds
        latency = self.gauges.latency(scorer, requests)
        if most is None or latency.p95_ms <= most:
            return None
        because = f"limits.milliseconds = {most:g}: {latency.p95_ms:.2f} ms"
        while self.narrowings < len(NARROWINGS):
            less, told = narrowed(adapted, self.narrowings, because)
            self.narrowings += 1
            if told:
                self.give_way(*told)
                return less
        raise ConfigError(
            f"limits.milliseconds: expected 95 of 100 requests within {most:g} ms, got {latency.p95_ms:.2f} ms "
            f"(median {latency.median_ms:.2f}) with few candidates and trees; allow that much, or set fewer "
            "retrieve.basket_neighbours and retrieve.ladder_steps"
        )

    def shipped(self, scorer: Recommender, requests: Sequence[Request]) -> None:
        """Measure the scorer that the bundle holds."""
        self.latency = self.gauges.latency(scorer, requests)

    def result(self) -> LimitsTold | None:
        """How the limits were kept up to now; None where none is given."""
        limits, taken = (
            self.limits,
            {
                "minutes": self.seconds / MINUTE,
                "memory_gb": self.gauges.peak_bytes() / GB,
                "milliseconds": None if self.latency is None else self.latency.p95_ms,
            },
        )
        kept = {
            name: Kept(limit, of, self._passed_in if name == "memory_gb" else None)
            for name, of in taken.items()
            if (limit := getattr(limits, name)) is not None and of is not None
        }
        return LimitsTold(kept, list(self._gave_way.values())) if kept else None

    def _fitted(self, work: Work, halvings: tuple[Halving, ...], seconds: Callable[[TimePlan], float]) -> Work:
        left, slowness = self.left, self._slowness
        worth = tuple(worthwhile(halve, slowness) for halve in halvings)
        less = made_to_fit(work, worth, lambda some: seconds(plan_of(some, slowness)) <= left)
        return self._taken(work, less, f"limits.minutes = {self.limits.minutes:g}")

    def _taken(self, work: Work, less: Work, because: str) -> Work:
        for name, setting in SETTINGS.items():
            was, now = getattr(work, name), getattr(less, name)
            if was != now:
                self.give_way(Adaptation(setting, f"{now:,}", f"{was:,}", because))
        return less

    def _plan_told(self, plan: TimePlan) -> str:
        whole = (self.seconds + plan.seconds) / MINUTE
        told = f"Plan      about {whole:.1f} of {self.limits.minutes:g} minutes: {plan.sentence()}"
        return told if plan.seconds <= self.left else f"{told}. No less is possible: they will hardly be kept"


def unlimited() -> Budget:
    """The budget of a job without limits."""
    return Budget(LimitsConfig(), lambda told: None)


def bytes_of(memory: str) -> float:
    """An amount of memory in bytes, as DuckDB reads it: 1 KB is 1000, 1 KiB 1024."""
    text = memory.strip().lower()
    number = text.rstrip("kmgtib ")
    unit = text[len(number) :].strip()
    return float(number) * float((1024 if "i" in unit else 1000) ** (1 + "kmgt".index(unit[0])))
