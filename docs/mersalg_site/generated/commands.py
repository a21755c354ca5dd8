"""Every command of `mersalg` with its options, from the parsers that read them."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from typing import Any, Final
from unittest.mock import patch

from mersalg.cli import make_parser
from mersalg_site.generated.tables import code, table

COLUMNS: Final = "100"
"""Of a usage."""
MACHINE: Final = re.compile(r", \d+ here\b")
"""What a help says of the machine that it stands on."""


def every_command() -> str:
    """A section for each command."""
    with patch.dict(os.environ, {"COLUMNS": COLUMNS, "NO_COLOR": "1"}):
        return "\n\n".join(
            part for name, parser in commands_of(make_parser("--help")) for part in section(name, parser)
        )


def commands_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command and its parser, one with commands of its own before these."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, own in action.choices.items():
                yield name, own
                yield from ((f"{name} {inner}", parser) for inner, parser in commands_of(own))


def section(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Heading, description, usage, options and examples."""
    yield f"## mersalg {name}"
    yield paragraph(parser.description or "")
    yield f"```text\n{parser.format_usage().removeprefix('usage: ').rstrip()}\n```"
    rows = [(spelled(action), said(action, parser)) for action in parser._actions if is_told(action)]
    if rows:
        yield table(("argument", "meaning"), rows)
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```"


def paragraph(text: str) -> str:
    """The first paragraph of a description as one line."""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def is_told(action: argparse.Action) -> bool:
    """Whether an action is an argument that a reader may give; all have `--help`."""
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help is not argparse.SUPPRESS


def spelled(action: argparse.Action) -> str:
    """An argument as one writes it."""
    named: Any = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    value = " ".join(named) if isinstance(named, tuple) else str(named)
    if action.choices is not None and action.metavar is None:
        value = ",".join(map(str, action.choices))
    if not action.option_strings:
        return code(value)
    takes = f" {value}" if action.nargs != 0 else ""
    return ", ".join(code(option + takes) for option in action.option_strings)


def said(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """The help of an argument."""
    told = (action.help or "") % {**vars(action), "prog": parser.prog}
    return MACHINE.sub("", told) + (" (required)" if action.option_strings and action.required else "")
