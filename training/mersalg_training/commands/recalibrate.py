"""`mersalg recalibrate`: a newer calibration as a new bundle; what is printed, and what MLflow is told."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mersalg_training.commands.arguments import add_window_arguments, asked_by

if TYPE_CHECKING:
    from mersalg_training.config import Config
    from mersalg_training.drift.recalibrate import Recalibrated
    from mersalg_training.tracking.run import Run


def add_command(subparsers: Any) -> None:
    """Add `mersalg recalibrate`."""
    parser = subparsers.add_parser(
        "recalibrate", help="calibrate and certify a bundle anew", description=recalibrate_command.__doc__
    )
    parser.set_defaults(handler=recalibrate_command)
    add_window_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="models/NAME-2", help="folder of the new bundle")


def recalibrate_command(args: argparse.Namespace) -> int:
    """Fit calibration, thresholds and certificate on newer purchases or logged offers, as a new version of a bundle."""
    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg_training.drift.recalibrate import recalibrate  # noqa: PLC0415
    from mersalg_training.evaluation.bundle_method import THREADS  # noqa: PLC0415
    from mersalg_training.export.writer import new_bundle  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.tracking.mlflow_run import open_run  # noqa: PLC0415

    recommender = load(args.bundle, threads=THREADS)
    asked = asked_by(args, recommender)
    config = asked.config
    console = results_console(highlight=False)
    name = f"recalibrate {recommender.manifest['name']}"
    with new_bundle(args.out) as writer, open_run(config.tracking, name, parent=recommender.manifest["run_id"]) as run:
        made = recalibrate(recommender, writer, asked, args.offers, run.id, Stages(console))
        log_recalibrated(run, made, config)
        registered = run.log_bundle(args.out, config.tracking.registered_model or config.name)
    for line in recalibrated_lines(made):
        console.print(line, markup=False)
    console.print(f"Bundle      {made.bundle}\nRun         {run.where}")
    if registered is not None:
        console.print(f"Registered  {registered.uri} (alias challenger)")
    return 0


def recalibrated_lines(made: Recalibrated) -> list[str]:
    """What changed, a line for each kind."""
    from mersalg_training.drift.recalibrate import changes  # noqa: PLC0415

    lines = [f"Note: {note}" for note in made.evidence.notes]
    for kind, before, now, was, certified in changes(made):
        old, new = ("silent" if value is None else f"{value:.4f}" for value in (before, now))
        told = "certified" if certified else "not certified"
        lines.append(f"{kind:<14} threshold {old} -> {new}, {'certified' if was else 'not certified'} -> {told}")
    return lines


def log_recalibrated(run: Run, made: Recalibrated, config: Config) -> None:
    """Tell MLflow where the new version comes from, and the reliability of its certifying half."""
    import numpy as np  # noqa: PLC0415

    from mersalg.bundle import read_bundle  # noqa: PLC0415
    from mersalg_training.config import flat  # noqa: PLC0415
    from mersalg_training.evaluation.latency import median_latency_ms  # noqa: PLC0415
    from mersalg_training.json_values import as_json  # noqa: PLC0415
    from mersalg_training.plots import evaluation as plots  # noqa: PLC0415
    from mersalg_training.tracking.description import describe_run  # noqa: PLC0415
    from mersalg_training.tracking.headline import as_csv, headline  # noqa: PLC0415
    from mersalg_training.tracking.training_run import threshold_metrics  # noqa: PLC0415

    if run.id is None:
        return
    lineage, rows = made.manifest["lineage"], made.calibrated.certifying
    run.set_tags({"mersalg.parent_manifest_sha256": lineage["parent"]["manifest_sha256"]})
    run.log_dataset(
        str(made.manifest["name"]),
        lineage["data_digest"],
        str(made.manifest["config"]["data"]["orders"]),
        {"offers": lineage["offers"], "requests": lineage["requests"]},
    )
    run.log_text("lineage.json", as_json(lineage).decode())
    bundle = read_bundle(made.bundle)
    figures = headline(bundle.manifest, None, median_latency_ms(bundle))
    run.log_params(flat(config))
    run.start_model(str(made.manifest["name"]))
    run.log_model_metrics(figures)
    run.describe(describe_run(bundle.manifest, figures))
    run.log_text("metrics.csv", as_csv(threshold_metrics(made.calibrated) | figures))
    relevance = rows.relevance.astype(np.float64)
    run.log_figure("plots/reliability.png", plots.reliability(relevance, rows.label > 0.5, rows.kind))
