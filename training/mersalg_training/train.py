"""The training job: purchases in, a verified, tracked bundle out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console

from mersalg.bundle import Bundle, read_bundle
from mersalg.bundle.onnx.graph import ML_OPSET, OPSET
from mersalg.recommender import Recommender
from mersalg.session import Session
from mersalg_training.config import Config
from mersalg_training.data.timeline import Timeline
from mersalg_training.drift.reference import training_reference
from mersalg_training.evaluation.bundle_method import THREADS, BundleMethod
from mersalg_training.evaluation.file import NAME as EVALUATION
from mersalg_training.evaluation.file import evaluation_document
from mersalg_training.evaluation.latency import median_latency_ms
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.evaluation.run import EvaluationOptions, evaluate
from mersalg_training.export.card import render_card
from mersalg_training.export.golden import golden
from mersalg_training.export.manifest import make_manifest
from mersalg_training.export.patterns import NAME as PATTERNS
from mersalg_training.export.writer import BundleWriter, new_bundle
from mersalg_training.graph.decide import decision_of
from mersalg_training.graph.scorer import scorer_model
from mersalg_training.json_values import as_json
from mersalg_training.learn import Learned, Purchased, learn, read_purchases, timed_requests, work_of
from mersalg_training.limits.budget import Budget
from mersalg_training.limits.gauges import MEASURED, Gauges
from mersalg_training.limits.result import LIMITS, LimitsTold
from mersalg_training.logged_offers.reader import LoggedOffersReader
from mersalg_training.off_policy.learned_acceptance import learn_acceptance
from mersalg_training.progress import Stages
from mersalg_training.report.tracking import log_report
from mersalg_training.tables.patterns import patterns_of
from mersalg_training.tracking.mlflow_run import open_run
from mersalg_training.tracking.run import RegisteredBundle
from mersalg_training.tracking.training_run import log_job
from mersalg_training.update.keeping import Keeping, kept_for_updates

QUERIES = 500
"""Requests of a task when a training job evaluates itself; `mersalg evaluate --queries` takes more."""


@dataclass(frozen=True)
class Trained:
    """Where a job's results are."""

    bundle: Path
    run: str
    registered: RegisteredBundle | None
    evaluation: EvaluationResult | None
    seconds: dict[str, float]
    limits: LimitsTold | None = None
    """How they were kept; None where none was given."""


def train(config: Config, out: Path, console: Console, gauges: Gauges = MEASURED) -> Trained:
    """Run a job. ConfigError, DataError or BundleError say what does not hold; nothing half-written stays."""
    budget = Budget(config.limits, partial(console.print, highlight=False, markup=False), gauges)
    stages = Stages(console, budget.stage_ended)
    config = budget.bounded(config)
    with (
        new_bundle(out) as writer,
        kept_for_updates(config, out) as kept,
        open_run(config.tracking, config.name) as run,
    ):
        log = LoggedOffersReader(config)
        purchased = read_purchases(config, stages, read_beside(log if config.data.offers else None, kept))
        console.print(purchased.report.render())
        config = budget.planned(config, work_of(purchased, config, QUERIES))
        learned, acceptance = learn(purchased, config, stages, budget), None
        if log.offers is not None and log.report is not None:
            console.print(log.report.render())
            learned, acceptance = learn_acceptance(purchased, learned, log.offers, stages)
            for line in acceptance.lines():
                console.print(line, highlight=False)
        if kept is not None:
            kept.write(purchased, learned, sum(stages.seconds.values()), stages)
        purchased.history.engine.close()  # others wait for a cluster's workers
        for sentence in learned.fitted.statistics.sentences():
            console.print(sentence, highlight=False)
        for adaptation in learned.fitted.adapted:
            console.print(f"Adapted  {adaptation.sentence()}", highlight=False)
        recommender, evaluation = write_bundle(writer, purchased, learned, run.id, stages, budget, kept)
        with stages.stage("Loading the bundle as a shop does"):
            latency_ms = median_latency_ms(read_bundle(writer.folder))
        log_job(run, purchased.report, learned, evaluation, recommender.manifest, stages.seconds, latency_ms)
        if acceptance is not None:
            run.log_text("acceptance.json", as_json(acceptance.to_json()).decode())
        run.log_text(PATTERNS, (writer.folder / PATTERNS).read_text("utf-8"))
        log_report(run, writer.folder, evaluation)
        with nullcontext() if kept is None else kept.writer.committed():
            writer.put_in_place()
        with stages.stage("Registering the bundle"):
            registered = run.log_bundle(out, config.tracking.registered_model or config.name)
        return Trained(out, run.where, registered, evaluation, stages.seconds, budget.result())


def read_beside(
    log: LoggedOffersReader | None, kept: Keeping | None
) -> Callable[[duckdb.DuckDBPyConnection, Timeline], None]:
    """What else is read while the checked purchases are in their database."""

    def read(connection: duckdb.DuckDBPyConnection, timeline: Timeline) -> None:
        if log is not None:
            log.read(connection, timeline)
        if kept is not None:
            kept.read(connection)

    return read


def write_bundle(
    writer: BundleWriter,
    purchased: Purchased,
    learned: Learned,
    run_id: str | None,
    stages: Stages,
    budget: Budget,
    kept: Keeping | None = None,
) -> tuple[Recommender, EvaluationResult | None]:
    """Write every file of the bundle; the evaluation runs the very bytes that are written."""
    timeline, tables, random = purchased.timeline, learned.tables, np.random.default_rng(learned.fitted.config.seed)
    product_ids = [timeline.product_ids[code] for code in tables.vocabulary.code.tolist()]
    with stages.stage("Building the scorer"):
        thresholds = {kind: chosen.threshold for kind, chosen in learned.calibrated.thresholds.items()}
        decision = decision_of(learned.fitted.rankers.tables, learned.calibrated.calibration, thresholds)
        model = scorer_model(tables, learned.fitted.first_weights, decision, product_ids).SerializeToString()
        writer.add("scorer.onnx", model)
        names = purchased.attributes.names
        writer.add(
            "products.json", as_json({timeline.product_ids[c]: names[c] for c in tables.vocabulary.code.tolist()})
        )
        writer.add(PATTERNS, as_json(patterns_of(tables, purchased.attributes, product_ids).model_dump()))
        manifest = make_manifest(purchased.report, purchased.windows, learned, run_id, (OPSET, ML_OPSET))
        manifest["reference"] = training_reference(purchased, learned)
        if purchased.drawn:
            manifest["data"]["drawn"] = " ".join(purchased.drawn)
        manifest["files"] = writer.files
        recommender = Recommender(
            Bundle(writer.folder, manifest, model, []), Session(model, "scorer.onnx"), threads=THREADS
        )
        writer.add("golden.json", as_json(golden(recommender, tables, product_ids, random)))
    evaluation = None
    if purchased.windows.test_from < purchased.windows.to:
        with stages.stage("Evaluating on the test window"):
            evaluation = evaluate(
                BundleMethod(recommender, timeline),
                timeline,
                purchased.attributes,
                purchased.windows,
                learned.fitted.config,
                EvaluationOptions(queries=budget.queries(QUERIES)),
            )
        manifest["metrics"] = {name: v for name, v in evaluation.metrics().items() if np.isfinite(v)}
        writer.add(EVALUATION, as_json(evaluation_document(manifest, evaluation)))
    if budget.limits.milliseconds is not None:
        with stages.stage("Timing answers of the bundle"):
            budget.shipped(recommender, timed_requests(purchased, learned.fitted.config))
    if (limits := budget.result()) is not None:
        manifest[LIMITS] = limits.to_json()
    if kept is not None:
        manifest["state"] = {"sha256": kept.writer.digest}
    writer.add("CARD.md", render_card(manifest, evaluation.rows if evaluation else []).encode("utf-8"))
    writer.add_manifest(manifest)
    return recommender, evaluation
