"""The commands that mersalg-training adds to `mersalg`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mersalg_training.commands.train import add_train, train_command


def add_commands(subparsers: Any) -> None:
    """Add the commands from validate to uplift; their modules are imported when they run."""
    from mersalg_training.commands import check as drift  # noqa: PLC0415
    from mersalg_training.commands import (
        report,
        uplift,
        validate,
    )
    from mersalg_training.commands import tune as command  # noqa: PLC0415
    from mersalg_training.evaluation import run as evaluate  # noqa: PLC0415

    add_train(subparsers.add_parser("train", help="train a bundle from purchases", description=train_command.__doc__))
    parser = subparsers.add_parser("validate", help="check purchases against the data contract")
    validate.add_validate_arguments(parser)
    parser.set_defaults(handler=validate.validate_command)
    parser = subparsers.add_parser("evaluate", help="evaluate a bundle on its test window, beside baselines")
    evaluate.add_evaluate_arguments(parser)
    parser.set_defaults(handler=evaluate.evaluate_command)
    parser = subparsers.add_parser(
        "check", help="compare a bundle with what happened since", description=drift.check_command.__doc__
    )
    drift.add_check_arguments(parser)
    parser.set_defaults(handler=drift.check_command)
    parser = subparsers.add_parser(
        "recalibrate", help="calibrate and certify a bundle anew", description=drift.recalibrate_command.__doc__
    )
    drift.add_recalibrate_arguments(parser)
    parser.set_defaults(handler=drift.recalibrate_command)
    parser = subparsers.add_parser(
        "tune", help="search for hyper-parameters on the calibrate window", description=command.tune_command.__doc__
    )
    command.add_tune_arguments(parser)
    parser.set_defaults(handler=command.tune_command)
    parser = subparsers.add_parser(
        "report",
        help="write a page of what a bundle promises, keeps and costs",
        description=report.report_command.__doc__,
    )
    report.add_report_arguments(parser)
    parser.set_defaults(handler=report.report_command)
    parser = subparsers.add_parser(
        "uplift", help="what offers add, measured against a hold-out", description=uplift.uplift_command.__doc__
    )
    uplift.add_uplift_arguments(parser)
    parser.set_defaults(handler=uplift.uplift_command)
