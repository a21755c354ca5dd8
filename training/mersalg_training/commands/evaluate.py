"""`mersalg evaluate`: a bundle on the test window, beside the baselines, or on a log of offers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mersalg.errors import MersalgError
from mersalg.recommender import Recommender, load
from mersalg_training.commands.arguments import add_set
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
from mersalg_training.evaluation.run import QUERIES, EvaluationOptions, evaluate
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.progress import results_console
from mersalg_training.tracking.mlflow_run import open_run


def add_command(subparsers: Any) -> None:
    """Add `mersalg evaluate`."""
    parser = subparsers.add_parser(
        "evaluate", help="evaluate a bundle on its test window, beside baselines", description=evaluate_command.__doc__
    )
    parser.set_defaults(handler=evaluate_command)
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    add_set(parser, "over the bundle's configuration, for example data.orders=PATH")
    parser.add_argument("--queries", type=int, default=QUERIES, help=f"most requests of a task (default: {QUERIES})")
    parser.add_argument(
        "--baselines", action="store_true", help="beside every baseline, the two-stage model included; takes minutes"
    )
    parser.add_argument(
        "--restraint", action="store_true", help="also how many carts see an offer at an equal realised precision"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure as JSON")
    add_offers_arguments(parser)


def add_offers_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that speak of logged offers."""
    offers = parser.add_argument_group("on logged offers, instead of the test window")
    offers.add_argument(
        "--offers", metavar="PATH", help="a log of offers shown: a Parquet or CSV file, a glob, a folder"
    )
    offers.add_argument(
        "--positions",
        choices=("same", "any"),
        default="same",
        help="a logged offer speaks for one of the bundle in the same position (default), or in any position by how "
        "often it is looked at",
    )
    offers.add_argument(
        "--among-logged", action="store_true", help="the bundle chooses among the products of the log alone"
    )
    offers.add_argument("--track", action="store_true", help="also log the figures to MLflow, as [tracking] says")


def evaluate_command(args: argparse.Namespace) -> int:
    """Evaluate a bundle on the test window that its manifest names; print tables, log a run, write JSON where asked.

    With --offers it is evaluated on a log of offers instead.
    """
    if args.offers is not None:
        from mersalg_training.commands.evaluate_offers import (  # noqa: PLC0415  # scikit-learn takes a second to import
            evaluate_offers_command,
        )

        return evaluate_offers_command(args)
    if args.queries < 1:
        raise MersalgError(f"--queries: expected a whole number from 1, got {args.queries}")
    recommender = load(args.bundle, threads=THREADS)
    config, windows = bundle_config(recommender.manifest, str(args.bundle), args.overrides)
    with Console(stderr=True).status(f"Reading {config.data.orders}"):
        purchases = open_purchases(config.data)
        report = apply_contract(purchases, config.contract)
        timeline, attributes = read_timeline(purchases.connection), read_attributes(purchases.connection)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        found = evaluate(
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
    console.print(render(found))
    if args.json is not None:
        write_json(args.json, evaluation_document(recommender.manifest, found))
    console.print(f"Run  {log_run(recommender, config, args, found)}", highlight=False)
    return 0


def log_run(recommender: Recommender, config: Config, args: argparse.Namespace, found: Evaluation) -> str:
    """Log the evaluation as a run of its own, tagged with the run that trained the bundle; where it is."""
    from mersalg_training.report.tracking import log_report  # noqa: PLC0415  # it draws by matplotlib
    from mersalg_training.tracking.training_run import log_evaluation  # noqa: PLC0415  # it draws by matplotlib

    manifest = recommender.manifest
    with open_run(config.tracking, f"{config.name}-evaluation") as run:
        run.set_tags({"mersalg.bundle": manifest["name"], "mersalg.trained_by": manifest["run_id"] or "not tracked"})
        run.log_params({"queries": args.queries, "baselines": "all" if args.baselines else "quick"})
        run.log_metrics({name: value for name, value in found.metrics().items() if np.isfinite(value)})
        log_evaluation(run, found, manifest)
        log_report(run, recommender.folder, found)
        return run.where
