"""The requests that two bundles are compared on: of days from which neither has learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from mersalg.errors import DataError
from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes, read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.history import read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.split import DAY, midnight
from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.run import horizon_of
from mersalg_training.export.trained_config import bundle_windows, naive
from mersalg_training.logged_offers.reader import LoggedOffersReader
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.promotion import MIN_REQUESTS, REQUESTS
from mersalg_training.ranking.cases import Cases, make_cases


@dataclass(frozen=True)
class SharedWindow:
    """Purchases, and the requests made of those that neither bundle has learned from."""

    timeline: Timeline
    attributes: Attributes
    since: datetime
    until: datetime
    """Exclusive."""
    cases: Cases
    """In the mix of moments that bundles are trained and calibrated on."""
    offers: LoggedOffers | None = None
    """Those of `data.offers` that were made in these days; None where no log is given."""
    notes: Sequence[str] = ()
    """What the window does not show."""

    @property
    def first_day(self) -> float:
        """The first day, since 1970-01-01."""
        return time_to_day(self.since)


@dataclass(frozen=True)
class Span:
    """The days that are asked for; None = from where both bundles' learning ends, to the last order."""

    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    requests: int = REQUESTS
    """Most requests."""


def read_shared(config: Config, unseen: datetime, span: Span) -> SharedWindow:
    """Read the purchases of a configuration, and make requests of the days from `unseen` on.

    DataError where the span begins before that, or its days hold too little.
    """
    since, until, requests = span.since, span.until, span.requests
    if since is not None and since < unseen:
        raise DataError(f"--since {since:%Y-%m-%d}: expected a day from {unseen:%Y-%m-%d} on; a bundle learned from it")
    purchases = open_purchases(config.data, config.engine)
    report = apply_contract(purchases, config.contract)
    history, attributes = read_history(purchases.connection), read_attributes(purchases.connection)
    most = config.engine.drawn_lines if config.data.offers is None else None
    timeline = history.timeline(most, config.seed)
    notes = history.drawn_note(timeline)
    log = LoggedOffersReader(config)
    log.read(purchases.connection, timeline)
    purchases.connection.close()
    first, end = since or unseen, min(until or datetime.max, midnight(report.last) + DAY)
    random = np.random.default_rng([config.seed, 6])
    days = time_to_day(first), time_to_day(end)
    unknown_type = len(attributes.product_types)
    cases = make_cases(timeline, attributes.product_type, unknown_type, *days, horizon_of(config), requests, random)
    if len(cases) < MIN_REQUESTS:
        raise DataError(
            f"data.orders = {config.data.orders!r}: expected orders of {MIN_REQUESTS} requests from "
            f"{first:%Y-%m-%d} to before {max(first, end):%Y-%m-%d}, days that neither bundle learned from, got "
            f"{len(cases)}; give newer orders, --set data.orders=PATH"
        )
    made = None if log.offers is None else log.offers.between(*days)
    return SharedWindow(timeline, attributes, first, end, cases, made, notes)


def learned_until(manifest: Mapping[str, Any]) -> datetime:
    """The end of what a bundle has learned from; of a recalibrated one that is where its newer window ends."""
    trained_until, lineage = bundle_windows(manifest).test_from, manifest.get("lineage")
    return max(trained_until, naive(datetime.fromisoformat(lineage["to"]))) if lineage else trained_until
