"""`mersalg evaluate NAME`: the bundle put to the tasks of its test window, the figures printed and kept."""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mersalg.recommender import Recommender, load
from mersalg_training.commands.output import write_json
from mersalg_training.config import Config
from mersalg_training.data.attributes import read_attributes
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases
from mersalg_training.data.timeline import read_timeline
from mersalg_training.evaluation.bundle_method import THREADS, BundleMethod
from mersalg_training.evaluation.file import evaluation_document
from mersalg_training.evaluation.render import render
from mersalg_training.evaluation.result import Evaluation
from mersalg_training.evaluation.run import EvaluationOptions, evaluate
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.progress import results_console
from mersalg_training.report.tracking import log_report
from mersalg_training.tracking.mlflow_run import open_run
from mersalg_training.tracking.training_run import log_evaluation


def evaluate_window_command(args: argparse.Namespace) -> int:
    """Evaluate a bundle on the test window that its manifest names."""
    recommender = load(args.bundle, threads=THREADS)
    config, windows = bundle_config(recommender.manifest, str(args.bundle), args.overrides)
    with Console(stderr=True).status(f"Reading {config.data.orders}"):
        purchases = open_purchases(config.data, config.engine)
        report = apply_contract(purchases, config.contract)
        timeline, attributes = read_timeline(purchases.connection), read_attributes(purchases.connection)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        result = evaluate(
            BundleMethod(recommender, timeline),
            timeline,
            attributes,
            windows,
            config,
            EvaluationOptions(args.queries, every_baseline=args.baselines, coverage_at_precision=args.restraint),
            progress,
        )
    console = results_console()
    if report.digest != recommender.manifest["data"]["digest"]:
        console.print("Note  these are not the purchases that the bundle was trained on (the digests differ)")
    console.print(render(result))
    if args.json is not None:
        write_json(args.json, evaluation_document(recommender.manifest, result))
    console.print(f"Run  {log_run(recommender, config, args, result)}", highlight=False)
    return 0


def log_run(recommender: Recommender, config: Config, args: argparse.Namespace, evaluation: Evaluation) -> str:
    """Log the evaluation as a run of its own, tagged with the run that trained the bundle; where it is."""
    manifest = recommender.manifest
    with open_run(config.tracking, f"{config.name}-evaluation") as run:
        run.set_tags({"mersalg.bundle": manifest["name"], "mersalg.trained_by": manifest["run_id"] or "not tracked"})
        run.log_params({"queries": args.queries, "baselines": "all" if args.baselines else "quick"})
        run.log_metrics({name: value for name, value in evaluation.metrics().items() if np.isfinite(value)})
        log_evaluation(run, evaluation, manifest)
        log_report(run, recommender.folder, evaluation)
        return run.where
