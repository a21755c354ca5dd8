"""The commands `mersalg ledger ...`: figures, a customer's rights, retention, outcomes, keys."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mersalg.display import columns, listed
from mersalg.errors import LedgerError, RequestError

if TYPE_CHECKING:
    from mersalg_service.ledger import Ledger, Outcome

Handler = Callable[[argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands of `mersalg ledger`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, text: str, handler: Handler, *, opens: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(handler=handler)
        if opens:
            command.add_argument("--ledger", required=True, metavar="URL", help="sqlite:///file.db or postgresql://...")
            command.add_argument("--key-file", type=Path, metavar="FILE", help="default: from the environment")
        return command

    add("stats", "print counts, of nobody in particular", print_stats).add_argument(
        "--json", action="store_true", help="print JSON"
    )
    export = add("export", "write all that is held about one customer, as JSON", export_command)
    export.add_argument("--out", type=Path, help="default: stdout")
    erase = add("erase", "delete all that is held about one customer, who is never written to again", erase_command)
    erase.add_argument("--everything", action="store_true", help="the wish not to be written to as well")
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
    from mersalg_service.ledger.opening import open_aloud  # noqa: PLC0415

    return open_aloud(args.ledger, args.key_file)


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
    text = sys.stdin.readline().strip() if args.customer == "-" else args.customer.strip()
    if not text:
        raise LedgerError("--customer: expected the shop's id of a customer, got none")
    return str(text)


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
        offers = erase_customer(ledger, customer_of(args), now(), opt_out=not args.everything)
    stays = "nothing stays" if args.everything else "the wish to get no offers stays, under the hash"
    print(f"erased {offers:,} offers and all about them; {stays}")
    return 0


def wish_command(what: str) -> Handler:
    """A handler that records that a customer opted out, or in."""

    def record_wish(args: argparse.Namespace) -> int:
        from mersalg_service.ledger import Outcome, record  # noqa: PLC0415

        with opened(args) as ledger:
            record(ledger, [Outcome(customer_of(args), what, now())])  # type: ignore[arg-type]
        print(what)
        return 0

    return record_wish


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

    for number, row in read_rows(file):
        where = f"{file}, line {number}"
        customer_id, product_id = (row.get(name) for name in ("customer_id", "product_id"))
        if not customer_id:
            raise LedgerError(f"{where}: expected a customer_id, got none")
        try:
            at = read_time(row.get("at"), "at")
            moment = row.get("moment") or "follow-up"
            product = None if product_id in (None, "") else str(product_id)
            yield Outcome(str(customer_id), row.get("outcome"), at, product, moment)  # type: ignore[arg-type]
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
