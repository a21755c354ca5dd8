"""The training job: purchases in, a verified, tracked bundle out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from mersalg.bundle import Bundle
from mersalg.errors import BundleError, DataError
from mersalg.graph import ML_OPSET, OPSET
from mersalg.recommender import Recommender, load
from mersalg.session import Session
from mersalg_training.answers import bundle_scorer, bundle_shower, time_to_day
from mersalg_training.attributes import Attributes, read_attributes
from mersalg_training.calibrating import Calibrated, calibrate, rank_cases, spread_over_units
from mersalg_training.card import render_card
from mersalg_training.cases import make_cases
from mersalg_training.config import Config
from mersalg_training.contract import apply_contract
from mersalg_training.contract_report import ContractReport
from mersalg_training.evaluate import evaluate
from mersalg_training.evaluation import Evaluation
from mersalg_training.export import BundleWriter, as_json, check_out, new_bundle
from mersalg_training.featurise import Featuriser
from mersalg_training.golden import golden_requests
from mersalg_training.graph.decide import decision_of
from mersalg_training.graph.scorer import scorer_model
from mersalg_training.graph.tables import ShopTables
from mersalg_training.manifest import make_manifest
from mersalg_training.progress import Stages, Tick
from mersalg_training.purchases import open_purchases
from mersalg_training.rankers import FittedTrees
from mersalg_training.ranking import fit_ranker, learn_first_weights, recall_by_source, training_matrices
from mersalg_training.report_run import log_job
from mersalg_training.shop import learn_shop
from mersalg_training.split import Windows, split_windows
from mersalg_training.timeline import Float32, Timeline, read_timeline
from mersalg_training.tracking import RegisteredBundle, open_run

GOLDEN = 24
"""Golden requests of a bundle."""
MIN_POSITIVES = 20
"""Fewer bought candidates on a side cannot fit a ranker."""
QUERIES = 500
"""Requests of a task when a training job evaluates itself; `mersalg evaluate --queries` takes more."""


@dataclass(frozen=True)
class Purchased:
    """The purchases of a job, checked and cut into windows."""

    report: ContractReport
    timeline: Timeline
    attributes: Attributes
    windows: Windows


@dataclass(frozen=True)
class Learned:
    """Everything that the scorer is made of, and what a person looks at."""

    config: Config
    """With the horizon that the data gave."""
    tables: ShopTables
    first_weights: Float32
    feature_names: list[str]
    own: FittedTrees
    new: FittedTrees
    calibrated: Calibrated
    recall: dict[str, float]
    """Of the ranker's requests, the share of what followed that each source retrieved."""


@dataclass(frozen=True)
class Trained:
    """Where a job's results are."""

    bundle: Path
    run: str
    registered: RegisteredBundle | None
    evaluation: Evaluation | None
    seconds: dict[str, float]


def train(config: Config, out: Path, console: Console) -> Trained:
    """Run a job. ConfigError, DataError or BundleError say what does not hold; nothing half-written stays."""
    stages = Stages(console)
    check_out(out)
    with open_run(config.tracking, config.name) as run:
        purchased = read_purchases(config, stages)
        console.print(purchased.report.render())
        learned = learn(purchased, config, stages)
        with new_bundle(out) as writer:
            recommender, evaluation = write_bundle(writer, purchased, learned, run.id, stages)
            with stages.stage("Loading the bundle as a shop does"):
                load(writer.folder)
            log_job(run, purchased.report, learned, evaluation, recommender.manifest, stages.seconds)
        with stages.stage("Registering the bundle"):
            registered = run.log_bundle(out, config.tracking.registered_model or config.name)
        return Trained(out, run.where, registered, evaluation, stages.seconds)


def read_purchases(config: Config, stages: Stages) -> Purchased:
    """Read, check and split."""
    with stages.stage("Reading and checking purchases"):
        purchases = open_purchases(config.data)
        report = apply_contract(purchases, config.contract)
        timeline = read_timeline(purchases.connection)
        attributes = read_attributes(purchases.connection)
        purchases.connection.close()
        check_company(timeline)
    return Purchased(report, timeline, attributes, split_windows(report.first, report.last, config.split))


def check_company(timeline: Timeline) -> None:
    """DataError where no order holds two products and no known customer comes back: nothing goes with anything."""
    comes_back = np.diff(timeline.customer_start) > 1
    if timeline.n_lines == timeline.n_orders and not comes_back.any():
        raise DataError(
            "data.orders: expected orders of several products, or customers who come back; "
            f"got {timeline.n_orders} orders of one product each, which teach nothing; "
            "map order_id to what the lines of a basket share, or customer_id"
        )


def learn(purchased: Purchased, config: Config, stages: Stages) -> Learned:
    """Count, factorise, fit the rankers, refresh the tables with the ranker's window, calibrate."""
    timeline, attributes, windows = purchased.timeline, purchased.attributes, purchased.windows
    random = np.random.default_rng(config.seed)
    rank_day, calibrate_day = time_to_day(windows.rank_from), time_to_day(windows.calibrate_from)
    with stages.stage("Counting and factorising for the rankers") as tick:
        early = learn_shop(timeline, attributes, rank_day, config, tick)
    horizon = config.label.horizon_days or early.rhythm.horizon_days
    config = config.model_copy(update={"label": config.label.model_copy(update={"horizon_days": horizon})})
    types, unknown, most = attributes.product_type, len(attributes.product_types), config.ranker.requests
    cases = make_cases(timeline, types, unknown, rank_day, calibrate_day, horizon, most, random)
    if len(cases) < 2:
        raise DataError(
            f"no request can be made of the orders from {windows.rank_from:%Y-%m-%d} "
            f"to {windows.calibrate_from:%Y-%m-%d}: orders of one product and customers who never come back "
            "teach nothing; widen split.rank_days"
        )
    with stages.stage("Fitting the first score") as tick:
        first_weights = learn_first_weights(timeline, cases, early, random, tick)
    with stages.stage("Retrieving and featurising for the rankers") as tick:
        featuriser = Featuriser(early, first_weights)
        own, new = training_matrices(timeline, cases, featuriser, config.ranker.negatives, random, tick)
    recall = recall_by_source(own, new, featuriser.feature_names, len(cases.target.values))
    with stages.stage("Fitting the ranker of own products") as tick:
        own_trees = fit_ranker(own if own.y.sum() >= MIN_POSITIVES else own.beside(new), config, tick)
    with stages.stage("Fitting the ranker of new products") as tick:
        new_trees = fit_ranker(new if new.y.sum() >= MIN_POSITIVES else new.beside(own), config, tick)
    with stages.stage("Counting and factorising for the bundle") as tick:
        tables = learn_shop(timeline, attributes, calibrate_day, config, tick, early.rhythm)
    with stages.stage("Calibrating and certifying") as tick:
        calibrated = calibrate_shop(
            purchased,
            config,
            tables,
            Featuriser(tables, first_weights, (own_trees.table, new_trees.table)),
            random,
            tick,
        )
    return Learned(config, tables, first_weights, featuriser.feature_names, own_trees, new_trees, calibrated, recall)


def calibrate_shop(
    purchased: Purchased,
    config: Config,
    tables: ShopTables,
    featuriser: Featuriser,
    random: np.random.Generator,
    tick: Tick,
) -> Calibrated:
    """Calibration and thresholds from the calibrate window."""
    windows, timeline = purchased.windows, purchased.timeline
    first_day, end_day = time_to_day(windows.calibrate_from), time_to_day(windows.test_from)
    horizon = config.label.horizon_days or tables.rhythm.horizon_days
    attributes = purchased.attributes
    types, unknown, most = attributes.product_type, len(attributes.product_types), config.ranker.requests
    cases = make_cases(timeline, types, unknown, first_day, end_day, horizon, most, random)
    cases = spread_over_units(cases, len(timeline.customer_ids), random)
    if len(cases) < 2:
        raise DataError(
            f"no request can be made of the orders from {windows.calibrate_from:%Y-%m-%d} "
            f"to {windows.test_from:%Y-%m-%d}; widen split.calibrate_days"
        )
    return calibrate(rank_cases(timeline, cases, featuriser, tick), config.thresholds, random)


def write_bundle(
    writer: BundleWriter, purchased: Purchased, learned: Learned, run_id: str | None, stages: Stages
) -> tuple[Recommender, Evaluation | None]:
    """Write every file of the bundle; the evaluation runs the very bytes that are written."""
    timeline, tables, random = purchased.timeline, learned.tables, np.random.default_rng(learned.config.seed)
    product_ids = [timeline.product_ids[code] for code in tables.vocabulary.code.tolist()]
    with stages.stage("Building the scorer"):
        thresholds = {kind: chosen.threshold for kind, chosen in learned.calibrated.thresholds.items()}
        decision = decision_of(learned.own.table, learned.new.table, learned.calibrated.calibration, thresholds)
        model = scorer_model(tables, learned.first_weights, decision, product_ids).SerializeToString()
        writer.add("scorer.onnx", model)
        names = purchased.attributes.names
        writer.add(
            "products.json", as_json({timeline.product_ids[c]: names[c] for c in tables.vocabulary.code.tolist()})
        )
        manifest = make_manifest(purchased.report, purchased.windows, learned, run_id, (OPSET, ML_OPSET))
        recommender = Recommender(Bundle(writer.folder, manifest, model, []), Session(model, "scorer.onnx"))
        writer.add("golden.json", as_json(golden(recommender, tables, product_ids, random)))
    evaluation = None
    if purchased.windows.test_from < purchased.windows.to:
        with stages.stage("Evaluating on the test window"):
            evaluation = evaluate(
                bundle_scorer(recommender, timeline),
                timeline,
                purchased.attributes,
                purchased.windows,
                learned.config,
                show=bundle_shower(recommender, timeline),
                queries=QUERIES,
            )
        manifest["metrics"] = {name: v for name, v in evaluation.metrics().items() if np.isfinite(v)}
    writer.add("CARD.md", render_card(manifest, evaluation.rows if evaluation else []).encode("utf-8"))
    writer.add_manifest(manifest)
    return recommender, evaluation


def golden(
    recommender: Recommender, tables: ShopTables, product_ids: list[str], random: np.random.Generator
) -> dict[str, Any]:
    """Golden requests with this bundle's offers; BundleError where a batch differs from single requests."""
    requests = golden_requests(tables, product_ids, GOLDEN, random)
    answers = [[offer.to_dict() for offer in offers] for offers in recommender.score(requests)]
    alone = [[offer.to_dict() for offer in recommender.score([request])[0]] for request in requests]
    for request, together, single in zip(requests, answers, alone, strict=True):
        if [(o["product_id"], o["kind"]) for o in together] != [(o["product_id"], o["kind"]) for o in single]:
            raise BundleError(
                f"{request['request_id']}: a batch gives other offers than the request alone; not exported"
            )
    return {"requests": requests, "answers": answers}
