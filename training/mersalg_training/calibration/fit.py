"""Calibration, thresholds and certificate from requests that neither the counts nor the ranker have seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.calibration.curve import fit_calibration
from mersalg_training.calibration.scored_offers import OFFERED, SHOWN, ScoredOffers, request_columns, units_of
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.calibration.thresholds import Threshold, choose_thresholds
from mersalg_training.config import ThresholdConfig
from mersalg_training.data.timeline import Timeline
from mersalg_training.graph.calibration import Calibration
from mersalg_training.progress import Tick
from mersalg_training.ranking.cases import Cases
from mersalg_training.ranking.featurise import Featuriser


@dataclass(frozen=True)
class Calibrated:
    """What was fitted, and on what."""

    calibration: Calibration
    thresholds: dict[Kind, Threshold]
    certifying: ScoredOffers
    """The rows of the certifying half."""
    offers: ScoredOffers
    """The rows of both halves."""


def rank_cases(timeline: Timeline, cases: Cases, featuriser: Featuriser, tick: Tick) -> ScoredOffers:
    """Score the cases as a shop asks, for the kinds of their moments; keep the best SHOWN of each kind."""
    parts = []
    tables = featuriser.tables
    value = tables.vocabulary.value
    worth_of = value if tables.vocabulary.value_kind is not None else np.full_like(value, np.nan)
    for candidates in featuriser.run(timeline, cases, tick, OFFERED):
        valid = candidates.valid(tables.n_items) & candidates.offerable
        for kind in range(len(KINDS)):
            score = np.where(valid & (candidates.kind == kind), candidates.score, -np.inf)
            columns = np.argsort(-score, axis=1, kind="stable")[:, :SHOWN]
            best = np.take_along_axis(score, columns, axis=1)
            row, place = np.nonzero(np.isfinite(best))
            label, item = (
                np.take_along_axis(of, columns, axis=1)[row, place] for of in (candidates.bought, candidates.item)
            )
            parts.append(
                (best[row, place], np.full(len(row), kind), place, label, candidates.rows[row], worth_of[item])
            )
    score, kinds, places, labels, requests, worths = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ScoredOffers(
        request=requests.astype(np.int64),
        kind=kinds.astype(np.int64),
        place=places,
        score=score.astype(np.float32),
        relevance=np.full(len(score), np.nan, dtype=np.float32),
        label=labels.astype(np.float32),
        worth=worths.astype(np.float32),
        requests=request_columns(cases, units_of(cases, len(timeline.customer_ids))),
    )


def calibrate(offers: ScoredOffers, config: ThresholdConfig, random: np.random.Generator) -> Calibrated:
    """Fit calibration and candidates for thresholds on one half of the customers, drawn; certify on the other."""
    units, unit = np.unique(offers.requests.unit, return_inverse=True)
    number = random.permutation(len(units))[unit]
    return calibrate_drawn(replace(offers, requests=replace(offers.requests, unit=number)), config)


def calibrate_drawn(offers: ScoredOffers, config: ThresholdConfig) -> Calibrated:
    """The same of units that are numbered from 0 in an order that no label had a part in: the first half fits."""
    number = offers.requests.unit
    n_units = int(number.max()) + 1 if len(number) else 0
    halves = np.flatnonzero(number < n_units // 2), np.flatnonzero(number >= n_units // 2)
    fitting = offers.take_requests(halves[0])
    fitted = fit_calibration(fitting.score, fitting.kind, fitting.label)
    offers = replace(offers, relevance=fitted.apply(offers.score, offers.kind))
    fitting, certifying = (offers.take_requests(half) for half in halves)
    return Calibrated(fitted, choose_thresholds(fitting, certifying, config), certifying, offers)


def spread_over_units(cases: Cases, n_customers: int, random: np.random.Generator) -> Cases:
    """At most REQUESTS_OF_CUSTOMER requests, drawn, of each customer and of each order without one."""
    order = random.permutation(len(cases))
    unit = units_of(cases, n_customers)[order]
    by_unit = np.argsort(unit, kind="stable")
    ordered = unit[by_unit]
    keep = np.arange(len(ordered)) - np.searchsorted(ordered, ordered) < REQUESTS_OF_CUSTOMER
    return cases.take(np.sort(order[by_unit[keep]]))
