"""Calibration, thresholds and certificate from requests that neither the counts nor the ranker have seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.calibration import SHOWN_DEPTH, Calibration, fit_calibration
from mersalg_training.cases import Cases
from mersalg_training.config import ThresholdConfig
from mersalg_training.featurise import Featuriser
from mersalg_training.progress import Tick
from mersalg_training.thresholds import REQUESTS_OF_CUSTOMER, SHOWN, Shown, Threshold, choose_thresholds
from mersalg_training.timeline import UNKNOWN, Float32, Int64, Timeline


@dataclass(frozen=True)
class Ranked:
    """The best candidates of each kind and request, (n,) each."""

    score: Float32
    kind: Int64
    depth: Int64
    """0 for the best of its kind in its request."""
    bought: Float32
    unit: Int64
    """The customer; for a request without one its order, which may have served several requests."""


@dataclass(frozen=True)
class Calibrated:
    """What was fitted, and the rows of the certifying half, for the plots."""

    calibration: Calibration
    thresholds: dict[Kind, Threshold]
    certifying: Shown


def rank_cases(timeline: Timeline, cases: Cases, featuriser: Featuriser, tick: Tick) -> Ranked:
    """Score the cases; keep the best SHOWN_DEPTH of each kind and request."""
    parts = []
    for found in featuriser.run(timeline, cases, tick):
        valid = found.valid(featuriser.tables.n_items)
        for kind in range(len(KINDS)):
            score = np.where(valid & (found.kind == kind), found.score, -np.inf)
            place = np.argsort(-score, axis=1, kind="stable")[:, :SHOWN_DEPTH]
            best = np.take_along_axis(score, place, axis=1)
            row, depth = np.nonzero(np.isfinite(best))
            bought = np.take_along_axis(found.bought, place, axis=1)[row, depth]
            parts.append((best[row, depth], np.full(len(row), kind), depth, bought, found.rows[row]))
    score, kinds, depths, bought_all, rows = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    units = units_of(cases, len(timeline.customer_ids))
    return Ranked(score.astype(np.float32), kinds.astype(np.int64), depths, bought_all.astype(np.float32), units[rows])


def units_of(cases: Cases, n_customers: int) -> Int64:
    """(n,) what is drawn independently: the customer, else the order; their numbers do not meet."""
    return np.where(cases.customer == UNKNOWN, n_customers + cases.order, cases.customer)


def calibrate(ranked: Ranked, config: ThresholdConfig, random: np.random.Generator) -> Calibrated:
    """Fit the calibration on one half of the customers; certify the thresholds on the other."""
    units = np.unique(ranked.unit)
    first_half = np.isin(ranked.unit, random.permutation(units)[: len(units) // 2])
    fitted = fit_calibration(ranked.score[first_half], ranked.kind[first_half], ranked.bought[first_half])
    relevance = fitted.apply(ranked.score, ranked.kind)
    shown = ranked.depth < SHOWN

    def half(rows: np.ndarray) -> Shown:
        rows = rows & shown
        return Shown(ranked.kind[rows], relevance[rows], ranked.bought[rows], ranked.unit[rows])

    certifying = half(~first_half)
    thresholds = choose_thresholds(half(first_half), certifying, config.precision, config.confidence)
    return Calibrated(fitted, thresholds, certifying)


def spread_over_units(cases: Cases, n_customers: int, random: np.random.Generator) -> Cases:
    """At most REQUESTS_OF_CUSTOMER requests, drawn, of each customer and of each order without one."""
    order = random.permutation(len(cases))
    unit = units_of(cases, n_customers)[order]
    by_unit = np.argsort(unit, kind="stable")
    ordered = unit[by_unit]
    keep = np.arange(len(ordered)) - np.searchsorted(ordered, ordered) < REQUESTS_OF_CUSTOMER
    return cases.take(np.sort(order[by_unit[keep]]))
