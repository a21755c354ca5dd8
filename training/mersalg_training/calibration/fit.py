"""Calibration, thresholds and certificate from requests that neither the counts nor the ranker have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS, Kind
from mersalg_training.calibration.curve import fit_calibration
from mersalg_training.calibration.scored_offers import SHOWN, Shown
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.calibration.thresholds import Threshold, choose_thresholds
from mersalg_training.config import ThresholdConfig
from mersalg_training.data.timeline import UNKNOWN, Float32, Int64, Timeline
from mersalg_training.graph.calibration import Calibration
from mersalg_training.progress import Tick
from mersalg_training.ranking.cases import Cases
from mersalg_training.ranking.featurise import Featuriser

OFFERED: Final = np.array([[kind in KINDS_BY_MOMENT[moment] for kind in KINDS] for moment in MOMENTS])
"""(5, 5) bool: by moment, which kinds a request asks for when it names none."""


@dataclass(frozen=True)
class Ranked:
    """The best candidates of each kind and request, (n,) each, of the kinds that the moment offers."""

    score: Float32
    kind: Int64
    depth: Int64
    """0 for the best of its kind in its request."""
    bought: Float32
    request: Int64
    """Position in what follows."""
    worth: Float32
    """What a sale brings: margin, else price; NaN where neither is known."""
    unit: Int64
    """(m,) of each request: the customer; without one its order, which may have served several requests."""
    known: npt.NDArray[np.bool_]
    """(m,) whether the request brings a history."""
    moment: Int64
    """(m,) of each request, its position in MOMENTS."""


@dataclass(frozen=True)
class Calibrated:
    """What was fitted, and the rows of the certifying half, for the plots."""

    calibration: Calibration
    thresholds: dict[Kind, Threshold]
    certifying: Shown


def rank_cases(timeline: Timeline, cases: Cases, featuriser: Featuriser, tick: Tick) -> Ranked:
    """Score the cases as a shop asks, for the kinds of their moments; keep the best SHOWN of each kind."""
    parts = []
    tables = featuriser.tables
    value = tables.vocabulary.value
    worth_of = value if tables.vocabulary.value_kind is not None else np.full_like(value, np.nan)
    for found in featuriser.run(timeline, cases, tick, OFFERED):
        valid = found.valid(tables.n_items)
        for kind in range(len(KINDS)):
            score = np.where(valid & (found.kind == kind), found.score, -np.inf)
            place = np.argsort(-score, axis=1, kind="stable")[:, :SHOWN]
            best = np.take_along_axis(score, place, axis=1)
            row, depth = np.nonzero(np.isfinite(best))
            bought, item = (np.take_along_axis(of, place, axis=1)[row, depth] for of in (found.bought, found.item))
            parts.append((best[row, depth], np.full(len(row), kind), depth, bought, found.rows[row], worth_of[item]))
    score, kinds, depths, bought_all, rows, worths = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Ranked(
        score=score.astype(np.float32),
        kind=kinds.astype(np.int64),
        depth=depths,
        bought=bought_all.astype(np.float32),
        request=rows.astype(np.int64),
        worth=worths.astype(np.float32),
        unit=units_of(cases, len(timeline.customer_ids)),
        known=cases.history[:, 1] > cases.history[:, 0],
        moment=cases.moment,
    )


def units_of(cases: Cases, n_customers: int) -> Int64:
    """(n,) what is drawn independently: the customer, else the order; their numbers do not meet."""
    return np.where(cases.customer == UNKNOWN, n_customers + cases.order, cases.customer)


def calibrate(ranked: Ranked, config: ThresholdConfig, random: np.random.Generator) -> Calibrated:
    """Fit calibration and candidates for thresholds on one half of the customers; certify on the other."""
    units, unit = np.unique(ranked.unit, return_inverse=True)
    number = random.permutation(len(units))[unit]  # the order in which customers are drawn
    in_fitting = number < len(units) // 2
    rows = in_fitting[ranked.request]
    fitted = fit_calibration(ranked.score[rows], ranked.kind[rows], ranked.bought[rows])
    relevance = fitted.apply(ranked.score, ranked.kind)
    fitting, certifying = (would_show(ranked, relevance, number, half) for half in (in_fitting, ~in_fitting))
    return Calibrated(fitted, choose_thresholds(fitting, certifying, config), certifying)


def would_show(ranked: Ranked, relevance: Float32, number: Int64, half: npt.NDArray[np.bool_]) -> Shown:
    """The offers to one half of the customers. number, half: (m,) of each request."""
    rows = half[ranked.request]
    request = ranked.request[rows]
    return Shown(
        kind=ranked.kind[rows],
        relevance=relevance[rows],
        bought=ranked.bought[rows],
        unit=number[request],
        request=request,
        depth=ranked.depth[rows],
        known=ranked.known[request],
        worth=ranked.worth[rows],
        asked=OFFERED[ranked.moment[half]].sum(axis=0),
    )


def spread_over_units(cases: Cases, n_customers: int, random: np.random.Generator) -> Cases:
    """At most REQUESTS_OF_CUSTOMER requests, drawn, of each customer and of each order without one."""
    order = random.permutation(len(cases))
    unit = units_of(cases, n_customers)[order]
    by_unit = np.argsort(unit, kind="stable")
    ordered = unit[by_unit]
    keep = np.arange(len(ordered)) - np.searchsorted(ordered, ordered) < REQUESTS_OF_CUSTOMER
    return cases.take(np.sort(order[by_unit[keep]]))
