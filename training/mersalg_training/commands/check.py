"""`mersalg check`: a bundle beside what happened since; what is printed, and what MLflow is told."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mersalg_training.commands.arguments import add_window_arguments, asked_by
from mersalg_training.commands.output import write_text

if TYPE_CHECKING:
    from mersalg_training.drift.result import Check
    from mersalg_training.tracking.run import Run


def add_command(subparsers: Any) -> None:
    """Add `mersalg check`."""
    parser = subparsers.add_parser(
        "check", help="compare a bundle with what happened since", description=check_command.__doc__
    )
    parser.set_defaults(handler=check_command)
    add_window_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="also write a page with plots")


def check_command(args: argparse.Namespace) -> int:
    """Compare a bundle with what happened since: exit status 0 keeps it, 3 asks to recalibrate, 4 to train anew."""
    from rich.console import Console  # noqa: PLC0415

    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg_training.drift.check import check_bundle  # noqa: PLC0415
    from mersalg_training.drift.render import render  # noqa: PLC0415
    from mersalg_training.drift.rules import EXIT_STATUS  # noqa: PLC0415
    from mersalg_training.evaluation.bundle_method import THREADS  # noqa: PLC0415
    from mersalg_training.json_values import as_json  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.report.check_page import render_check  # noqa: PLC0415
    from mersalg_training.tracking.mlflow_run import open_run  # noqa: PLC0415

    recommender = load(args.bundle, threads=THREADS)
    asked = asked_by(args, recommender)
    with open_run(
        asked.config.tracking, f"check {recommender.manifest['name']}", parent=recommender.manifest["run_id"]
    ) as run:
        check = check_bundle(recommender, asked, args.offers, Stages(Console(stderr=True)))
        log_check(run, check, str(args.bundle))
    if args.report is not None:
        write_text(args.report, render_check(check), "--report")
    if args.json:
        print(as_json(check.to_json()).decode(), end="")
    else:
        results_console(highlight=False).print(render(check))
    return EXIT_STATUS[check.decision]


def log_check(run: Run, check: Check, bundle: str) -> None:
    """Tell MLflow the figures and the pictures of a check; nothing is drawn for a run that is not tracked."""
    from mersalg_training.json_values import as_json  # noqa: PLC0415
    from mersalg_training.plots import drift as plots  # noqa: PLC0415
    from mersalg_training.report.check_page import render_check  # noqa: PLC0415

    if run.id is None:
        return
    run.log_params({"bundle": bundle, "since": f"{check.since:%Y-%m-%d}", "until": f"{check.until:%Y-%m-%d}"})
    run.set_tags({"mersalg.decision": check.decision, "mersalg.manifest_sha256": check.manifest_sha256})
    run.log_metrics(check.metrics())
    run.log_text("check.json", as_json(check.to_json()).decode())
    run.log_text("check.html", render_check(check))
    run.log_figure("plots/reliability.png", plots.reliability_then_and_now(check.kinds))
    run.log_figure("plots/shifts.png", plots.shifts(check.shifts))
