"""The commands `mersalg ledger ...`: figures, a customer's rights, retention, outcomes, keys."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mersalg.display import columns, listed
from mersalg.errors import LedgerError, RequestError
from mersalg.ids import id_text

if TYPE_CHECKING:
    from mersalg_service.ledger import Ledger, Outcome
    from mersalg_service.ledger.outcomes import Wish

Handler = Callable[[argparse.Namespace], int]

URL_HELP: Final = "sqlite:///file.db or postgresql://..."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands of `mersalg ledger`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, text: str, handler: Handler, *, opens: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(handler=handler)
        if opens:
            command.add_argument("--ledger", required=True, metavar="URL", help=URL_HELP)
            command.add_argument("--key-file", type=Path, metavar="FILE", help="default: from the environment")
        return command

    init = add("init", "make a new ledger", init_command, opens=False)
    init.add_argument("ledger", metavar="URL", help=URL_HELP)
    init.add_argument("--key-file", type=Path, metavar="FILE", help="default: from the environment, else made")
    add("stats", "print counts, of nobody in particular", print_stats).add_argument(
        "--json", action="store_true", help="print JSON"
    )
    export = add("export", "write all that is held about one customer, as JSON", export_command)
    export.add_argument("--out", type=Path, help="default: stdout")
    erase = add("erase", "delete all that is held about one customer, who is never written to again", erase_command)
    out = add("opt-out", "a customer gets no offers from now on", wish_command("opted-out"))
    back = add("opt-in", "a customer gets offers again", wish_command("opted-in"))
    for command in (export, erase, out, back):
        command.add_argument("--customer", required=True, metavar="ID", help="the shop's id; - reads it from stdin")
    purge = add("purge", "delete by age", purge_command)
    purge.add_argument("--details-days", type=float, required=True, metavar="N", help="keep details for so long")
    purge.add_argument(
        "--keys-days", type=float, metavar="N", help="keep who was offered what so long (default: for ever)"
    )
    outcomes = add("outcomes", "record what became of offers", outcomes_command)
    outcomes.add_argument("file", type=Path, help=".csv or .jsonl: customer_id, product_id, outcome, at")
    key = add("key", "make a key for a ledger", key_command, opens=False)
    key.add_argument("file", type=Path, help="a file that is not there yet, apart from the ledger")


def opened(args: argparse.Namespace) -> Ledger:
    """The ledger that the arguments name."""
    from mersalg_service.ledger import find_key, open_ledger  # noqa: PLC0415

    return open_ledger(args.ledger, find_key(args.key_file))


def init_command(args: argparse.Namespace) -> int:
    """Make a ledger, and a key in the user's own place where none is named."""
    from mersalg_service.ledger import find_key, make_ledger  # noqa: PLC0415

    key = find_key(args.key_file)
    with make_ledger(args.ledger, key) as ledger:
        made = "" if key is not None else f"; its new key is in {ledger.key.source}: keep it, apart from the ledger"
        print(f"a new ledger is in {ledger.database.name}{made}")
    return 0


def now() -> datetime:
    """The clock's time in UTC."""
    return datetime.now(UTC)


def print_stats(args: argparse.Namespace) -> int:
    """Print the counts."""
    from mersalg_service.ledger import stats  # noqa: PLC0415

    with opened(args) as ledger:
        facts = stats(ledger)
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        rows = [(n.replace("_", " "), listed(v) if isinstance(v, dict) else v) for n, v in facts.items()]
        print(columns([(name, "none" if value in (None, "") else str(value)) for name, value in rows]))
    return 0


def customer_of(args: argparse.Namespace) -> str:
    """The customer's id; `-` reads it from stdin, so that it stands in no list of processes."""
    text = sys.stdin.readline() if args.customer == "-" else args.customer
    if not id_text(text):
        raise LedgerError(f"--customer: expected the shop's id of a customer, got {text!r}")
    return id_text(text)


def export_command(args: argparse.Namespace) -> int:
    """Write what is held about one customer."""
    from mersalg.table import whole_file  # noqa: PLC0415
    from mersalg_service.ledger import export_customer  # noqa: PLC0415

    with opened(args) as ledger:
        text = json.dumps(export_customer(ledger, customer_of(args)), indent=2, ensure_ascii=False)
    if args.out is None:
        print(text)
    else:
        with whole_file(args.out) as part:
            part.write_text(text + "\n", encoding="utf-8")
    return 0


def erase_command(args: argparse.Namespace) -> int:
    """Delete what is held about one customer."""
    from mersalg_service.ledger import erase_customer  # noqa: PLC0415

    with opened(args) as ledger:
        offers = erase_customer(ledger, customer_of(args), now())
    print(f"erased {offers:,} offers and all about them; the wish to get no offers stays, under the hash")
    return 0


def wish_command(wish: Wish) -> Handler:
    """A handler that records that a customer opts out, or in."""

    def handle_wish(args: argparse.Namespace) -> int:
        from mersalg_service.ledger import record_wish  # noqa: PLC0415

        with opened(args) as ledger:
            record_wish(ledger, customer_of(args), wish, now())
        print(wish)
        return 0

    return handle_wish


def purge_command(args: argparse.Namespace) -> int:
    """Delete by age and say what went."""
    from mersalg_service.ledger import purge  # noqa: PLC0415

    for name, days in (("--details-days", args.details_days), ("--keys-days", args.keys_days)):
        if days is not None and not 0 <= days <= 36_500:
            raise LedgerError(f"{name}: expected days from 0 to 36500, got {days}")
    at = now()
    details, keys = (None if d is None else at - timedelta(days=d) for d in (args.details_days, args.keys_days))
    with opened(args) as ledger:
        gone = purge(ledger, details or at, keys)
    print(
        f"details of {gone.details:,} offers, {gone.outcomes:,} outcomes and {gone.decisions:,} decisions deleted; "
        f"{gone.batches:,} batches can no longer be written again"
    )
    if keys is not None:
        print(f"{gone.keys:,} offers deleted whole: for what is older than {args.keys_days:g} days no promise holds")
    return 0


def outcomes_command(args: argparse.Namespace) -> int:
    """Record the outcomes of a file and count them."""
    from mersalg_service.ledger import record  # noqa: PLC0415

    with opened(args) as ledger:
        told = record(ledger, read_outcomes(args.file))
    print(", ".join(f"{count:,} {name}" for name, count in sorted(told.items())) or "no outcomes")
    return 0


def read_outcomes(file: Path) -> Iterator[Outcome]:
    """The outcomes of a CSV or JSON Lines file; LedgerError names the first line that is none."""
    from mersalg.times import read_time  # noqa: PLC0415
    from mersalg_service.ledger import Outcome  # noqa: PLC0415
    from mersalg_service.ledger.outcomes import check_time  # noqa: PLC0415

    for number, row in read_rows(file):
        where = f"{file}, line {number}"
        customer_id, product_id = (id_text(row.get(name)) for name in ("customer_id", "product_id"))
        if not customer_id:
            raise LedgerError(f"{where}: expected a customer_id, got {row.get('customer_id')!r}")
        try:
            at = read_time(row.get("at"), "at")
            check_time(at, now())
            moment = row.get("moment") or "follow-up"
            yield Outcome(customer_id, row.get("outcome"), at, product_id or None, moment)  # type: ignore[arg-type]
        except (RequestError, LedgerError) as error:
            raise LedgerError(f"{where}: {error}; the lines before it may be recorded, and may be told again") from None


def read_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a CSV or JSON Lines file, with the numbers of their lines."""
    suffix = file.suffix.lower()
    if suffix not in (".csv", ".jsonl", ".ndjson"):
        raise LedgerError(f"{file}: expected a name that ends in .csv, .jsonl or .ndjson")
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            if suffix == ".csv":
                reader = csv.DictReader(text)
                yield from ((reader.line_num, row) for row in reader)
                return
            for number, line in enumerate(text, start=1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise LedgerError(f"{file}, line {number}: expected a JSON object")
                    yield number, row
    except (OSError, ValueError, csv.Error) as error:
        raise LedgerError(f"{file}: cannot be read: {error}") from None


def key_command(args: argparse.Namespace) -> int:
    """Make a key."""
    from mersalg_service.ledger import make_key  # noqa: PLC0415

    make_key(args.file)
    print(f"a new key is in {args.file}; set MERSALG_LEDGER_KEY_FILE to it, and keep it: a ledger opens with no other")
    return 0
