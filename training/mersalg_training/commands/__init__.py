"""The commands that mersalg-training adds to `mersalg`, one file each."""

from __future__ import annotations

from typing import Any


def add_commands(subparsers: Any) -> None:
    """Add the commands from init to uplift; what they run is imported when they run."""
    from mersalg_training.commands import (  # noqa: PLC0415  # a command of the loader alone does not pay for them
        check,
        evaluate,
        explain,
        init,
        patterns,
        promote,
        recalibrate,
        report,
        train,
        tune,
        update,
        uplift,
        validate,
    )

    first = (init, validate, train, tune, evaluate, report, patterns, explain, check, recalibrate, update)
    for command in (*first, promote, uplift):
        command.add_command(subparsers)
