"""A bundle evaluated on the test window of its manifest, for the command and for MLflow, and what a run is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.progress import Progress

from mersalg.recommender import Recommender
from mersalg_training.config import Config
from mersalg_training.data.attributes import read_attributes
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.history import read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.split import Windows
from mersalg_training.evaluation.bundle_method import BundleMethod
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.evaluation.run import EvaluationOptions, evaluate
from mersalg_training.report.tracking import log_report
from mersalg_training.tracking.description import describe_run
from mersalg_training.tracking.headline import as_csv, headline
from mersalg_training.tracking.run import EVALUATION, Run
from mersalg_training.tracking.training_run import log_evaluation


@dataclass(frozen=True)
class Evaluated:
    """What was found on which purchases."""

    evaluation: EvaluationResult
    purchases: ContractReport

    def figures(self, manifest: Mapping[str, Any]) -> dict[str, float]:
        """The headline figures."""
        return headline(manifest, self.evaluation)


def evaluate_bundle(
    recommender: Recommender,
    config: Config,
    windows: Windows,
    options: EvaluationOptions,
    progress: Progress | None = None,
) -> Evaluated:
    """Read the purchases and put the bundle to the tasks of its test window."""
    purchases = open_purchases(config.data, config.engine)
    report = apply_contract(purchases, config.contract)
    history, attributes = read_history(purchases.connection), read_attributes(purchases.connection)
    timeline = history.timeline(config.engine.drawn_lines, config.seed)
    report = replace(report, notes=report.notes + history.drawn_note(timeline))
    history.engine.close()
    method = BundleMethod(recommender, timeline)
    return Evaluated(evaluate(method, timeline, attributes, windows, config, options, progress), report)


def log_evaluated(run: Run, recommender: Recommender, result: Evaluated, location: str) -> None:
    """Log an evaluation to a run, and its headline figures to the model of the run that trained the bundle.

    location: of the purchases, as the configuration names them.
    """
    if run.id is None:
        return
    manifest, evaluation, report = recommender.manifest, result.evaluation, result.purchases
    run.set_tags({"mersalg.bundle": manifest["name"], "mersalg.trained_by": manifest["run_id"] or "not tracked"})
    run.log_dataset(manifest["name"], report.digest, location, {"lines": report.lines_kept}, EVALUATION)
    run.use_model_of(manifest["run_id"])
    figures = result.figures(manifest)
    run.log_model_metrics(figures)
    run.describe(describe_run(manifest, figures))
    every = {name: value for name, value in evaluation.metrics().items() if np.isfinite(value)}
    run.log_text("metrics.csv", as_csv(every | figures))
    log_evaluation(run, evaluation, manifest)
    log_report(run, recommender.folder, evaluation)
