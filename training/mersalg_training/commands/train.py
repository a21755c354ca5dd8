"""`mersalg train`: purchases in, a bundle out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mersalg_training.commands.arguments import add_set


def add_command(subparsers: Any) -> None:
    """Add `mersalg train`."""
    parser = subparsers.add_parser("train", help="train a bundle from purchases", description=train_command.__doc__)
    parser.add_argument("config", type=Path, metavar="configs/NAME.toml")
    parser.add_argument("--out", type=Path, required=True, metavar="models/NAME", help="folder of the bundle")
    add_set(parser, "over the file, for example data.orders=orders.csv or ranker.trees=200")
    parser.set_defaults(handler=train_command)


def train_command(args: argparse.Namespace) -> int:
    """Read purchases, learn, calibrate, certify, evaluate, write a bundle and log the run to MLflow."""
    from mersalg_training.config import load_config  # noqa: PLC0415
    from mersalg_training.evaluation.render import render  # noqa: PLC0415
    from mersalg_training.limits.result import sentences  # noqa: PLC0415
    from mersalg_training.progress import results_console  # noqa: PLC0415
    from mersalg_training.train import train  # noqa: PLC0415

    console = results_console()
    trained = train(load_config(args.config, args.overrides), args.out, console)
    if trained.evaluation is not None:
        console.print(render(trained.evaluation))
    console.print(f"Bundle      {trained.bundle}")
    console.print(f"Run         {trained.run}")
    if trained.registered is not None:
        console.print(f"Registered  {trained.registered.uri} (alias challenger)")
    if trained.limits is not None:
        for sentence in sentences(trained.limits.to_json()):
            console.print(f"Limits      {sentence}", highlight=False, markup=False)
    return 0
