"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mersalg.recommender import Recommender
    from mersalg_training.drift.new_purchases import NewerDataRequest


def add_set(parser: argparse.ArgumentParser, what: str) -> None:
    """`--set SECTION.KEY=VALUE`, which may be repeated, as `args.overrides`; `what` says what it is laid over."""
    parser.add_argument(
        "--set", dest="overrides", metavar="SECTION.KEY=VALUE", action="append", default=[], help=f"set a key {what}"
    )


def add_window_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of what looks at newer data: `mersalg check` and `mersalg recalibrate`."""
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    parser.add_argument("--orders", metavar="PATH", help="orders up to now, earlier ones too (default: the bundle's)")
    parser.add_argument("--products", metavar="PATH", help="the catalogue of now (default: the bundle's)")
    parser.add_argument("--offers", metavar="PATH", help="offers shown, whose acceptance then counts as the outcome")
    parser.add_argument("--since", metavar="DAY", help="first day that is looked at (default: where its data end)")
    parser.add_argument("--until", metavar="DAY", help="the day after the last one (default: after the last order)")
    parser.add_argument("--requests", type=int, metavar="N", help="most requests (default: the bundle's own)")
    add_set(parser, "over the bundle's configuration, for example tracking.enabled=false")


def asked_by(args: argparse.Namespace, recommender: Recommender) -> NewerDataRequest:
    """What the arguments ask for."""
    from mersalg_training.drift.new_purchases import asked_of  # noqa: PLC0415

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
