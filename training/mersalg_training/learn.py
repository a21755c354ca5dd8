"""From purchases to everything that a scorer is made of: tables, rankers, calibration, thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import numpy as np

from mersalg.errors import DataError
from mersalg_training.calibration.fit import Calibrated, calibrate, rank_cases, spread_over_units
from mersalg_training.config import Config
from mersalg_training.data.adaptation import Adaptation, adapt
from mersalg_training.data.attributes import Attributes, read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.company import check_company
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.shop_statistics import ShopStatistics, measure_shop
from mersalg_training.data.split import Windows, split_windows
from mersalg_training.data.timeline import Float32, Timeline, read_timeline
from mersalg_training.graph.retrieve import check_items
from mersalg_training.progress import Stages, Tick
from mersalg_training.ranking import FittedTrees
from mersalg_training.ranking.cases import make_cases
from mersalg_training.ranking.featurise import Featuriser
from mersalg_training.ranking.training_rows import (
    Matrix,
    fit_ranker,
    learn_first_weights,
    recall_by_source,
    training_matrices,
)
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.relations import as_it_was
from mersalg_training.tables.shop_tables import Rhythm, ShopTables
from mersalg_training.tables.vocabulary import unsold_products

MIN_POSITIVES = 20
"""Fewer bought candidates on a side cannot fit a ranker."""


@dataclass(frozen=True)
class Purchased:
    """The purchases of a job, checked and cut into windows."""

    report: ContractReport
    timeline: Timeline
    attributes: Attributes
    windows: Windows


@dataclass(frozen=True)
class RankerRows:
    """What the carts of the rank window bring to the rankers."""

    first_weights: Float32
    feature_names: list[str]
    own: Matrix
    new: Matrix
    recall: dict[str, float]
    """Share of what followed the requests that each source retrieved."""


@dataclass(frozen=True)
class Fitted:
    """What the carts of the rank window taught."""

    config: Config
    """With what the data gave: the horizon, the days of follow-on pairs."""
    rhythm: Rhythm
    """The shop's pace before the rank window; features and labels of one job share it."""
    first_weights: Float32
    feature_names: list[str]
    own: FittedTrees
    new: FittedTrees
    recall: dict[str, float]
    """Of the ranker's requests, the share of what followed that each source retrieved."""
    statistics: ShopStatistics
    """Of what lies before the rank window."""
    adapted: list[Adaptation]
    """What was set otherwise than usual because of them."""


@dataclass(frozen=True)
class Learned:
    """Everything that the scorer is made of, and what a person looks at."""

    fitted: Fitted
    calibrated: Calibrated
    tables: ShopTables
    """Of all that lies before the test window."""


def read_purchases(
    config: Config, stages: Stages, beside: Callable[[duckdb.DuckDBPyConnection, Timeline], None] | None = None
) -> Purchased:
    """Read, check and split. DataError where a bundle cannot hold the products, before anything is counted.

    beside: reads something else while the checked purchases are still in their database.
    """
    with stages.stage("Reading and checking purchases"):
        purchases = open_purchases(config.data, config.engine)
        report = apply_contract(purchases, config.contract)
        check_company(purchases.connection)
        timeline = read_timeline(purchases.connection)
        attributes = read_attributes(purchases.connection)
        if beside is not None:
            beside(purchases.connection, timeline)
        purchases.connection.close()
    windows = split_windows(report.first, report.last, config.split, timeline.order_day)
    sold = np.unique(timeline.line_product[timeline.line_day < time_to_day(windows.test_from)]).astype(np.int64)
    check_items(len(sold) + len(unsold_products(sold, attributes)))
    return Purchased(report, timeline, attributes, windows)


def learn(purchased: Purchased, config: Config, stages: Stages) -> Learned:
    """Fit the rankers, calibrate and certify them on later purchases, then bring the tables up to date.

    The rankers and the thresholds meet tables that end where their requests begin. A shop's requests begin where its
    purchases end, so the tables that go into the bundle end with them: the calibrate window is counted too.
    """
    timeline, attributes, windows = purchased.timeline, purchased.attributes, purchased.windows
    fitted = fit_rankers(purchased, config, stages)
    with stages.stage("Counting and factorising to calibrate") as tick:
        day = time_to_day(windows.calibrate_from)
        then = as_it_was(attributes, timeline, day)
        tables = learn_shop(timeline, then, day, fitted.config, tick, fitted.rhythm)
    with stages.stage("Calibrating and certifying") as tick:
        calibrated = calibrate_shop(purchased, fitted, tables, tick)
    with stages.stage("Counting and factorising for the bundle") as tick:
        day = time_to_day(windows.test_from)
        tables = learn_shop(timeline, attributes, day, fitted.config, tick, fitted.rhythm)
    return Learned(fitted, calibrated, tables)


def fit_rankers(purchased: Purchased, config: Config, stages: Stages) -> Fitted:
    """Count and factorise what lies before the rank window, and fit first score and rankers on the carts inside it."""
    timeline, attributes, windows = purchased.timeline, purchased.attributes, purchased.windows
    rank_day = time_to_day(windows.rank_from)
    with stages.stage("Counting and factorising for the rankers") as tick:
        statistics = measure_shop(timeline, attributes, rank_day)
        adapted = adapt(config, statistics, windows, timeline.order_day)
        tables = learn_shop(timeline, as_it_was(attributes, timeline, rank_day), rank_day, adapted.config, tick)
    rows = ranker_rows(purchased, tables, stages)
    own, new = fit_trees(rows, adapted.fitting, stages)
    return Fitted(
        adapted.config,
        tables.rhythm,
        rows.first_weights,
        rows.feature_names,
        own,
        new,
        rows.recall,
        statistics,
        adapted.told,
    )


def ranker_rows(purchased: Purchased, tables: ShopTables, stages: Stages) -> RankerRows:
    """The first score, and the rows of both rankers, from the carts of the rank window.

    tables: of what lies before it; their configuration draws the requests. DataError where there are none.
    """
    timeline, attributes, windows, config = purchased.timeline, purchased.attributes, purchased.windows, tables.config
    random = np.random.default_rng(config.seed)
    rank_day, calibrate_day = time_to_day(windows.rank_from), time_to_day(windows.calibrate_from)
    horizon = config.label.horizon_days or tables.rhythm.horizon_days
    types, unknown, most = attributes.product_type, len(attributes.product_types), config.ranker.requests
    cases = make_cases(timeline, types, unknown, rank_day, calibrate_day, horizon, most, random)
    if len(cases) < 2:
        raise DataError(
            f"no request can be made of the orders from {windows.rank_from:%Y-%m-%d} "
            f"to {windows.calibrate_from:%Y-%m-%d}: orders of one product and customers who never come back "
            "teach nothing; widen split.rank_days"
        )
    with stages.stage("Fitting the first score") as tick:
        first_weights = learn_first_weights(timeline, cases, tables, random, tick)
    with stages.stage("Retrieving and featurising for the rankers") as tick:
        featuriser = Featuriser(tables, first_weights)
        own, new = training_matrices(timeline, cases, featuriser, config.ranker.negatives, random, tick)
    recall = recall_by_source(own, new, featuriser.feature_names, len(cases.target.values))
    return RankerRows(first_weights, featuriser.feature_names, own, new, recall)


def fit_trees(rows: RankerRows, config: Config, stages: Stages) -> tuple[FittedTrees, FittedTrees]:
    """The rankers of own and of new products; a side with too few positives takes the rows of both."""
    own, new = rows.own, rows.new
    with stages.stage("Fitting the ranker of own products") as tick:
        own_trees = fit_ranker(
            own if own.y.sum() >= MIN_POSITIVES else own.beside(new), rows.feature_names, config, tick
        )
    with stages.stage("Fitting the ranker of new products") as tick:
        new_trees = fit_ranker(
            new if new.y.sum() >= MIN_POSITIVES else new.beside(own), rows.feature_names, config, tick
        )
    return own_trees, new_trees


def calibrate_shop(purchased: Purchased, fitted: Fitted, tables: ShopTables, tick: Tick) -> Calibrated:
    """Calibration and thresholds from the calibrate window. tables: of what lies before it."""
    windows, timeline, attributes = purchased.windows, purchased.timeline, purchased.attributes
    config = fitted.config
    random = np.random.default_rng([config.seed, 1])
    first_day, end_day = time_to_day(windows.calibrate_from), time_to_day(windows.test_from)
    horizon = config.label.horizon_days or tables.rhythm.horizon_days
    types, unknown, most = attributes.product_type, len(attributes.product_types), config.ranker.requests
    cases = make_cases(timeline, types, unknown, first_day, end_day, horizon, most, random)
    cases = spread_over_units(cases, len(timeline.customer_ids), random)
    if len(cases) < 2:
        raise DataError(
            f"no request can be made of the orders from {windows.calibrate_from:%Y-%m-%d} "
            f"to {windows.test_from:%Y-%m-%d}; widen split.calibrate_days"
        )
    featuriser = Featuriser(tables, fitted.first_weights, (fitted.own.table, fitted.new.table))
    return calibrate(rank_cases(timeline, cases, featuriser, tick), config.thresholds, random)
