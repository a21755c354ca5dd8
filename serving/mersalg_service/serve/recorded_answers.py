"""Answers of a service that are recorded: in a trial, whose hold-out gets no offer, and where orders are drawn.

Arm and order are drawn of ids in the request; the service keeps no table. The record waits in a queue that a thread
writes: an answer neither waits for it nor fails for it, and rows that are lost are counted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mersalg.bundle import read_file
from mersalg.errors import RequestError
from mersalg.ids import id_text
from mersalg.names import MOMENTS
from mersalg.offers import Offers
from mersalg.policy import PolicyRecommender
from mersalg.recommender import AnswersRequests, Recommender
from mersalg.requests import Request, read_mapping
from mersalg.times import read_time
from mersalg_service.experiment import (
    HOLD_OUT,
    Assignment,
    Experiment,
    Exploration,
    Explorer,
    Exposure,
    ExposureFolder,
    ExposureLog,
    ExposureQueue,
)
from mersalg_service.experiment.assignment import key_of_environment, read_experiment
from mersalg_service.experiment.explored_answers import expected_cost
from mersalg_service.experiment.folder import open_exposures
from mersalg_service.experiment.trial import bundle_version, exposures_of, the_one_arm
from mersalg_service.serve.bodies import read_one
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.policy_files import UnderPolicy
from mersalg_service.serve.settings import Settings

log: Final = logging.getLogger("mersalg.serve")

GOLDEN: Final = "golden.json"
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


class RecordedAnswers:
    """An experiment with one arm beside the hold-out, an exploration, or both, around the bundle that answers."""

    def __init__(
        self,
        experiment: Experiment | None,
        exploration: Exploration | None,
        keep: ExposureLog | ExposureFolder,
        metrics: Metrics,
    ) -> None:
        """ConfigError for several arms that show offers: a service has one bundle."""
        if experiment is not None:
            the_one_arm(experiment)
        self.experiment = experiment
        self.exploration = exploration
        self.explorer: Explorer | None = None
        """Of the recommender that answered last."""
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
        """The id that is assigned, if any; RequestError where it is missing and the experiment has no arm for that."""
        if self.experiment is None:
            return None
        field = f"{self.experiment.unit}_id"
        if ids[field] is None and self.experiment.without_unit is None:
            raise RequestError(field, "a text, for the trial that runs here draws an arm by it", None)
        return ids[field]

    def answer(self, requests: Sequence[Request], answerer: AnswersRequests) -> list[Offers]:
        """The answers in their order, none for who is held out. All are put into the record.

        What a hold-out would have been offered is asked where the experiment has a shadow arm. A request that does
        not say whose it is, as those of the Open Inference Protocol, is one without a unit.
        """
        whose = [ids_of(request) for request in requests]
        drawn = [self.assign(ids) for ids in whose]
        shadow = self.experiment is not None and self.experiment.shadow is not None
        asked = [r for r, assigned in zip(requests, drawn, strict=True) if shadow or not is_held_out(assigned)]
        result = iter(self.ask(answerer, asked) if asked else [])
        bundle, now = bundle_version(answerer.manifest), datetime.now(UTC).replace(tzinfo=None)
        answers = []
        for request, ids, assigned in zip(requests, whose, drawn, strict=True):
            held_out = is_held_out(assigned)
            computed = shadow or not held_out
            answer = next(result) if computed else HELD_OUT
            self.record(answer, assigned, request, ids, bundle if computed else None, now)
            answers.append(HELD_OUT if held_out else answer)
        return answers

    def assign(self, ids: Mapping[str, str | None]) -> Assignment | None:
        """The arm of a request; None where no trial runs."""
        return None if self.experiment is None else self.experiment.assign(self.unit_of(ids))

    def ask(self, answerer: AnswersRequests, requests: list[Request]) -> list[Offers]:
        """The answers of a bundle, some of them in a drawn order where orders are drawn."""
        if self.exploration is None:
            return answerer.answer(requests, threshold=True)
        return self.explorer_of(answerer, self.exploration).answer(requests)

    def explorer_of(self, answerer: AnswersRequests, exploration: Exploration) -> Explorer:
        """What explores the bundle that answers, under the policy of now."""
        by = answerer.by if isinstance(answerer, UnderPolicy) else answerer
        known = self.explorer
        if known is None or known.recommender is not by:
            self.explorer = known = Explorer(exploration, by)
        return known

    def telling(self, opening: Callable[[Path], AnswersRequests]) -> Callable[[Path], AnswersRequests]:
        """The opening of a bundle that says, before it answers, what drawing orders costs with it."""

        def opened(folder: Path) -> AnswersRequests:
            answerer = opening(folder)
            self.tell_cost(answerer)
            return answerer

        return opened

    def tell_cost(self, answerer: AnswersRequests) -> None:
        """Say what a drawn order costs, by the golden requests of the bundle, which are drawn products' own."""
        by = answerer.by if isinstance(answerer, UnderPolicy) else answerer
        if self.exploration is None or not isinstance(by, Recommender | PolicyRecommender):
            return
        golden = json.loads(read_file(by.folder, dict(by.manifest), GOLDEN))["requests"]
        own, drawn, n = expected_cost(self.explorer_of(answerer, self.exploration), map(read_mapping, golden))
        if n:
            log.info(
                "orders are drawn for %.1f %% of the requests: of %d golden requests a drawn one shows offers of %.4f "
                "relevance in all where its own shows %.4f, %.1f %% less; mersalg_explored_relevance_total has what "
                "it costs here",
                100 * self.exploration.share, n, drawn / n, own / n, 100 * (1 - drawn / own) if own else 0.0,
            )  # fmt: skip

    def record(
        self,
        answer: Offers,
        assigned: Assignment | None,
        request: Request,
        ids: Mapping[str, str | None],
        bundle: str | None,
        now: datetime,
    ) -> None:
        """Put the exposures of one answer into the queue."""
        offered_at = request.offered_at if isinstance(request, Visit) else None
        rows: list[Exposure] = exposures_of(
            None if self.experiment is None else self.experiment.name,
            answer,
            assigned,
            **ids,
            unit=self.unit_of(ids),
            moment=MOMENTS[request.moment],
            offered_at=now if offered_at is None else offered_at,
            bundle=bundle,
        )
        self.queue(rows)
        if assigned is not None:
            self.metrics.drawn.labels(assigned.arm).inc()
        self.metrics.unwritten.set(self.queue.waiting)

    def close(self, seconds: float) -> None:
        """Write what waits, for so many seconds at most."""
        if not self.queue.close(seconds):
            self.keep.close()


def open_recorded(settings: Settings, metrics: Metrics) -> RecordedAnswers:
    """What the settings name. A trial's file is read once: shares that change need a new name, and a start."""
    experiment = read_experiment(settings.trial) if settings.trial else None
    exploration = Exploration(settings.explore, key_of_environment("explore")) if settings.explore else None
    return RecordedAnswers(experiment, exploration, open_exposures(settings.exposures), metrics)


def is_held_out(assigned: Assignment | None) -> bool:
    """Whether the arm is never shown offers."""
    return assigned is not None and assigned.arm == HOLD_OUT


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
