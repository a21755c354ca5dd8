"""What a job shows: its results, a bar while it runs on a terminal, a line for each finished stage everywhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Tick = Callable[[int, int], None]
"""Called with how many are done, of how many."""

PLAIN_WIDTH: Final = 120
"""Columns where the output is no terminal."""


def results_console(soft_wrap: bool = True, highlight: bool = True) -> Console:
    """Standard output; where it is no terminal, 120 columns wide or as wide as COLUMNS says.

    soft_wrap: long lines are not broken; highlight: numbers are coloured.
    """
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(width=width, soft_wrap=soft_wrap, highlight=highlight)


def nobody(title: str) -> None:
    """Is told that a stage ended, and does nothing."""


class Stages:
    """Shows the stages of a job and keeps their seconds. ended: is told the title of each that ends."""

    def __init__(self, console: Console, ended: Callable[[str], None] = nobody) -> None:
        self.console = console
        self.ended = ended
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str) -> Iterator[Tick]:
        """Run one stage; the body may call what it gets with (done, of)."""
        start = time.monotonic()
        if self.console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True) as bar:
                task = bar.add_task(title, total=None)
                yield lambda done, of: bar.update(task, completed=done, total=of)
        else:
            yield lambda done, of: None
        self.seconds[title] = time.monotonic() - start
        self.console.print(f"  {title:<46} {self.seconds[title]:7.1f} s", highlight=False)
        self.ended(title)


def unseen() -> Stages:
    """Stages that show nothing."""
    return Stages(Console(quiet=True, force_terminal=False))


def quiet(done: int, of: int) -> None:
    """A tick that shows nothing."""
