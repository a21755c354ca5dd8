"""A hold-out around the bundle of a service: who is held out gets no offer, and everybody's answer is recorded.

The arm is drawn of an id in the request; the service keeps no table. The record waits in a queue that a thread writes:
an answer neither waits for it nor fails for it, and rows that are lost are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from mersalg.errors import RequestError
from mersalg.ids import id_text
from mersalg.names import MOMENTS
from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg.times import read_time
from mersalg_service.experiment import (
    HOLD_OUT,
    Assignment,
    Experiment,
    Exposure,
    ExposureFolder,
    ExposureLog,
    ExposureQueue,
)
from mersalg_service.experiment.assignment import read_experiment
from mersalg_service.experiment.folder import open_exposures
from mersalg_service.experiment.trial import bundle_version, exposures_of, the_one_arm
from mersalg_service.serve.bodies import read_one
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.settings import Settings

MAX_ID_LENGTH: Final = 200
"""Characters."""
HELD_OUT: Final = Offers((), "hold-out", 0, {})
OF_REQUEST: Final = tuple(field.name for field in fields(Request))


@dataclass(frozen=True, slots=True, eq=False)
class Visit(Request):
    """A checked request that says whose it is."""

    customer_id: str | None = None
    order_id: str | None = None
    offered_at: datetime | None = None
    """The time that the request names, which is in the clock of the orders."""


class ServedTrial:
    """An experiment with one arm beside the hold-out, whose offers are those of the bundle that answers."""

    def __init__(self, experiment: Experiment, keep: ExposureLog | ExposureFolder, metrics: Metrics) -> None:
        """ConfigError for several arms that show offers: a service has one bundle."""
        the_one_arm(experiment)
        self.experiment = experiment
        self.keep = keep
        self.metrics = metrics
        self.queue = ExposureQueue(keep, count=lambda fate, n: metrics.count_exposures(fate, n, self.queue.waiting))

    def read(self, document: Mapping[str, Any]) -> Visit:
        """A checked request with the ids that an assignment and the record need. RequestError names a wrong field."""
        ids: dict[str, Any] = {name: read_id(document.get(name), name) for name in ("customer_id", "order_id")}
        request = read_one({name: value for name, value in document.items() if name not in ids})
        self.unit_of(ids)
        at = document.get("at")
        known = {name: getattr(request, name) for name in OF_REQUEST}
        return Visit(**known, **ids, offered_at=None if at is None else read_time(at, "at"))

    def unit_of(self, ids: Mapping[str, str | None]) -> str | None:
        """The id that is assigned; RequestError where it is missing and the experiment has no arm for that."""
        field = f"{self.experiment.unit}_id"
        if ids[field] is None and self.experiment.without_unit is None:
            raise RequestError(field, "a text, for the trial that runs here draws an arm by it", None)
        return ids[field]

    def answer(
        self, requests: Sequence[Request], manifest: Mapping[str, Any], ask: Callable[[list[Request]], list[Offers]]
    ) -> list[Offers]:
        """The answers in their order: offers of `ask`, or none for who is held out. All are put into the record.

        What a hold-out would have been offered is asked where the experiment has a shadow arm. A request that does
        not say whose it is, as those of the Open Inference Protocol, is one without a unit.
        """
        whose = [ids_of(request) for request in requests]
        drawn = [self.experiment.assign(self.unit_of(ids)) for ids in whose]
        shadow = self.experiment.shadow is not None
        asked = [r for r, assigned in zip(requests, drawn, strict=True) if shadow or assigned.arm != HOLD_OUT]
        result = iter(ask(asked) if asked else [])
        bundle, now = bundle_version(manifest), datetime.now(UTC).replace(tzinfo=None)
        answers = []
        for request, ids, assigned in zip(requests, whose, drawn, strict=True):
            held_out = assigned.arm == HOLD_OUT
            computed = shadow or not held_out
            answer = next(result) if computed else HELD_OUT
            self.record(answer, assigned, request, ids, bundle if computed else None, now)
            answers.append(HELD_OUT if held_out else answer)
        return answers

    def record(
        self,
        answer: Offers,
        assigned: Assignment,
        request: Request,
        ids: Mapping[str, str | None],
        bundle: str | None,
        now: datetime,
    ) -> None:
        """Put the exposures of one answer into the queue."""
        offered_at = request.offered_at if isinstance(request, Visit) else None
        rows: list[Exposure] = exposures_of(
            self.experiment.name,
            answer,
            assigned,
            **ids,
            unit=self.unit_of(ids),
            moment=MOMENTS[request.moment],
            offered_at=now if offered_at is None else offered_at,
            bundle=bundle,
        )
        self.queue(rows)
        self.metrics.drawn.labels(assigned.arm).inc()
        self.metrics.unwritten.set(self.queue.waiting)

    def close(self, seconds: float) -> None:
        """Write what waits, for so many seconds at most."""
        if not self.queue.close(seconds):
            self.keep.close()


def open_trial(settings: Settings, metrics: Metrics) -> ServedTrial:
    """The trial that the settings name. Its file is read once: shares that change need a new name, and a start."""
    return ServedTrial(read_experiment(settings.trial), open_exposures(settings.exposures), metrics)


def ids_of(request: Request) -> dict[str, str | None]:
    """Whose request it is, as far as it says."""
    if not isinstance(request, Visit):
        return {"customer_id": None, "order_id": None}
    return {"customer_id": request.customer_id, "order_id": request.order_id}


def read_id(value: Any, field: str) -> str | None:
    """An id as the shop's orders have it, or None."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_ID_LENGTH or not id_text(value):
        raise RequestError(
            field, f"a text of 1 to {MAX_ID_LENGTH} characters without NUL and surrogates, or null", value
        )
    return id_text(value)
