"""`mersalg init`: the configuration of a training job for a shop's own files."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from mersalg.errors import ConfigError, DataError
from mersalg_training.columns import OFFER_COLUMNS, ORDER_COLUMNS, PRODUCT_COLUMNS, Column, Format
from mersalg_training.commands.init_file import FoundColumns, job_text
from mersalg_training.commands.init_schema import FILE as SCHEMA_FILE
from mersalg_training.commands.init_schema import LINE as SCHEMA_LINE
from mersalg_training.commands.init_schema import schema_text
from mersalg_training.commands.output import write_text
from mersalg_training.config import NAME, DataConfig, parse_config
from mersalg_training.data.casts import SAMPLE, timestamp_sql
from mersalg_training.data.external.opening import open_table
from mersalg_training.data.mapping import Bound, bind_columns
from mersalg_training.data.mends import mapped_numbers
from mersalg_training.data.purchases import Purchases, missing, open_purchases, reading
from mersalg_training.logged_offers.read import KEY, REQUIRED, SWITCHED_OFF

EXAMPLE: Final = "mersalg init configs/shop.toml --orders orders.parquet --products products.csv"
Read = dict[tuple[str, Column], Bound]
"""A table's key and mersalg's column -> the column that is read."""


def add_command(subparsers: Any) -> None:
    """Add `mersalg init`."""
    parser = subparsers.add_parser(
        "init",
        help="write a training job's configuration for your files",
        description=init_command.__doc__,
        epilog=f"example:\n  {EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=init_command)
    parser.add_argument("config", type=Path, metavar="configs/NAME.toml", help="the file to write; NAME is the job's")
    parser.add_argument(
        "--orders",
        metavar="PATH",
        help="order lines: Parquet or CSV, JSON too with --format; one file, a glob, or a folder",
    )
    parser.add_argument("--products", metavar="PATH", help="the catalogue, in the same forms")
    parser.add_argument("--offers", metavar="PATH", help="a log of offers, as `mersalg evaluate --offers` reads it")
    parser.add_argument(
        "--column",
        dest="columns",
        action="append",
        default=[],
        metavar="COLUMN=NAME",
        help="mersalg's column = a column of the files, or a DuckDB expression over them; may be repeated",
    )
    parser.add_argument(
        "--format",
        choices=get_args(Format),
        default="table",
        help="what the files are: tables (default), or the export of a shop system",
    )
    parser.add_argument("--encoding", default="utf-8", help="of CSV files, as windows-1252 or utf-16 (default: utf-8)")
    parser.add_argument(
        "--schema",
        action="store_true",
        help=f"write {SCHEMA_FILE} beside it, by which an editor completes and checks keys; alone where it is there",
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def init_command(args: argparse.Namespace) -> int:
    """Write a configuration from the columns of a shop's files; without --orders, a template."""
    config: Path = args.config
    if args.schema and config.is_file() and not args.force:
        write_schema(config)
        print(f"Let {config} begin with the line\n  {SCHEMA_LINE}")
        return 0
    check_target(config, args.force)
    result = None
    if args.orders is not None:
        data = read_data(args)
        result = look_into(data, args.offers)
    elif args.products or args.offers or args.columns or args.format != "table":
        raise ConfigError(f"--orders: expected the order lines beside the other options, got none; as in\n  {EXAMPLE}")
    write_text(config, (f"{SCHEMA_LINE}\n" if args.schema else "") + job_text(config.stem, result), "init")
    print(f"Wrote {config}")
    if args.schema:
        write_schema(config)
    if result is None:
        print("Its paths are placeholders: put those of your files under [data]")
    else:
        for column, told in result.columns.items():
            print(f"  {column} is read from {told}")
        for sentence in result.notes:
            print(f"  {sentence}")
        for sentence in result.switched_off:
            print(f"  off: {sentence}")
    print("\nNext", *next_steps(config, args.offers), sep="\n  ")
    return 0


def write_schema(config: Path) -> None:
    """Write the schema of configurations beside one."""
    write_text(config.with_name(SCHEMA_FILE), schema_text(), "init")
    print(f"Wrote {config.with_name(SCHEMA_FILE)}")


def check_target(config: Path, force: bool) -> None:
    """ConfigError unless the file's name can be a job's and it is not there yet."""
    if config.suffix != ".toml" or not re.fullmatch(NAME, config.stem):
        raise ConfigError(
            f"{config}: expected NAME.toml with a NAME of letters, digits, '.', '_' and '-', got {config.name!r}; "
            f"it names the job and its bundle, as in\n  {EXAMPLE}"
        )
    if config.is_dir() or (config.exists() and not force):
        got = "a folder; " if config.is_dir() else "one that is; write over it with --force, or "
        raise ConfigError(f"{config}: expected a file that is not there yet, got {got}name another")


def read_columns(texts: Sequence[str]) -> dict[Column, str]:
    """The mappings of `--column`; ConfigError for what is none."""
    known: dict[str, Column] = {column: column for column in get_args(Column)}
    columns: dict[Column, str] = {}
    for text in texts:
        name, _, told = (part.strip() for part in text.partition("="))
        if name not in known or not told:
            raise ConfigError(
                f"--column: expected COLUMN=NAME with one of the columns {', '.join(known)}, got {text!r}; "
                "as in --column order_id=receipt"
            )
        columns[known[name]] = told
    return columns


def read_data(args: argparse.Namespace) -> DataConfig:
    """The section [data] of the arguments; ConfigError where one does not hold."""
    given = {"orders": args.orders, "products": args.products, "encoding": args.encoding, "format": args.format}
    columns = read_columns(args.columns)
    return parse_config({"name": "init", "data": {**given, "columns": columns}}, "mersalg init").data


def look_into(data: DataConfig, offers: str | None) -> FoundColumns:
    """Which columns the files have and lack, and how dates are spelled; DataError where a job could not start."""
    columns = data.columns
    try:
        _, before = bind(data, offers, columns)
        aliases: dict[Column, str] = {}
        for (table, column), bound in before.items():
            if bound.how == "alias" and (table != KEY or column not in (*ORDER_COLUMNS, *PRODUCT_COLUMNS)):
                aliases.setdefault(column, bound.told)
        # A mapping holds for every table. One that would change what another table reads is left to its alias.
        purchases, after = bind(data, offers, {**columns, **aliases})
        while otherwise := {c for key, c in before if after[key, c].told != before[key, c].told and c in aliases}:
            aliases = {column: told for column, told in aliases.items() if column not in otherwise}
            purchases, after = bind(data, offers, {**columns, **aliases})
        with reading("data.orders"):
            _, spelling = timestamp_sql(purchases.connection, "raw_orders", "ordered_at")
        numbers: dict[Column, tuple[str, str]] = {}
        # What a mapping reads is free to be found as another column, as unit_price is as price.
        while found := mapped(purchases):
            numbers |= found
            aliases |= {column: mapping for column, (_, mapping) in found.items()}
            purchases, after = bind(data, offers, {**columns, **aliases})
    except DataError as error:
        raise DataError(
            f"{error}\nNothing is written. Here, --column COLUMN=NAME says which column is "
            "which, --format stands for data.format, and --encoding stands for data.encoding"
        ) from None
    off = [sentence for column, sentence in SWITCHED_OFF.items() if offers and (KEY, column) not in after]
    return FoundColumns(
        orders=data.orders,
        products=data.products,
        encoding=data.encoding,
        format=data.format,
        columns={**columns, **aliases},
        notes=[
            *purchases.notes,
            *([spelling] if spelling else []),
            *(f"{column} has {what}, which its mapping reads" for column, (what, _) in numbers.items()),
        ],
        switched_off=[*purchases.switched_off, *(f"{KEY}: {sentence}" for sentence in off)],
    )


def mapped(purchases: Purchases) -> dict[Column, tuple[str, str]]:
    """The numbers that a mapping reads; DataError where a file cannot be read."""
    with reading("data.orders or data.products"):
        return mapped_numbers(purchases)


def bind(data: DataConfig, offers: str | None, columns: Mapping[Column, str]) -> tuple[Purchases, Read]:
    """The purchases, opened, and what each table's columns are read from; DataError where a needed one is missing."""
    purchases = open_purchases(data.model_copy(update={"columns": dict(columns)}), most=SAMPLE)
    read: Read = {("data.orders", column): bound for column, bound in purchases.orders.items()}
    read |= {("data.products", column): bound for column, bound in purchases.products.items()}
    if offers is not None:
        source = open_table(purchases.connection, KEY, offers, data.encoding)
        result, _ = bind_columns(purchases.connection, source, OFFER_COLUMNS, columns)
        if absent := [column for column in REQUIRED if column not in result]:
            raise DataError(missing(source, absent))
        read |= {(KEY, column): bound for column, bound in result.items()}
    return purchases, read


def next_steps(config: Path, offers: str | None) -> list[str]:
    """The commands that come next, each with what it does."""
    file, bundle = shlex.quote(str(config)), f"models/{config.stem}"
    steps = {
        f"mersalg validate {file}": "what is read, what is dropped and why; trains nothing",
        f"mersalg train {file} --out {bundle}": "a bundle, its figures and a run in MLflow",
    }
    if offers is not None:
        steps[f"mersalg evaluate {bundle} --offers {shlex.quote(offers)}"] = "what the logged offers tell of it"
    width = max(map(len, steps))
    return [f"{command:<{width}}  # {what}" for command, what in steps.items()]
