"""Calibration of today: what the parent scored before it learned of it, on days that roll on.

The parent scores requests that are made of the new orders as training makes those of its calibrate window, and as many
a day; so what calibrates and certifies is always of days that the scoring bundle had not seen (prequentially: Dawid,
Journal of the Royal Statistical Society A 147, 1984).

The requests of the latest days stay, as many as training calibrated on: the fewest whole days that hold so many. A
number of days would hold fewer and fewer of a shop whose orders go down, and nothing on the first days after a training
job that held back a test window, whose requests nobody scored; the power of a certificate is in the number.

Of late orders no request is made: the parent has learned from days behind them. They count as what came of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from mersalg.bundle import Bundle
from mersalg.recommender import Recommender
from mersalg.session import Session
from mersalg_training.calibration.fit import Calibrated, calibrate_drawn
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.calendar import day_to_time, time_to_day
from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.drift.recalibrate import MIN_OFFERS
from mersalg_training.drift.scoring import all_retrieved, worth_of
from mersalg_training.engine.database import fitting
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.evaluation.bundle_method import THREADS, BundleMethod
from mersalg_training.evaluation.labelled_offers import as_scored, best_offers
from mersalg_training.progress import Stages, Tick
from mersalg_training.ranking.cases import PAID, Cases, follow_up_case, made_cases, make_cases
from mersalg_training.update.kept_counts import Shop
from mersalg_training.update.kept_requests import (
    add_offers,
    add_requests,
    count_known,
    known_offers,
    label_known,
    make_tables,
    next_number,
    remove,
    write_tables,
)
from mersalg_training.update.state import State, StateWriter

DUE: Final = "stage = 'planned' AND asked_day < $to"
UNITS: Final = f"""
SELECT DISTINCT CASE WHEN o.customer >= 0 THEN o.customer ELSE -1 - o.order_code END AS unit
FROM order_codes o
WHERE o.day >= $since OR o.order_id IN (SELECT order_id FROM kept_requests WHERE {DUE})
"""
"""Of whose orders requests are made now."""
FORGOTTEN: Final = """
customer_id IN (SELECT customer_id FROM forgotten)
OR (stage = 'planned' AND order_id IN (SELECT order_id FROM replaced))
"""
"""Of the kept requests; an order that was replaced is followed up no more."""
FIRST_DAY: Final = """
SELECT coalesce(max(first), '-infinity'::DOUBLE) AS day FROM (
    SELECT floor(order_day) AS first, sum(count(*)) OVER (ORDER BY floor(order_day) DESC) AS n
    FROM kept_requests WHERE stage = 'known' GROUP BY floor(order_day)
) WHERE n >= $requests
"""


@dataclass(frozen=True)
class NewDays:
    """What is scored: days since 1970-01-01, from where the parent's orders end."""

    since: float
    to: float
    horizon_days: float
    requests: int


@dataclass(frozen=True)
class Rolled:
    """What an updated bundle is calibrated on, or why its parent's calibration stays."""

    calibrated: Calibrated | None
    stays_because: str | None
    """None where it was made anew."""
    first: datetime
    """Of the requests, at midnight."""
    end: datetime
    """Where orders end."""
    requests: int
    """Of which it is known what came of them; in calibration at most as many of a customer as training takes."""
    new: int
    """Of them, those of which it was not known before."""
    waiting: int
    """Of which it is not known yet."""

    def to_json(self) -> dict[str, Any]:
        """For the lineage of a manifest."""
        made = self.calibrated
        return {
            "from": self.first.isoformat(),
            "to": self.end.isoformat(),
            "requests": self.requests,
            "new": self.new,
            "waiting": self.waiting,
            "offers": None if made is None else len(made.offers),
            "customers": None if made is None else len(np.unique(made.offers.requests.unit)),
            "stays_because": self.stays_because,
        }


def roll(shop: Shop, state: State, parent: Bundle, horizon_days: float, writer: StateWriter, stages: Stages) -> Rolled:
    """Score what the new orders bring, label what is known now, and calibrate; write what the next state keeps.

    shop: of now, with the tables that `add_orders` and `read_history` leave. parent: the bundle that the state is of.
    """
    engine, manifest = shop.engine, parent.manifest
    kept, since = state.manifest["calibration"], time_to_day(datetime.fromisoformat(state.manifest["to"]))
    days = NewDays(since, shop.cut, horizon_days, round(kept["requests_a_day"] * (shop.cut - since)))
    random = np.random.default_rng([shop.config.seed, 2, int(state.manifest["updates"])])
    with stages.stage("Scoring requests of new orders with the parent") as tick, fitting(engine.connection):
        make_tables(engine, state)
        forgotten = remove(engine, FORGOTTEN)
        before = count_known(engine)
        score_days(shop, parent, days, random, tick)
        label_known(engine, days.to, horizon_days)
        new = count_known(engine) - before
        remove(engine, "order_day < $first", first=first_day(engine, kept["requests"], manifest))
        write_tables(engine, writer)
    with stages.stage("Calibrating and certifying"):
        if manifest.get("reference", {}).get("labels") == "accepted":
            return rolled(shop, new, "relevance is of offers that were accepted, of which orders tell nothing")
        if not new + forgotten:
            return rolled(shop, new, "the new orders tell of no request what came of it")
        return rolled(shop, new)


def rolled(shop: Shop, new: int, stays_because: str | None = None) -> Rolled:
    """Calibrate, unless the parent's calibration stays, on what is known of the kept requests. new: of them."""
    engine, config = shop.engine, shop.config
    told = engine.rows("""
        SELECT coalesce(min(floor(order_day)) FILTER (WHERE stage = 'known'), $to) AS first,
               count(*) FILTER (WHERE stage <> 'known') AS waiting FROM kept_requests
    """, to=shop.cut)  # fmt: skip
    offers = known_offers(engine, config.seed)
    if stays_because is None and len(offers) < MIN_OFFERS:
        stays_because = f"only {len(offers):,} offers are kept of which it is known what came, {MIN_OFFERS} are needed"
    return Rolled(
        calibrated=calibrate_drawn(offers, config.thresholds) if stays_because is None else None,
        stays_because=stays_because,
        first=day_to_time(float(told["first"][0])),
        end=day_to_time(shop.cut),
        requests=len(offers.requests.unit),
        new=new,
        waiting=int(told["waiting"][0]),
    )


def first_day(engine: DuckDBEngine, requests: int, manifest: Mapping[str, Any]) -> float:
    """Before which day kept requests are too old.

    A parent that was recalibrated says that what was before the window of that is of another shop.
    """
    lineage = manifest.get("lineage") or {}
    is_recalibrated = lineage.get("made_by") == "recalibrate"
    anew = time_to_day(datetime.fromisoformat(lineage["from"])) if is_recalibrated else -np.inf
    return max(anew, float(engine.rows(FIRST_DAY, requests=requests)["day"][0]))


def score_days(shop: Shop, parent: Bundle, days: NewDays, random: np.random.Generator, tick: Tick) -> None:
    """Add what is asked on the new days, with the parent's offers for it.

    That is what is drawn of the new orders, and the follow-ups, planned earlier, whose time has come; those whose time
    is behind the days are planned.
    """
    engine, attributes = shop.engine, shop.attributes
    units = engine.rows(UNITS, since=days.since, to=days.to)["unit"]
    timeline = shop.history.timeline_of(np.asarray(units, dtype=np.int64))
    recommender = Recommender(parent, Session(parent.scorer, str(parent.folder / "scorer.onnx")), threads=THREADS)
    bundle = BundleMethod(recommender, timeline)
    planned, number = planned_cases(engine, timeline, days, random)
    remove(engine, DUE, to=days.to)
    add_scored(engine, bundle, attributes, planned, number, tick)
    types, unknown = attributes.product_type, len(attributes.product_types)
    drawn = make_cases(timeline, types, unknown, days.since, np.inf, days.horizon_days, days.requests, random)
    is_now = drawn.at < days.to
    number = next_number(engine) + np.arange(len(drawn))
    add_requests(engine, timeline, drawn.take(np.flatnonzero(~is_now)), number[~is_now], "planned")
    add_scored(engine, bundle, attributes, drawn.take(np.flatnonzero(is_now)), number[is_now], tick)


def planned_cases(
    engine: DuckDBEngine, timeline: Timeline, days: NewDays, random: np.random.Generator
) -> tuple[Cases, Int64]:
    """The planned follow-ups whose time has come, and their numbers."""
    rows = engine.rows(
        f"SELECT request, order_id, asked_day FROM kept_requests WHERE {DUE} ORDER BY request", to=days.to
    )
    order_of = {order_id: order for order, order_id in enumerate(timeline.order_ids)}
    made = [
        follow_up_case(timeline, order_of[order_id], at, days.horizon_days, random)
        for order_id, at in zip(rows["order_id"].tolist(), rows["asked_day"].tolist(), strict=True)
    ]
    return made_cases(timeline, made), np.asarray(rows["request"], dtype=np.int64)


def add_scored(
    engine: DuckDBEngine, bundle: BundleMethod, attributes: Attributes, cases: Cases, number: Int64, tick: Tick
) -> None:
    """Add requests, each under its number (n,), with a bundle's offers; after payment what came is not known yet."""
    timeline = bundle.timeline
    best = best_offers(all_retrieved(bundle, cases, tick))
    offers = as_scored(best, cases, len(timeline.customer_ids), worth_of(attributes))
    is_open = np.isin(cases.moment, PAID)
    add_requests(engine, timeline, cases.take(np.flatnonzero(is_open)), number[is_open], "open")
    add_requests(engine, timeline, cases.take(np.flatnonzero(~is_open)), number[~is_open], "known")
    product_ids = [*timeline.product_ids, None]  # UNKNOWN is the last place
    label = np.where(is_open[offers.request], np.float32(np.nan), offers.label)
    add_offers(engine, offers, number, [product_ids[offered.product] for *_, offered in best], label)
