"""What commands have in common: a parser for one that works on a bundle, lists between commas, and their completion."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from mersalg.errors import MersalgError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

SHELLS: Final = ("bash", "zsh", "fish")
PLACES: Final = """\

put it where your shell looks, and open a new one:
  mersalg completion bash > ~/.local/share/bash-completion/completions/mersalg
  mersalg completion zsh  > ~/.zfunc/_mersalg      (~/.zfunc stands in fpath)
  mersalg completion fish > ~/.config/fish/completions/mersalg.fish"""


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


def add_completion_command(subparsers: Subparsers, make_parser: Callable[[str], argparse.ArgumentParser]) -> None:
    """Add `mersalg completion`; `make_parser("completion")` gives the parser of all commands."""

    def complete(args: argparse.Namespace) -> int:
        """Print the completion of a shell; needs the extra `completion`."""
        try:
            import shtab  # noqa: PLC0415
        except ImportError:
            raise MersalgError(
                "completion needs shtab, which is not installed; `pip install 'mersalg[completion]'`"
            ) from None
        print(shtab.complete(make_parser("completion"), shell=args.shell))
        return 0

    parser = subparsers.add_parser(
        "completion", help="print what a shell needs to complete commands", description=complete.__doc__,
        epilog=PLACES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(handler=complete)
