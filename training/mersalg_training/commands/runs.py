"""`mersalg runs`: the versions of a registered model, what they reached, and what became of them."""

from __future__ import annotations

import argparse
from typing import Any, Final

from mersalg.errors import MersalgError
from mersalg_training.commands.arguments import add_set

NEWEST: Final = 20


def add_command(subparsers: Any) -> None:
    """Add `mersalg runs`."""
    parser = subparsers.add_parser(
        "runs", help="list the versions of a registered model", description=runs_command.__doc__
    )
    parser.set_defaults(handler=runs_command)
    parser.add_argument("model", metavar="NAME", help="the registered model, for example demo")
    parser.add_argument("--newest", type=int, default=NEWEST, metavar="N", help=f"most versions (default: {NEWEST})")
    add_set(parser, "of the registry: tracking.uri=URI (default: MLFLOW_TRACKING_URI, else as training has it)")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")


def runs_command(args: argparse.Namespace) -> int:
    """List versions and their runs: aliases, data, figures of the test window with 95 % intervals, what was decided."""
    from rich.console import Console  # noqa: PLC0415

    from mersalg_training.figure_table import as_text  # noqa: PLC0415
    from mersalg_training.json_values import as_json  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.promotion.versions import history_lines, read_rows, versions_table  # noqa: PLC0415
    from mersalg_training.tracking.registered_models import open_versions, registry_uri  # noqa: PLC0415

    if args.newest < 1:
        raise MersalgError(f"--newest: expected a whole number from 1, got {args.newest}")
    models = open_versions(registry_uri(args.overrides), args.model)
    with Stages(Console(stderr=True)).stage("Reading the versions") as tick:
        rows = read_rows(models, args.newest, tick)
    if args.json:
        print(as_json({"model": models.name, "versions": [row.to_json() for row in rows]}).decode(), end="")
        return 0
    console = results_console(highlight=False)
    console.print(as_text(versions_table(rows)))
    for line in history_lines(rows):
        console.print(f"\n{line}", end="", markup=False)
    console.print()
    return 0
