"""`mersalg update`: new orders added to a bundle's state; what is printed, and what MLflow is told."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mersalg_training.commands.arguments import add_set

if TYPE_CHECKING:
    from mersalg_training.config import Config
    from mersalg_training.tracking.run import Run
    from mersalg_training.update.job import Updated


def add_command(subparsers: Any) -> None:
    """Add `mersalg update`."""
    parser = subparsers.add_parser(
        "update", help="add new orders to a bundle's counts", description=update_command.__doc__
    )
    parser.set_defaults(handler=update_command)
    parser.add_argument("bundle", type=Path, metavar="models/NAME", help="trained with update.keep=true")
    parser.add_argument("--orders", metavar="PATH", help="new orders, each whole; one of a known id replaces that")
    parser.add_argument("--products", metavar="PATH", help="the catalogue of now (default: the bundle's)")
    parser.add_argument("--forget", type=Path, metavar="FILE", help="customers to take out, one id a line")
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="of the bundle (default: models/NAME.state)")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="models/NAME-2",
        help="the new bundle's folder; may be the old one's",
    )
    add_set(parser, "over the bundle's configuration, for example tracking.enabled=false")


def update_command(args: argparse.Namespace) -> int:
    """Add new orders to what a training job kept: tables and calibration of today, with the trees as they are.

    Before it learns from them, the bundle scores requests that are made of the new orders. What came of those is what
    the new bundle is calibrated and certified on; the oldest days make room for them.
    """
    from mersalg.bundle import read_bundle  # noqa: PLC0415
    from mersalg_training.export.writer import new_bundle  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.tracking.mlflow_run import open_run  # noqa: PLC0415
    from mersalg_training.update.job import UpdateRequest, config_of, update  # noqa: PLC0415

    forget = [] if args.forget is None else read_ids(args.forget)
    asked = UpdateRequest(args.bundle, args.orders, args.products, forget, args.state, args.overrides)
    manifest = read_bundle(args.bundle).manifest
    config, _ = config_of(asked, manifest)
    console = results_console(highlight=False)
    stages, name = Stages(console), f"update {manifest['name']}"
    with new_bundle(args.out) as writer, open_run(config.tracking, name, parent=manifest["run_id"]) as run:
        made = update(asked, writer, run.id, stages)
        log_updated(run, made, config)
        registered = run.log_bundle(args.out, config.tracking.registered_model or config.name)
    for line in updated_lines(made, stages.seconds):
        console.print(line, markup=False)
    console.print(f"Bundle      {made.bundle}\nRun         {run.where}")
    if registered is not None:
        console.print(f"Registered  {registered.uri} (alias challenger)")
    return 0


def read_ids(path: Path) -> list[str]:
    """The lines of a file but empty ones. DataError where it cannot be read, or holds none."""
    from mersalg.errors import DataError  # noqa: PLC0415

    try:
        ids = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--forget {path}: expected a text file of customers' ids, got {error}") from None
    if not ids:
        raise DataError(f"--forget {path}: expected at least one customer's id, got none")
    return ids


def updated_lines(made: Updated, seconds: dict[str, float]) -> list[str]:
    """What was added, why it was counted anew, and what it took beside the training."""
    added, took = made.added, sum(seconds.values())
    told = [f"Added       {added.lines:,} order lines of {added.orders:,} orders from {added.since} on"]
    if added.late:
        told.append(f"Late        {added.late:,} of them are of days that had been counted")
    if added.replaced or added.known:
        told.append(f"Known ids   {added.replaced:,} orders replaced, {added.known:,} already kept just so")
    if added.forgotten:
        told.append(f"Forgotten   {added.forgotten:,} customers; the state of the earlier bundle still holds them")
    if made.recounted is not None:
        told.append(f"Recounted   {made.recounted}")
    share = took / made.training_seconds if made.training_seconds else float("nan")
    told.append(f"Took        {took:.1f} s; the training took {made.training_seconds:.1f} s ({share:.0%})")
    return [*told, *calibration_lines(made)]


def calibration_lines(made: Updated) -> list[str]:
    """What calibration and certificates are of."""
    rolled, certificates = made.rolled, made.manifest["certificates"]
    kinds = ", ".join(certificate["kind"] for certificate in certificates) or "none"
    waiting = f"{rolled.waiting:,} wait for what comes of them"
    if rolled.stays_because is None:
        days = f"{rolled.first:%Y-%m-%d} to before {rolled.end:%Y-%m-%d}"
        of_which = f"{rolled.requests:,} requests from {days}, {rolled.new:,} of them new; {waiting}"
        return [f"Calibrated  on {of_which}", f"Certificate {kinds}, on the same requests"]
    until = max((certificate["to"] for certificate in certificates), default=None)
    of_when = "" if until is None else f", of requests up to {until[:10]}; newer: mersalg recalibrate"
    return [f"Calibration the parent's: {rolled.stays_because}; {waiting}", f"Certificate {kinds}{of_when}"]


def log_updated(run: Run, made: Updated, config: Config) -> None:
    """Tell MLflow where the new version comes from."""
    from mersalg.bundle import read_bundle  # noqa: PLC0415
    from mersalg_training.config import flat  # noqa: PLC0415
    from mersalg_training.evaluation.latency import median_latency_ms  # noqa: PLC0415
    from mersalg_training.json_values import as_json  # noqa: PLC0415
    from mersalg_training.tracking.description import describe_run  # noqa: PLC0415
    from mersalg_training.tracking.headline import headline  # noqa: PLC0415

    if run.id is None:
        return
    lineage, manifest = made.manifest["lineage"], made.manifest
    run.set_tags({"mersalg.parent_manifest_sha256": lineage["parent"]["manifest_sha256"]})
    figures = {key: float(value) for key, value in lineage["added"].items() if key != "since"}
    run.log_dataset(str(manifest["name"]), lineage["data_digest"], str(manifest["config"]["data"]["orders"]), figures)
    run.log_text("lineage.json", as_json(lineage).decode())
    bundle = read_bundle(made.bundle)
    figures = headline(bundle.manifest, None, median_latency_ms(bundle))
    run.log_params(flat(config))
    run.start_model(str(manifest["name"]))
    run.log_model_metrics(figures)
    run.describe(describe_run(bundle.manifest, figures))
