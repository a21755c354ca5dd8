"""`mersalg evaluate NAME`: the bundle put to the tasks of its test window, the figures printed and kept."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mersalg.recommender import load
from mersalg_training.commands.output import write_json
from mersalg_training.evaluation.bundle_method import THREADS
from mersalg_training.evaluation.file import evaluation_document
from mersalg_training.evaluation.render import render
from mersalg_training.evaluation.run import EvaluationOptions
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.progress import results_console
from mersalg_training.report.evaluated import evaluate_bundle, log_evaluated
from mersalg_training.tracking.mlflow_run import open_run


def evaluate_window_command(args: argparse.Namespace) -> int:
    """Evaluate a bundle on the test window that its manifest names."""
    recommender = load(args.bundle, threads=THREADS)
    manifest = recommender.manifest
    config, windows = bundle_config(manifest, str(args.bundle), args.overrides)
    options = EvaluationOptions(args.queries, every_baseline=args.baselines, coverage_at_precision=args.restraint)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        result = evaluate_bundle(recommender, config, windows, options, progress)
    console = results_console()
    if result.purchases.digest != manifest["data"]["digest"]:
        console.print("Note  these are not the purchases that the bundle was trained on (the digests differ)")
    console.print(render(result.evaluation))
    if args.json is not None:
        write_json(args.json, evaluation_document(manifest, result.evaluation))
        page = f"mersalg report {args.bundle} --evaluation {args.json} --out report.html"
        console.print(f"Figures  {args.json}; `{page}` shows them", highlight=False, markup=False, soft_wrap=True)
    with open_run(config.tracking, f"{config.name}-evaluation", parent=manifest["run_id"]) as run:
        run.log_params({"queries": args.queries, "baselines": "all" if args.baselines else "quick"})
        log_evaluated(run, recommender, result, config.data.orders)
        console.print(f"Run  {run.where}", highlight=False)
    return 0
