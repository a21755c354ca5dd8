"""`mersalg uplift`: the arguments, and what is read, printed, written and logged."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from mersalg.errors import ConfigError, DataError
from mersalg_training.commands.arguments import add_set

EPILOG: Final = """\
Only what was assigned by chance tells what offers add. Status 1: the arms do not have the sizes
that were drawn, or --aa found another fault, so that no figure can be believed.

examples:
  mersalg uplift --orders orders.parquet --offers exposures.jsonl --products products.csv
  mersalg uplift --config configs/shop.toml --offers exposures.jsonl --window-days 28 --out uplift
  mersalg uplift --orders orders.parquet --offers exposures.jsonl --aa
  mersalg uplift --orders orders.csv --offers offers.parquet --control champion --shares champion=0.5,challenger=0.5
"""


def add_command(subparsers: Any) -> None:
    """Add `mersalg uplift`."""
    parser = subparsers.add_parser(
        "uplift",
        help="what offers add, measured against a hold-out",
        description=uplift_command.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=uplift_command)
    parser.add_argument("--orders", metavar="PATH", help="order lines, as in a configuration's data.orders")
    parser.add_argument(
        "--offers",
        required=True,
        metavar="PATH",
        help="the exposure record: .jsonl (or a folder of them), .parquet or .csv",
    )
    parser.add_argument("--products", metavar="PATH", help="the catalogue, whose `cost` gives the margin")
    parser.add_argument("--config", type=Path, metavar="configs/NAME.toml", help="a job whose [data] is read")
    add_set(parser, "over the configuration, for example data.columns.customer_id=household_id")
    parser.add_argument("--experiment", metavar="NAME", help="which one, where the record holds several")
    parser.add_argument("--unit", default="customer", choices=("customer", "order"), help="what was assigned")
    parser.add_argument("--control", default="hold-out", metavar="ARM", help="compared with (default: hold-out)")
    parser.add_argument("--shares", metavar="ARM=SHARE,...", help="what was drawn (default: the record's propensity)")
    parser.add_argument("--window-days", type=float, default=30.0, metavar="DAYS", help="of an outcome (default: 30)")
    parser.add_argument("--before-days", type=float, default=90.0, metavar="DAYS", help="for CUPED (default: 90)")
    parser.add_argument(
        "--attribution-days", type=float, default=7.0, metavar="DAYS", help="an offer is taken within (default: 7)"
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="of every interval (default: 0.95)")
    parser.add_argument(
        "--planned-units", type=int, default=10_000, metavar="N",
        help="where the always-valid intervals are at their tightest; chosen before the first look (default: 10000)",
    )  # fmt: skip
    parser.add_argument(
        "--detect", type=float, default=0.02, metavar="SHARE", help="relative effect to plan for (default: 0.02)"
    )
    parser.add_argument(
        "--aa", action="store_true", help="check the trial itself instead: who, when, alike before, A/A"
    )
    parser.add_argument("--json", action="store_true", help="with --aa: print one JSON object instead of a table")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write uplift.json, uplift.md and plots")
    parser.add_argument(
        "--labelled", type=Path, metavar="FILE.parquet", help="write the record with `accepted` filled in, to train on"
    )


def uplift_command(args: argparse.Namespace) -> int:
    """Measure what offers add: hold-out against arms, with intervals, CUPED and a check of the sample ratio."""
    from rich.console import Console  # noqa: PLC0415

    from mersalg_training.data.contract import apply_contract  # noqa: PLC0415
    from mersalg_training.data.purchases import open_purchases  # noqa: PLC0415
    from mersalg_training.json_values import finite  # noqa: PLC0415
    from mersalg_training.progress import results_console  # noqa: PLC0415
    from mersalg_training.tracking.mlflow_run import open_run  # noqa: PLC0415
    from mersalg_training.uplift.analysis import analyse  # noqa: PLC0415
    from mersalg_training.uplift.labels import write_labelled  # noqa: PLC0415
    from mersalg_training.uplift.outcomes import tell_margin, tie_orders  # noqa: PLC0415
    from mersalg_training.uplift.record import MAX_CROSSED, read_record  # noqa: PLC0415
    from mersalg_training.uplift.render import render, render_check  # noqa: PLC0415
    from mersalg_training.uplift.report import log_uplift, write_report  # noqa: PLC0415
    from mersalg_training.uplift.trial_check import check_trial  # noqa: PLC0415

    check_options(args)
    options, config = read_options(args), read_config(args)
    with Console(stderr=True).status(f"Reading {config.data.orders}"):
        purchases = open_purchases(config.data, config.engine)
        contract = apply_contract(purchases, config.contract, keep_judged=True)
        if args.unit == "customer" and not contract.customers:
            raise DataError("data.orders: no line has a customer_id; map it, or assign orders and give --unit order")
        record = read_record(
            purchases.connection,
            args.offers,
            config.data.columns,
            args.unit,
            args.experiment,
            config.data.encoding,
            1.0 if args.aa else MAX_CROSSED,
        )
        notes = record.notes + tie_orders(purchases.connection, record)
        has_cost = "cost" in purchases.products
    if args.aa:
        with Console(stderr=True).status("Checking"):
            found = check_trial(purchases.connection, record, options, config.seed)
        if args.json:
            print(json.dumps(finite(found.to_json())))
        else:
            results_console().print(render_check(found))
        return 0 if found.is_sound else 1
    with Console(stderr=True).status("Comparing"):
        result = analyse(purchases.connection, record, options, has_cost)
    notes.append(tell_margin(purchases.connection) if has_cost else "no cost: margins are not told")
    result.notes.extend(notes)
    console = results_console()
    console.print(render(result))
    if args.labelled is not None:
        rows = write_labelled(purchases.connection, args.labelled, options.attribution_days)
        console.print(f"Record      {rows:,} rows with `accepted` -> {args.labelled}")
    if args.out is not None:
        write_report(result, args.out)
        console.print(f"Report      {args.out}")
    with open_run(config.tracking, f"uplift {result.experiment or config.name}") as run:
        log_uplift(run, result, {"orders": config.data.orders, "offers": args.offers}, contract.digest)
        console.print(f"Run         {run.where}")
    return 1 if result.ratio.mismatch else 0


def check_options(args: argparse.Namespace) -> None:
    """ConfigError where options do not go together."""
    if args.json and not args.aa:
        raise ConfigError("--json: prints what --aa finds; give both, or --out FOLDER for uplift.json")
    if args.aa and (unused := [name for name in ("out", "labelled") if getattr(args, name) is not None]):
        raise ConfigError(f"--{unused[0]}: --aa writes no file; leave one of the two out")


def read_config(args: argparse.Namespace) -> Any:
    """The configuration with --orders and --products laid over it; without a file one of their own."""
    from mersalg_training.config import lay_over, load_config, parse_config  # noqa: PLC0415

    given = {"data.orders": args.orders, "data.products": args.products}
    if args.config is None and args.orders is None:
        raise ConfigError("expected --orders PATH, or --config with a job that names its orders")
    tables: dict[str, Any] = {"name": "uplift", "data": {}}
    if args.config is not None:
        tables = load_config(args.config, args.overrides).model_dump(exclude_unset=True)
    for override in args.overrides:
        lay_over(tables, override)
    for key, value in given.items():
        if value is not None:
            tables["data"][key.split(".")[1]] = value
    return parse_config(tables, str(args.config or "--orders"))


def read_options(args: argparse.Namespace) -> Any:
    """What is asked, checked; ConfigError names the argument."""
    from mersalg_training.uplift.result import Options  # noqa: PLC0415

    for name in ("window_days", "before_days", "attribution_days", "detect", "planned_units"):
        if not getattr(args, name) > 0:
            raise ConfigError(f"--{name.replace('_', '-')}: expected a number above 0, got {getattr(args, name)}")
    if not 0.5 < args.confidence < 1.0:
        raise ConfigError(f"--confidence: expected a number above 0.5 and below 1, got {args.confidence}")
    return Options(
        control=args.control,
        window_days=args.window_days,
        before_days=args.before_days,
        attribution_days=args.attribution_days,
        confidence=args.confidence,
        planned_units=args.planned_units,
        detect=args.detect,
        shares=None if args.shares is None else read_shares(args.shares),
    )


def read_shares(text: str) -> dict[str, float]:
    """ARM=SHARE,... as a mapping whose values sum to 1."""
    from mersalg_service.experiment.assignment import check_arms  # noqa: PLC0415

    shares: dict[str, float] = {}
    for part in text.split(","):
        arm, separator, number = part.partition("=")
        try:
            shares[arm.strip()] = float(number)
        except ValueError:
            separator = ""
        if not separator:
            raise ConfigError(f"--shares {text}: expected ARM=SHARE,ARM=SHARE, got {part!r}")
    check_arms("--shares", shares)
    return shares
