"""`mersalg completion`: what a shell needs to complete commands, of all packages that are installed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from mersalg.errors import MersalgError

if TYPE_CHECKING:
    from mersalg.arguments import Subparsers

SHELLS: Final = ("bash", "zsh", "fish")
PLACES: Final = """\

put it where your shell looks, and open a new one:
  mersalg completion bash > ~/.local/share/bash-completion/completions/mersalg
  mersalg completion zsh  > ~/.zfunc/_mersalg      (~/.zfunc stands in fpath)
  mersalg completion fish > ~/.config/fish/completions/mersalg.fish"""


def add_arguments(subparsers: Subparsers) -> None:
    """Add `mersalg completion`."""
    parser = subparsers.add_parser(
        "completion", help="print what a shell needs to complete commands", description=complete.__doc__,
        epilog=PLACES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(handler=complete)


def complete(args: argparse.Namespace) -> int:
    """Print the completion of a shell; needs the extra `completion`."""
    try:
        import shtab  # noqa: PLC0415
    except ImportError:
        raise MersalgError(
            "completion needs shtab, which is not installed; `pip install 'mersalg[completion]'`"
        ) from None
    from mersalg.cli import make_parser  # noqa: PLC0415

    print(shtab.complete(make_parser("--help"), shell=args.shell))
    return 0
