"""What commands have in common: a parser for one that works on a bundle, and lists between commas."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_command(
    subparsers: Subparsers, name: str, text: str, handler: Callable[[argparse.Namespace], int], example: str
) -> argparse.ArgumentParser:
    """Add a command that works on a bundle."""
    parser = subparsers.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  mersalg {name} models/demo{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    parser.set_defaults(handler=handler)
    return parser


def split_ids(texts: Iterable[str]) -> list[str]:
    """The parts between commas, without blanks around them and without empty ones."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
