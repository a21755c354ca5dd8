"""Arguments that several commands share."""

from __future__ import annotations

import argparse


def add_set(parser: argparse.ArgumentParser, what: str) -> None:
    """`--set SECTION.KEY=VALUE`, which may be repeated, as `args.overrides`; `what` says what it is laid over."""
    parser.add_argument(
        "--set", dest="overrides", metavar="SECTION.KEY=VALUE", action="append", default=[], help=f"set a key {what}"
    )
