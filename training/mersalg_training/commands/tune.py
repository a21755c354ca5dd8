"""`mersalg tune`: the arguments, and what is printed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from mersalg.errors import MersalgError
from mersalg_training.commands.arguments import add_set
from mersalg_training.config import Config, load_config
from mersalg_training.tracking.store import sqlite_file

TRIALS: Final = 20
QUERIES: Final = 500
EPILOG: Final = """\
The same command again goes on where the last one stopped, also after a kill: settings that were
tried are not tried again, and what was cut off is. The test window is never read.

examples:
  mersalg tune configs/demo.toml --only ranker --trials 30
  mersalg tune configs/demo.toml --only counts.cosine_cart,ranker.trees --timeout 60
  mersalg tune configs/demo.toml --objective completion.explore,upsell
"""


def add_command(subparsers: Any) -> None:
    """Add `mersalg tune`."""
    parser = subparsers.add_parser(
        "tune",
        help="search for hyper-parameters on the calibrate window",
        description=tune_command.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=tune_command)
    parser.add_argument("config", type=Path, metavar="configs/NAME.toml")
    parser.add_argument(
        "--trials",
        type=int,
        default=TRIALS,
        metavar="N",
        help=f"settings to try, those of earlier starts included (default: {TRIALS})",
    )
    parser.add_argument(
        "--timeout", type=float, metavar="MINUTES", help="begin no trial after so many minutes (default: no limit)"
    )
    parser.add_argument(
        "--only",
        metavar="KEY,SECTION",
        help="keys or sections to search, for example counts.cosine_cart,ranker (default: all that may be searched)",
    )
    parser.add_argument(
        "--objective",
        metavar="TASK,TASK",
        help="tasks that count, for example completion.explore or upsell (default: all)",
    )
    parser.add_argument(
        "--queries", type=int, default=QUERIES, metavar="N", help=f"most requests of a task (default: {QUERIES})"
    )
    parser.add_argument(
        "--study",
        type=Path,
        metavar="FILE",
        help="SQLite file of the search (default: NAME.tuning.db beside the tracking's file)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.toml",
        help="tuned configuration to write (default: configs/NAME-tuned.toml, beside the configuration)",
    )
    add_set(parser, "over the file, for example data.orders=orders.csv; the tuned file keeps it")


def tune_command(args: argparse.Namespace) -> int:
    """Search for hyper-parameters that rank better on the calibrate window, and write them as a configuration."""
    for name, least in (("trials", 1), ("queries", 1)):
        if getattr(args, name) < least:
            raise MersalgError(f"--{name}: expected a whole number from {least}, got {getattr(args, name)}")
    if args.timeout is not None and not args.timeout > 0:
        raise MersalgError(f"--timeout: expected minutes above 0, got {args.timeout}")
    config = load_config(args.config, args.overrides)

    from mersalg_training.progress import results_console  # noqa: PLC0415  # what follows takes seconds to import
    from mersalg_training.tuning.search import Plan, tune  # noqa: PLC0415
    from mersalg_training.tuning.summary import render  # noqa: PLC0415

    plan = Plan(
        only=args.only,
        objective=args.objective,
        trials=args.trials,
        minutes=args.timeout,
        queries=args.queries,
        study=args.study or default_study(config),
        out=args.out or args.config.with_name(f"{args.config.stem}-tuned.toml"),
    )
    console = results_console()
    result = tune(config, str(args.config), plan, console)
    console.print(render(result))
    console.print(f"Study       {result.study}")
    console.print(f"Run         {result.run}")
    if result.toml is not None:
        console.print(f"Tuned       {result.out}: train it with `mersalg train {result.out} --out models/NAME`")
    return 0


def default_study(config: Config) -> Path:
    """`NAME.tuning.db` beside the SQLite file that `tracking.uri` names, or in the current folder."""
    file = None if config.tracking.uri is None else sqlite_file(config.tracking.uri)
    folder = Path() if file is None else file.parent
    return folder / f"{config.name}.tuning.db"
