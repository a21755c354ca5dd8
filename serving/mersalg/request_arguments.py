"""One request on the command line: its options, and the request that they make."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mersalg.arguments import split_ids
from mersalg.errors import MersalgError
from mersalg.names import KINDS, MOMENTS, ORDERS
from mersalg.policy.command import add_policy_options, read_shopper_text


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the fields of a request, and the policy that it is answered under."""
    parser.add_argument("--cart", action="append", default=[], metavar="A,B", help="product ids; may be repeated")
    parser.add_argument("--exclude", action="append", default=[], metavar="A,B", help="products never to offer")
    parser.add_argument("--only", action="append", default=[], metavar="A,B", help="offer nothing but these")
    parser.add_argument(
        "--history", type=Path, metavar="FILE.json", help="JSON list of {product_id, ordered_at, quantity}"
    )
    parser.add_argument("--moment", default="cart", help=f"one of {', '.join(MOMENTS)} (default: cart)")
    parser.add_argument("--kinds", metavar="K,L", help=f"out of {', '.join(KINDS)} (default: the moment's)")
    parser.add_argument("--limit", type=int, help="most offers (default: 3, or the policy's)")
    parser.add_argument("--order", help=f"{' or '.join(ORDERS)} (default: relevance, or the policy's)")
    parser.add_argument("--at", metavar="TIME", help="ISO 8601 (default: now)")
    parser.add_argument("--shopper", metavar="JSON", help="facts for the policy: region, age, owned, budget")
    add_policy_options(parser)


def request_of(args: argparse.Namespace) -> dict[str, Any]:
    """The request of the arguments; what is not given is left out."""
    fields = {
        "cart": split_ids(args.cart),
        "history": read_history_file(args.history) if args.history else [],
        "moment": args.moment,
        "kinds": None if args.kinds is None else split_ids([args.kinds]),
        "limit": args.limit,
        "at": args.at,
        "exclude": split_ids(args.exclude),
        "only": split_ids(args.only),
        "order": args.order,
        "shopper": read_shopper_text(args.shopper),
    }
    return {name: value for name, value in fields.items() if value is not None}


def read_history_file(path: Path) -> Any:
    """The JSON document of a history."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MersalgError(f"--history {path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise MersalgError(f"--history {path}: expected a JSON list in UTF-8, got {error}") from None
