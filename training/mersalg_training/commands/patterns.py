"""`mersalg patterns`: what a bundle's purchases say of its products."""

from __future__ import annotations

import argparse
from typing import Any

from mersalg.errors import MersalgError


def add_command(subparsers: Any) -> None:
    """Add `mersalg patterns`."""
    parser = subparsers.add_parser(
        "patterns", help="print what goes with what, ladders, rhythms", description=patterns_command.__doc__
    )
    parser.set_defaults(handler=patterns_command)
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    parser.add_argument("--product", metavar="TEXT", help="only rows with this product id, or this in a name")
    parser.add_argument("--type", dest="product_type", metavar="TYPE", help="only rows with a product of this type")
    parser.add_argument("--most", type=int, default=10, metavar="N", help="most rows of a table (default: 10)")
    parser.add_argument("--json", action="store_true", help="print all rows as JSON")


def patterns_command(args: argparse.Namespace) -> int:
    """Print what goes with what, what extends it, ladders upwards, rhythms of replacement, and what is unusual."""
    from mersalg.registry.opening import open_bundle  # noqa: PLC0415
    from mersalg_training.export.patterns import NAME, chosen, pattern_tables, read_patterns  # noqa: PLC0415
    from mersalg_training.figure_table import as_text  # noqa: PLC0415
    from mersalg_training.progress import results_console  # noqa: PLC0415

    if args.most < 1:
        raise MersalgError(f"--most: expected a whole number from 1, got {args.most}")
    bundle = open_bundle(args.bundle)
    patterns = read_patterns(bundle.folder, bundle.manifest)
    if patterns is None:
        raise MersalgError(f"{args.bundle}: holds no {NAME}: an earlier mersalg made it; train it again")
    names = bundle.names

    def name(product_id: str) -> str:
        return names.get(product_id, product_id)

    patterns = chosen(patterns, name, args.product, args.product_type)
    if args.json:
        print(patterns.model_dump_json(indent=2))
        return 0
    console = results_console(highlight=False)
    tables = pattern_tables(patterns, name, args.most)
    for table in tables:
        console.print(as_text(table), "")
    known = f"Each row rests on at least {patterns.min_customers} customers."
    console.print(known if tables else "No pattern of these rests on enough customers.")
    return 0
