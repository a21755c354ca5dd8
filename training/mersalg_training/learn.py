"""From purchases to everything that a scorer is made of: tables, rankers, calibration, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from mersalg.bundle import Bundle
from mersalg.errors import DataError
from mersalg.names import KINDS
from mersalg.recommender import Recommender
from mersalg.requests import Request, read_mapping
from mersalg.session import Session
from mersalg_training.calibration.curve import fit_calibration
from mersalg_training.calibration.fit import Calibrated, calibrate, rank_cases, spread_over_units
from mersalg_training.config import Config
from mersalg_training.data.adaptation import Adaptation, Adapted, adapt
from mersalg_training.data.attributes import Attributes, read_attributes
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.history import History, check_company, read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.shop_statistics import ShopStatistics, measure_shop
from mersalg_training.data.split import Windows, split_windows
from mersalg_training.data.timeline import Float32, Int32, Timeline
from mersalg_training.engine.opening import check_engine
from mersalg_training.evaluation.bundle_method import CaseRequests
from mersalg_training.graph.decide import decision_of
from mersalg_training.graph.retrieve import check_items
from mersalg_training.graph.scorer import scorer_model
from mersalg_training.graph.trees import RankerTrees
from mersalg_training.limits.budget import Budget, unlimited
from mersalg_training.limits.costs import Work
from mersalg_training.progress import Stages, Tick
from mersalg_training.ranking import FittedTrees
from mersalg_training.ranking.cases import MAX_PASSES, Cases, make_cases
from mersalg_training.ranking.considered import TypeShelf, considered_cases
from mersalg_training.ranking.featurise import Featuriser
from mersalg_training.ranking.training_rows import (
    Matrix,
    fit_ranker,
    learn_first_weights,
    recall_by_source,
    training_matrices,
    upsell_rows,
)
from mersalg_training.tables.build import build_tables
from mersalg_training.tables.counts import CountedOnce, count_purchases
from mersalg_training.tables.relations import as_it_was
from mersalg_training.tables.shop_tables import Rhythm, ShopTables
from mersalg_training.tables.vocabulary import unsold_products

MIN_POSITIVES = 20
"""Fewer bought candidates on a side cannot fit a ranker."""
CONSIDERED = 5
"""To so many requests as they come, one more in which another product was considered."""
TO_RANK, TO_CALIBRATE, FOR_BUNDLE = range(3)
"""The cuts of a job: what lies before the rank window, before the calibrate window, before the test window."""
TIMED: Final = 200
"""Most requests whose answers are timed."""


@dataclass(frozen=True)
class Purchased:
    """The purchases of a job, checked and cut into windows."""

    report: ContractReport
    history: History
    """All lines; not to be asked when the tables are learned, for its engine is closed then."""
    timeline: Timeline
    """Of all lines, or of `engine.drawn_lines` of drawn customers."""
    attributes: Attributes
    windows: Windows
    drawn: Sequence[str] = ()
    """A sentence where the timeline does not hold all lines."""


@dataclass(frozen=True)
class CountedShop:
    """A history counted for the three cuts of a job."""

    statistics: ShopStatistics
    """Of what lies before the rank window."""
    adapted: Adapted
    counts: CountedOnce

    def tables(
        self, purchased: Purchased, cut: int, config: Config, tick: Tick, rhythm: Rhythm | None = None
    ) -> ShopTables:
        """The tables of what lies before a cut, by its number; the rhythm is measured unless given."""
        counts, attributes = self.counts.before(cut), purchased.attributes
        if cut != FOR_BUNDLE:
            attributes = as_it_was(attributes, np.asarray(counts.products["product"], dtype=np.int64))
        return build_tables(counts, purchased.history, attributes, config, tick, rhythm)


@dataclass(frozen=True)
class RankerRows:
    """What the carts of the rank window bring to the rankers."""

    first_weights: Float32
    feature_names: list[str]
    own: Matrix
    new: Matrix
    upsell: Matrix
    recall: dict[str, float]
    """Share of what followed the requests that each source retrieved."""


@dataclass(frozen=True)
class Rankers:
    """The fitted trees, each of candidates of its own."""

    own: FittedTrees
    new: FittedTrees
    upsell: FittedTrees | None
    """None where too few upsells were bought."""

    def by_name(self) -> dict[str, FittedTrees]:
        """Those that there are."""
        return {name: trees for name, trees in vars(self).items() if trees is not None}

    @property
    def tables(self) -> RankerTrees:
        """As the graph holds them."""
        return RankerTrees(**{name: trees.table for name, trees in self.by_name().items()})


@dataclass(frozen=True)
class Fitted:
    """What the carts of the rank window taught."""

    config: Config
    """With what the data gave: the horizon, the days of follow-on pairs."""
    rhythm: Rhythm
    """The shop's pace before the rank window; features and labels of one job share it."""
    first_weights: Float32
    feature_names: list[str]
    rankers: Rankers
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
    check_engine(config.engine)
    with stages.stage("Reading and checking purchases"):
        purchases = open_purchases(config.data, config.engine)
        report = apply_contract(purchases, config.contract)
        check_company(purchases.connection)
        history = read_history(purchases.connection)
        timeline = history.timeline(config.engine.drawn_lines, config.seed)
        drawn = history.drawn_note(timeline)
        report = replace(report, notes=report.notes + drawn)
        attributes = read_attributes(purchases.connection)
        if beside is not None:
            beside(purchases.connection, timeline)
        history.forget_ids()
        windows = split_windows(report.first, report.last, config.split, history.order_day)
        sold = history.sold_before(time_to_day(windows.test_from))
        history = history.where_it_is_counted(config.engine)
    check_items(len(sold) + len(unsold_products(sold, attributes)))
    return Purchased(report, history, timeline, attributes, windows, drawn)


def work_of(purchased: Purchased, config: Config, queries: int) -> Work:
    """What a job will do. queries: requests of a task of its evaluation, where there is a test window."""
    windows, history = purchased.windows, purchased.history
    bounds = {name: (time_to_day(first), time_to_day(end)) for name, (first, end) in windows.bounds().items()}
    day = history.order_day
    orders = {name: int(np.count_nonzero((day >= first) & (day < end))) for name, (first, end) in bounds.items()}
    rank, calibrate = (min(config.ranker.requests, MAX_PASSES * orders[name]) for name in ("rank", "calibrate"))
    before = (windows.rank_from, windows.calibrate_from, windows.test_from)
    first, later, last = (history.lines_before(time_to_day(time)) for time in before)
    asked = queries if "test" in bounds else 0
    return Work((first, later, last), rank, calibrate, config.factors.iterations, asked)


def learn(purchased: Purchased, config: Config, stages: Stages, budget: Budget | None = None) -> Learned:
    """Fit the rankers, calibrate and certify them on later purchases, then bring the tables up to date.

    The rankers and the thresholds meet tables that end where their requests begin. A shop's requests begin where its
    purchases end, so the tables that go into the bundle end with them: the calibrate window is counted too.
    """
    counted = count_shop(purchased, config, stages)
    fitted = fit_rankers(purchased, counted, stages, budget)
    with stages.stage("Tables to calibrate") as tick:
        tables = counted.tables(purchased, TO_CALIBRATE, fitted.config, tick, fitted.rhythm)
    with stages.stage("Calibrating and certifying") as tick:
        calibrated = calibrate_shop(purchased, fitted, tables, tick)
    with stages.stage("Tables for the bundle") as tick:
        tables = counted.tables(purchased, FOR_BUNDLE, fitted.config, tick, fitted.rhythm)
    return Learned(fitted, calibrated, tables)


def count_shop(purchased: Purchased, config: Config, stages: Stages) -> CountedShop:
    """Measure what lies before the rank window, make the configuration fit it, and count for all three cuts."""
    history, attributes, windows = purchased.history, purchased.attributes, purchased.windows
    with stages.stage("Counting purchases"):
        statistics = measure_shop(history, attributes, time_to_day(windows.rank_from))
        adapted = adapt(config, statistics, windows, history.order_day)
        cuts = [time_to_day(time) for time in (windows.rank_from, windows.calibrate_from, windows.test_from)]
        types = attributes.product_type, len(attributes.product_types)
        return CountedShop(statistics, adapted, count_purchases(history, *types, cuts, adapted.config))


def fit_rankers(purchased: Purchased, counted: CountedShop, stages: Stages, budget: Budget | None = None) -> Fitted:
    """Fit first score and rankers on the carts of the rank window, with tables of what lies before it.

    Where an answer takes longer than it may, they are fitted again on fewer candidates.
    """
    budget = budget or unlimited()
    adapted, statistics = counted.adapted, counted.statistics
    with stages.stage("Tables for the rankers") as tick:
        tables = counted.tables(purchased, TO_RANK, adapted.config, tick)
    wanted: Adapted | None = budget.counted(adapted)
    while wanted is not None:
        adapted, wanted = wanted, None
        rows = ranker_rows(purchased, replace(tables, config=adapted.fitting), stages)
        rankers = fit_trees(rows, adapted.fitting, stages)
        if budget.limits.milliseconds is not None:
            with stages.stage("Timing answers"):
                scorer = uncalibrated_scorer(purchased, replace(tables, config=adapted.config), rows, rankers)
                wanted = budget.narrower(adapted, scorer, timed_requests(purchased, adapted.config))
    return Fitted(
        adapted.config,
        tables.rhythm,
        rows.first_weights,
        rows.feature_names,
        rankers,
        rows.recall,
        statistics,
        adapted.told,
    )


def timed_requests(purchased: Purchased, config: Config) -> list[Request]:
    """Requests of the rank window, as a shop asks, for the time of an answer. config: with its horizon."""
    windows, timeline, attributes = purchased.windows, purchased.timeline, purchased.attributes
    first_day, end_day = time_to_day(windows.rank_from), time_to_day(windows.calibrate_from)
    types, unknown, horizon = attributes.product_type, len(attributes.product_types), config.label.horizon_days or 0.0
    random = np.random.default_rng([config.seed, 9])
    cases = make_cases(timeline, types, unknown, first_day, end_day, horizon, TIMED, random)
    requests = CaseRequests(timeline)
    return [read_mapping(requests.make(cases, case)) for case in range(len(cases))]


def uncalibrated_scorer(purchased: Purchased, tables: ShopTables, rows: RankerRows, rankers: Rankers) -> Recommender:
    """A scorer of the tables and the trees, without thresholds. Its relevance only keeps the order."""
    calibration = fit_calibration(
        np.tile(np.array([-5.0, 5.0], dtype=np.float32), 200),
        np.zeros(400, dtype=np.int64),
        np.tile(np.array([0.0, 1.0], dtype=np.float32), 200),
    )
    decision = decision_of(rankers.tables, calibration, dict.fromkeys(KINDS, 0.0))
    ids = product_ids(purchased.timeline.product_ids, tables)
    model = scorer_model(tables, rows.first_weights, decision, ids).SerializeToString()
    manifest = {"kinds": {kind: {"threshold": 0.0} for kind in KINDS}}
    return Recommender(Bundle(Path(), manifest, model, []), Session(model, "scorer.onnx"))


def product_ids(of_code: Sequence[str], tables: ShopTables) -> list[str]:
    """The id of each item index."""
    return [of_code[code] for code in tables.vocabulary.code.tolist()]


def ranker_rows(purchased: Purchased, tables: ShopTables, stages: Stages) -> RankerRows:
    """The first score, and the rows of the rankers, from the carts of the rank window.

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
        window = rank_day, calibrate_day
        considered = considered_cases(timeline, shelf_of(tables, types), window, most // CONSIDERED, random)
        upsell = upsell_rows(timeline, considered, tables, first_weights, own.beside(new), random, tick)
    recall = recall_by_source(own, new, featuriser.feature_names, len(cases.target.values))
    return RankerRows(first_weights, featuriser.feature_names, own, new, upsell, recall)


def shelf_of(tables: ShopTables, product_type: Int32) -> TypeShelf:
    """The shop's products by type and price, as they were before the requests. product_type: by product code."""
    vocabulary = tables.vocabulary
    price = np.full(len(product_type), np.nan)
    price[vocabulary.code] = vocabulary.price[:-1]
    most = tables.neighbours.popular_of_type.items[:, 0].astype(np.int64)
    codes = np.append(vocabulary.code, -1)
    most_bought = np.where(most < tables.n_sold, codes[most], -1)
    most_bought[-1] = -1
    return TypeShelf(product_type, price, most_bought, tables.config.kinds.upsell_step)


def fit_trees(rows: RankerRows, config: Config, stages: Stages) -> Rankers:
    """The rankers of own products, of new ones and of upsells.

    One of the first two with too few positives takes the rows of both; without upsells that were bought there is no
    ranker of theirs.
    """
    own, new = rows.own, rows.new
    with stages.stage("Fitting the ranker of own products") as tick:
        own_trees = fit_ranker(
            own if own.y.sum() >= MIN_POSITIVES else own.beside(new), rows.feature_names, config, tick
        )
    with stages.stage("Fitting the ranker of new products") as tick:
        new_trees = fit_ranker(
            new if new.y.sum() >= MIN_POSITIVES else new.beside(own), rows.feature_names, config, tick
        )
    if rows.upsell.y.sum() < MIN_POSITIVES:
        return Rankers(own_trees, new_trees, None)
    with stages.stage("Fitting the ranker of upsells") as tick:
        upsell_trees = fit_ranker(rows.upsell, rows.feature_names, config, tick)
    return Rankers(own_trees, new_trees, upsell_trees)


def calibrate_shop(purchased: Purchased, fitted: Fitted, tables: ShopTables, tick: Tick) -> Calibrated:
    """Calibration and thresholds from the calibrate window. tables: of what lies before it."""
    windows = purchased.windows
    cases, random = calibrate_cases(purchased, fitted)
    if len(cases) < 2:
        raise DataError(
            f"no request can be made of the orders from {windows.calibrate_from:%Y-%m-%d} "
            f"to {windows.test_from:%Y-%m-%d}; widen split.calibrate_days"
        )
    featuriser = Featuriser(tables, fitted.first_weights, fitted.rankers.tables)
    offers = rank_cases(purchased.timeline, cases, featuriser, tick)
    return calibrate(offers, fitted.config.thresholds, random)


def calibrate_cases(purchased: Purchased, fitted: Fitted) -> tuple[Cases, np.random.Generator]:
    """The requests of the calibrate window, always the same, and the generator that goes on from there."""
    windows, timeline, attributes, config = purchased.windows, purchased.timeline, purchased.attributes, fitted.config
    random = np.random.default_rng([config.seed, 1])
    first_day, end_day = time_to_day(windows.calibrate_from), time_to_day(windows.test_from)
    horizon = config.label.horizon_days or fitted.rhythm.horizon_days
    types, unknown, most = attributes.product_type, len(attributes.product_types), config.ranker.requests
    cases = make_cases(timeline, types, unknown, first_day, end_day, horizon, most, random)
    return spread_over_units(cases, len(timeline.customer_ids), random), random
