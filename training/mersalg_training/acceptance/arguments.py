"""`mersalg evaluate --offers`: its arguments, and the way to what it runs."""

from __future__ import annotations

import argparse


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


def evaluate_offers_command(args: argparse.Namespace) -> int:
    """Evaluate a bundle on a log of offers."""
    from mersalg_training.acceptance.command import run  # noqa: PLC0415  # scikit-learn takes a second to import

    return run(args)
