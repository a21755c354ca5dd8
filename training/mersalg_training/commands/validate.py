"""`mersalg validate`: what a training job would read, without training."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mersalg.errors import MersalgError
from mersalg_training.columns import ORDER_COLUMNS, PRODUCT_COLUMNS
from mersalg_training.commands.arguments import add_set
from mersalg_training.config import load_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.history import check_company
from mersalg_training.data.purchases import Purchases, open_purchases
from mersalg_training.data.split import WindowSize, read_order_days, split_windows, window_sizes
from mersalg_training.progress import results_console


def add_command(subparsers: Any) -> None:
    """Add `mersalg validate`."""
    parser = subparsers.add_parser(
        "validate", help="check purchases against the data contract", description=validate_command.__doc__
    )
    parser.set_defaults(handler=validate_command)
    parser.add_argument("config", type=Path, help="a training job's TOML file")
    add_set(parser, "over the file, for example data.orders=orders.csv")
    parser.add_argument("--examples", action="store_true", help="show up to three lines for each reason, in the clear")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def validate_command(args: argparse.Namespace) -> int:
    """Read the purchases of a configuration, apply the contract and the split, and print what was found.

    Returns 0 where a training job could start, 2 where the configuration or the purchases do not hold; the reason goes
    to standard error, with --json as {"valid": false, "error": ...} to standard output.
    """
    try:
        config = load_config(args.config, args.overrides)
        with Console(stderr=True).status(f"Reading {config.data.orders}"):
            purchases = open_purchases(config.data, config.engine)
            report = apply_contract(purchases, config.contract, examples=args.examples)
            check_company(purchases.connection)
            order_days = read_order_days(purchases.connection)
            windows = split_windows(report.first, report.last, config.split, order_days)
            sizes = window_sizes(purchases.connection, windows)
    except MersalgError as error:
        if args.json:
            print(json.dumps({"valid": False, "error": str(error)}))
        else:
            print(error, file=sys.stderr)
        return 2
    if args.json:
        result = {
            "valid": True,
            "columns": read_from(purchases),
            "contract": report.to_json(),
            "windows": windows.to_json(),
            "window_sizes": [asdict(size) for size in sizes],
        }
        print(json.dumps(result, default=str))
    else:
        results_console().print(Group(columns_table(purchases), report.render(), windows_table(sizes)))
    return 0


def read_from(purchases: Purchases) -> dict[str, dict[str, str | None]]:
    """For each table, mersalg's column -> the column or expression that it is read from; None = missing."""
    tables = {"orders": (ORDER_COLUMNS, purchases.orders), "products": (PRODUCT_COLUMNS, purchases.products)}
    return {
        name: {column: result[column].told if column in result else None for column in wanted}
        for name, (wanted, result) in tables.items()
    }


def columns_table(purchases: Purchases) -> RenderableType:
    """What each column is read from."""
    table = Table("table", "column", "read from")
    for name, columns in read_from(purchases).items():
        for column, told in columns.items():
            if told is not None:
                table.add_row(name, column, Text(told))
    return table


def windows_table(sizes: list[WindowSize]) -> RenderableType:
    """A row for each window."""
    table = Table("window", "from", "before", "lines", "orders", "customers")
    for size in sizes:
        amounts = (f"{amount:,}" for amount in (size.lines, size.orders, size.customers))
        table.add_row(size.window, f"{size.start:%Y-%m-%d}", f"{size.end:%Y-%m-%d}", *amounts)
    return table
