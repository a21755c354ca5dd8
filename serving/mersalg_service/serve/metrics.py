"""What a service counts, for Prometheus. Nothing of a request is a label: kinds, reasons and routes are closed sets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from mersalg.names import KINDS, MOMENTS
from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg_service.experiment import ExploredOffers

if TYPE_CHECKING:
    from mersalg_service.experiment.waiting import Fate as RowFate
    from mersalg_service.serve.customers import Fate
    from mersalg_service.serve.live_bundle import LiveBundle, Outcome, Served

BUCKETS: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; the best resolution lies where an answer of one request lies."""
NOT_OF_THE_BUNDLE: Final = ("filtered", "not at this moment", "hold-out")
"""Reasons of a policy or an experiment around the bundle."""
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where several worker processes put their figures together."""


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
        self.registry = own = CollectorRegistry()
        self.seconds = Histogram(
            "mersalg_call_seconds", "Time from the first byte of a call to its answer.", ["route", "status"],
            buckets=BUCKETS, registry=own,
        )  # fmt: skip
        self.waiting = Gauge(
            "mersalg_calls_in_flight", "Calls that wait or are answered.", registry=own, multiprocess_mode="livesum"
        )
        self.requests = Counter("mersalg_requests", "Requests for offers.", ["moment"], registry=own)
        self.offers = Counter("mersalg_offers", "Offers given.", ["kind", "moment"], registry=own)
        self.empty = Counter("mersalg_empty_answers", "Answers without offers.", ["reason", "moment"], registry=own)
        self.empty_kinds = Counter(
            "mersalg_empty_kinds", "Kinds asked for in an answer without offers, and why each is not there.",
            ["kind", "reason"], registry=own,
        )  # fmt: skip
        self.filtered = Counter(
            "mersalg_filtered", "Offers that a rule of the policy took out.", ["rule"], registry=own
        )
        self.drawn = Counter("mersalg_trial_answers", "Answers in a trial, by arm.", ["arm"], registry=own)
        self.explored = Counter(
            "mersalg_explored_answers", "Answers with offers where orders are drawn: by whether this one was.",
            ["drawn"], registry=own,
        )  # fmt: skip
        self.relevance = Counter(
            "mersalg_explored_relevance", "Relevance, summed, of answers whose order was drawn: what the draw shows on "
            "average, and what is shown without it.", ["order"], registry=own,
        )  # fmt: skip
        self.exposures = Counter(
            "mersalg_exposures", "Rows of a trial's record: written, or lost and why.", ["outcome"], registry=own
        )
        self.unwritten = Gauge(
            "mersalg_exposures_waiting", "Rows of a trial's record that wait to be written.", registry=own,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.customers = Counter(
            "mersalg_histories", "Histories of customers: kept, found or not, and gone and why.", ["outcome"],
            registry=own,
        )  # fmt: skip
        self.customers_kept = Gauge(
            "mersalg_histories_kept", "Customers whose history is kept now.", registry=own, multiprocess_mode="livesum"
        )
        self.checks = Counter("mersalg_bundle_checks", "Looks for a newer bundle.", ["outcome"], registry=own)
        self.bundle = Gauge(
            "mersalg_bundle_info", "1 for the bundle that answers now.", ["name", "version", "address"], registry=own,
            multiprocess_mode="livemax",
        )  # fmt: skip
        self.since = Gauge(
            "mersalg_bundle_since_timestamp_seconds", "When the bundle began to answer, since 1970.", registry=own,
            multiprocess_mode="livemin",
        )  # fmt: skip
        self.refused = Gauge(
            "mersalg_bundle_refused", "1 while what the source has is not what answers; /ready says why.", registry=own,
            multiprocess_mode="livemax",
        )  # fmt: skip
        if SHARED_FOLDER not in os.environ:
            ProcessCollector(registry=own)
        self._shown: tuple[str, str, str] | None = None

    def count(self, requests: Sequence[Request], answers: Sequence[Offers], served: Served) -> None:
        """Count the answers of one call."""
        thresholds = served.answerer.manifest["kinds"]
        for request, offers in zip(requests, answers, strict=True):
            moment = MOMENTS[request.moment]
            self.requests.labels(moment).inc()
            for offer in offers:
                self.offers.labels(offer.kind, moment).inc()
            for rule, count in offers.filtered.items():
                self.filtered.labels(rule).inc(count)
            if isinstance(offers, ExploredOffers):
                self.count_explored(offers)
            if offers.reason is None:
                continue
            self.empty.labels(offers.reason, moment).inc()
            for kind, asked in zip(KINDS, request.kinds, strict=True):
                if asked and request.limit:
                    silent = thresholds[kind]["threshold"] is None
                    why = "kind silent" if silent else "below threshold"
                    if offers.reason in NOT_OF_THE_BUNDLE:
                        why = offers.reason
                    elif kind not in offers.best_relevance:
                        why = "nothing retrieved"
                    self.empty_kinds.labels(kind, why).inc()

    def count_explored(self, offers: ExploredOffers) -> None:
        """Count an answer where orders are drawn, and what drawing costs where this one was."""
        self.explored.labels("yes" if offers.explored else "no").inc()
        if offers.explored:
            self.relevance.labels("drawn").inc(offers.relevance_drawn)
            self.relevance.labels("own").inc(offers.relevance_own)

    def count_exposures(self, fate: RowFate, rows: int, waiting: int) -> None:
        """Count rows of a trial's record; so many wait now."""
        self.exposures.labels(fate).inc(rows)
        self.unwritten.set(waiting)

    def count_customers(self, fate: Fate, kept: int) -> None:
        """Count what happened to a customer's history; so many are kept now."""
        self.customers.labels(fate).inc()
        self.customers_kept.set(kept)

    def show(self, live: LiveBundle, outcome: Outcome | None = None) -> None:
        """Tell which bundle answers, and what the last look has found."""
        if outcome is not None:
            self.checks.labels(outcome).inc()
        self.refused.set(live.refusal is not None)
        if live.served is not None:
            labels = (live.served.name, live.served.version, live.served.address)
            if self._shown is not None:
                self.bundle.labels(*self._shown).set(0)
            self.bundle.labels(*labels).set(1)
            self.since.set(live.served.since)
            self._shown = labels

    def text(self) -> bytes:
        """The figures in Prometheus' text format: of all workers, where there are several."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
