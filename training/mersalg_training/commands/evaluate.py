"""`mersalg evaluate`: a bundle on the test window, beside the baselines, or on a log of offers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mersalg.errors import MersalgError
from mersalg_training.commands.arguments import add_set
from mersalg_training.evaluation import QUERIES


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
        from mersalg_training.commands.evaluate_offers import evaluate_offers_command  # noqa: PLC0415  # takes seconds

        return evaluate_offers_command(args)
    if args.queries < 1:
        raise MersalgError(f"--queries: expected a whole number from 1, got {args.queries}")
    from mersalg_training.commands.evaluate_window import evaluate_window_command  # noqa: PLC0415  # takes seconds

    return evaluate_window_command(args)
