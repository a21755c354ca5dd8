"""`mersalg check` and `mersalg recalibrate`: their arguments, what they print, and what they tell MLflow."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mersalg.errors import MersalgError

if TYPE_CHECKING:
    from mersalg.recommender import Recommender
    from mersalg_training.drift.newer import Asked
    from mersalg_training.drift.recalibrate import Recalibrated
    from mersalg_training.drift.result import Check
    from mersalg_training.tracking.mlflow_run import Run


def add_window_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that both commands share."""
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    parser.add_argument("--orders", metavar="PATH", help="orders up to now, earlier ones too (default: the bundle's)")
    parser.add_argument("--products", metavar="PATH", help="the catalogue of now (default: the bundle's)")
    parser.add_argument("--offers", metavar="PATH", help="offers shown, whose acceptance then counts as the outcome")
    parser.add_argument("--since", metavar="DAY", help="first day that is looked at (default: where its data end)")
    parser.add_argument("--until", metavar="DAY", help="the day after the last one (default: after the last order)")
    parser.add_argument("--requests", type=int, metavar="N", help="most requests (default: the bundle's own)")
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        action="append",
        default=[],
        help="set a key over the bundle's own configuration, for example tracking.enabled=false",
    )


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mersalg check`."""
    add_window_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="also write a page with plots")


def add_recalibrate_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mersalg recalibrate`."""
    add_window_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="models/NAME-2", help="folder of the new bundle")


def asked_by(args: argparse.Namespace, recommender: Recommender) -> Asked:
    """What the arguments ask for."""
    from mersalg_training.drift.newer import asked_of  # noqa: PLC0415

    return asked_of(
        recommender.manifest,
        str(args.bundle),
        args.orders,
        args.products,
        args.overrides,
        args.since,
        args.until,
        args.requests,
    )


def check_command(args: argparse.Namespace) -> int:
    """Compare a bundle with what happened since: exit status 0 keeps it, 3 asks to recalibrate, 4 to train anew."""
    from rich.console import Console  # noqa: PLC0415

    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg_training.drift.check import check_bundle  # noqa: PLC0415
    from mersalg_training.drift.page import render_page  # noqa: PLC0415
    from mersalg_training.drift.rules import EXIT_STATUS  # noqa: PLC0415
    from mersalg_training.evaluation.bundle_method import THREADS  # noqa: PLC0415
    from mersalg_training.export.writer import as_json  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.tracking.mlflow_run import open_run  # noqa: PLC0415

    recommender = load(args.bundle, threads=THREADS)
    asked = asked_by(args, recommender)
    with open_run(asked.config.tracking, f"check {recommender.manifest['name']}") as run:
        check = check_bundle(recommender, asked, args.offers, Stages(Console(stderr=True)))
        log_check(run, check, str(args.bundle))
    if args.report is not None:
        write_text(args.report, render_page(check), "--report")
    if args.json:
        print(as_json(check.to_json()).decode(), end="")
    else:
        results_console(highlight=False).print(check.render())
    return EXIT_STATUS[check.decision]


def log_check(run: Run, check: Check, bundle: str) -> None:
    """Tell MLflow the figures and the pictures of a check; nothing is drawn for a run that is not tracked."""
    from mersalg_training.drift.page import render_page  # noqa: PLC0415
    from mersalg_training.export.writer import as_json  # noqa: PLC0415
    from mersalg_training.plots import drift as plots  # noqa: PLC0415

    if run.id is None:
        return
    run.log_params({"bundle": bundle, "since": f"{check.since:%Y-%m-%d}", "until": f"{check.until:%Y-%m-%d}"})
    run.set_tags({"mersalg.decision": check.decision, "mersalg.manifest_sha256": check.manifest_sha256})
    run.log_metrics(check.metrics())
    run.log_text("check.json", as_json(check.to_json()).decode())
    run.log_text("check.html", render_page(check))
    run.log_figure("plots/reliability.png", plots.reliability_then_and_now(check.kinds))
    run.log_figure("plots/shifts.png", plots.shifts(check.shifts))


def recalibrate_command(args: argparse.Namespace) -> int:
    """Fit calibration, thresholds and certificate on newer purchases or logged offers, as a new version of a bundle."""
    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg_training.drift.recalibrate import recalibrate  # noqa: PLC0415
    from mersalg_training.evaluation.bundle_method import THREADS  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.tracking.mlflow_run import open_run  # noqa: PLC0415

    recommender = load(args.bundle, threads=THREADS)
    asked = asked_by(args, recommender)
    config = asked.config
    console = results_console(highlight=False)
    with open_run(config.tracking, f"recalibrate {recommender.manifest['name']}") as run:
        made = recalibrate(recommender, args.out, asked, args.offers, run.id, Stages(console))
        log_recalibrated(run, made)
        registered = run.log_bundle(args.out, config.tracking.registered_model or config.name)
    for line in recalibrated_lines(made):
        console.print(line)
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


def log_recalibrated(run: Run, made: Recalibrated) -> None:
    """Tell MLflow where the new version comes from, and the reliability of its certifying half."""
    import numpy as np  # noqa: PLC0415

    from mersalg_training.export.writer import as_json  # noqa: PLC0415
    from mersalg_training.plots import evaluation as plots  # noqa: PLC0415

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
    for kind, chosen in made.calibrated.thresholds.items():
        values = {"threshold": chosen.threshold, "precision_realised": chosen.precision, "offers": chosen.offers}
        known = {name: float(v) for name, v in values.items() if v is not None and np.isfinite(v)}
        run.log_metrics({f"threshold/{kind}/{name}": v for name, v in known.items()})
        run.log_metrics({f"threshold/{kind}/certified": float(chosen.certified)})
    relevance = rows.relevance.astype(np.float64)
    run.log_figure("plots/reliability.png", plots.reliability(relevance, rows.bought > 0.5, rows.kind))


def write_text(path: Path, text: str, option: str) -> None:
    """Write a file; MersalgError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MersalgError(f"{option} {path}: cannot be written: {error.strerror}") from None
