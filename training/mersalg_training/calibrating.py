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
    """The customer; for a request without one, a number of its own."""


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
    units = np.where(cases.customer == UNKNOWN, len(timeline.customer_ids) + np.arange(len(cases)), cases.customer)
    return Ranked(score.astype(np.float32), kinds.astype(np.int64), depths, bought_all.astype(np.float32), units[rows])


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


def spread_over_customers(cases: Cases, random: np.random.Generator) -> Cases:
    """At most REQUESTS_OF_CUSTOMER requests of each known customer, drawn; all of the others."""
    order = random.permutation(len(cases))
    customer = cases.customer[order]
    by_customer = np.argsort(customer, kind="stable")
    ordered = customer[by_customer]
    first = np.searchsorted(ordered, ordered)
    keep = (np.arange(len(ordered)) - first < REQUESTS_OF_CUSTOMER) | (ordered == UNKNOWN)
    return cases.take(np.sort(order[by_customer[keep]]))
