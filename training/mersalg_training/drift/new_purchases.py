"""The purchases since a bundle was made, read as training reads them, and the requests made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from mersalg.errors import DataError
from mersalg_training.calibration.fit import spread_over_units
from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes, read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.history import read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.split import DAY, Windows, midnight
from mersalg_training.data.timeline import Timeline
from mersalg_training.export.trained_config import bundle_config, naive
from mersalg_training.logged_offers.read import read_offers
from mersalg_training.logged_offers.requests import LoggedOffers, gather_offers
from mersalg_training.ranking.cases import Cases, make_cases


@dataclass(frozen=True)
class NewerDataRequest:
    """A bundle's own configuration, laid over for newer data, and the window that is looked at."""

    config: Config
    windows: Windows
    """Of the bundle's training job."""
    since: datetime | None
    until: datetime | None
    """Exclusive."""
    requests: int
    """Most requests."""


@dataclass(frozen=True)
class Newer:
    """Purchases up to now, and the window of them that the bundle has not seen."""

    report: ContractReport
    timeline: Timeline
    attributes: Attributes
    since: datetime
    until: datetime
    """Exclusive."""
    notes: list[str]
    """What a reader of the result has to know of the data."""

    @property
    def days(self) -> tuple[float, float]:
        """First and exclusive end day of the window, since 1970-01-01."""
        return time_to_day(self.since), time_to_day(self.until)


def asked_of(
    manifest: Mapping[str, Any],
    where: str,
    orders: str | None,
    products: str | None,
    overrides: Sequence[str],
    since: str | None,
    until: str | None,
    requests: int | None,
) -> NewerDataRequest:
    """What a command's arguments ask for; ConfigError or DataError name the argument that does not hold."""
    sets = [f"data.{key}={value}" for key, value in (("orders", orders), ("products", products)) if value is not None]
    config, windows = bundle_config(manifest, where, [*sets, *overrides])
    if config.label.horizon_days is None:
        raise DataError(f"{where}: label.horizon_days: expected days, got null; set it: --set label.horizon_days=14")
    first = None if since is None else read_day(since, "--since")
    if first is not None and first < windows.test_from:
        raise DataError(
            f"--since {since}: expected a day from {windows.test_from:%Y-%m-%d} on, got an earlier one, which the "
            "bundle has learned from"
        )
    if requests is not None and requests < 1:
        raise DataError(f"--requests: expected a whole number from 1, got {requests}")
    most = requests or config.ranker.requests
    return NewerDataRequest(config, windows, first, None if until is None else read_day(until, "--until"), most)


def read_day(text: str, option: str) -> datetime:
    """An ISO 8601 day or time, without its zone."""
    try:
        return naive(datetime.fromisoformat(text))
    except ValueError:
        raise DataError(f"{option}: expected an ISO 8601 day such as 2026-10-01, got {text!r}") from None


def read_newer(asked: NewerDataRequest, log: str | None = None) -> tuple[Newer, LoggedOffers | None]:
    """Read and check the purchases, and the logged offers where a log is named; each once.

    The window begins where the bundle's data end, unless `since` says otherwise. DataError where no purchase, or no
    offer of the log, lies in it.
    """
    purchases = open_purchases(asked.config.data, asked.config.engine)
    report = apply_contract(purchases, asked.config.contract)
    history, attributes = read_history(purchases.connection), read_attributes(purchases.connection)
    timeline = history.timeline(asked.config.engine.drawn_lines if log is None else None, asked.config.seed)
    since = asked.since or asked.windows.to
    until = min(asked.until or datetime.max, midnight(report.last) + DAY)
    first_day, end_day = time_to_day(since), time_to_day(until)
    if not np.any((timeline.order_day >= first_day) & (timeline.order_day < end_day)):
        raise DataError(
            f"data.orders = {asked.config.data.orders!r}: expected orders from {since:%Y-%m-%d} on, where the "
            f"bundle's data end, got orders up to {report.last:%Y-%m-%d}; give newer ones, or set --since"
        )
    notes = history.drawn_note(timeline)
    notes += notes_of(timeline, first_day, end_day, asked.config.label.horizon_days or 0.0)
    newer = Newer(report, timeline, attributes, since, until, notes)
    offers = None if log is None else read_logged(purchases.connection, log, asked.config, newer)
    purchases.connection.close()
    return newer, offers


def read_logged(connection: duckdb.DuckDBPyConnection, log: str, config: Config, newer: Newer) -> LoggedOffers:
    """The log's offers of the window; what was read, left out and rejected goes to the window's notes."""
    data, most = config.data, config.contract.max_reject_share
    report = read_offers(connection, log, data.columns, most, data.encoding)
    offers = gather_offers(connection, newer.timeline)
    first_day, end_day = newer.days
    inside = np.flatnonzero((offers.cases.at >= first_day) & (offers.cases.at < end_day))
    if not len(inside):
        raise DataError(
            f"--offers {log}: expected offers from {newer.since:%Y-%m-%d} to before {newer.until:%Y-%m-%d}, got none "
            f"among {len(offers):,}; give newer offers, or name the window: --since"
        )
    of_window = offers.take_requests(inside)
    newer.notes.append(
        f"{len(of_window):,} logged offers stand for what was shown; an outcome is whether it was accepted"
    )
    newer.notes.extend(report.lines())
    return of_window


def notes_of(timeline: Timeline, first_day: float, end_day: float, horizon_days: float) -> list[str]:
    """What the window cannot show."""
    notes = []
    if not np.any(timeline.order_day < first_day):
        notes.append("no earlier order is given, so every customer looks new; give the orders before the window too")
    if end_day - first_day < 2.0 * horizon_days:
        notes.append(
            f"the window is shorter than {2.0 * horizon_days:g} days: offers after payment are not looked at, since "
            f"their outcome takes {horizon_days:g} days"
        )
    return notes


def newer_cases(newer: Newer, asked: NewerDataRequest) -> Cases:
    """Requests of the window, made and spread over customers as those that calibrated the bundle were.

    DataError where the window gives fewer than two.
    """
    random = np.random.default_rng([asked.config.seed, 2])
    timeline, attributes = newer.timeline, newer.attributes
    horizon = asked.config.label.horizon_days or 0.0
    types, unknown = attributes.product_type, len(attributes.product_types)
    cases = make_cases(timeline, types, unknown, *newer.days, horizon, asked.requests, random)
    cases = spread_over_units(cases, len(timeline.customer_ids), random)
    if len(cases) < 2:
        raise DataError(
            f"no request can be made of the orders from {newer.since:%Y-%m-%d} to {newer.until:%Y-%m-%d}: orders of "
            "one product and customers who never come back say nothing; give a longer window"
        )
    return cases


def window_text(since: datetime, until: datetime) -> str:
    """A window in words, its last day named."""
    return f"{since:%Y-%m-%d} to {until - DAY:%Y-%m-%d}" if until > since else f"{since:%Y-%m-%d}"
