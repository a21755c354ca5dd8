"""The command `mersalg follow-up`: two files, those who get a follow-up and those who get none, and a summary."""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mersalg.arguments import split_ids
from mersalg.display import listed
from mersalg.errors import MersalgError, RequestError
from mersalg.names import KINDS, LANGUAGES, ORDERS
from mersalg.policy.command import add_policy_options, under_policy
from mersalg.reasons import read_language

if TYPE_CHECKING:
    from mersalg.recommender import AnswersRequests
    from mersalg_service.follow_up.batch import MailingRequest
    from mersalg_service.follow_up.orders import Histories
    from mersalg_service.follow_up.tables import Type
    from mersalg_service.follow_up.trial import FollowUpTrial
    from mersalg_service.ledger import Batch, Decision, Ledger

OFFER_COLUMNS: Final[dict[str, Type]] = {
    "customer_id": "text", "request_id": "text", "rank": "whole", "product_id": "text", "name": "text", "kind": "text",
    "relevance": "real", "score": "real", "because": "text", "because_name": "text", "reason": "text", "moment": "text",
    "offered_at": "time", "batch": "text",
}  # fmt: skip
REASON_COLUMNS: Final[dict[str, Type]] = {"customer_id": "text", "reason": "text", "batch": "text"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `mersalg follow-up` takes."""
    parser.add_argument("--orders", required=True, metavar="PATH", help="Parquet or CSV: a file, a glob or a folder")
    parser.add_argument("--ledger", required=True, metavar="URL", help="sqlite:///file.db or postgresql://...")
    parser.add_argument("--out", type=Path, required=True, help="the offers: .parquet, .jsonl or .ndjson")
    parser.add_argument("--reasons", type=Path, help="those who get none, and why (default: OUT's name and .none)")
    parser.add_argument("--column", action="append", default=[], metavar="OURS=THEIRS", help="what a column is called")
    parser.add_argument("--at", metavar="TIME", help="ISO 8601: orders up to it count (default: now)")
    parser.add_argument("--limit", type=int, default=2, help="most offers a customer (default: 2)")
    parser.add_argument("--kinds", metavar="K,L", help="kinds of offer (default: those of a follow-up)")
    parser.add_argument("--order", default="relevance", help="relevance or value (default: relevance)")
    parser.add_argument("--language", default="en", help=f"of the reasons: {', '.join(LANGUAGES)} (default: en)")
    parser.add_argument(
        "--cap",
        action="append",
        default=[],
        metavar="CAP",
        help="2/30d, mails:1/7d or replacement:1/90d; may be repeated",
    )
    parser.add_argument("--again-after", type=float, metavar="DAYS", help="offer a product again then (default: never)")
    parser.add_argument("--batch", metavar="ID", help="go on with this batch, or begin it under this name")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="the ledger's key (default: from the environment)"
    )
    parser.add_argument("--trial", type=Path, metavar="FILE.toml", help="the hold-out of this experiment gets nothing")
    parser.add_argument(
        "--exposures",
        type=Path,
        metavar="FOLDER",
        help="the trial's record: a file for each batch in a folder, or one .parquet, .jsonl or .ndjson",
    )
    add_policy_options(parser)


def follow_up_command(args: argparse.Namespace) -> int:
    """Decide a batch, write its files and print a summary."""
    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg.table import form_of  # noqa: PLC0415
    from mersalg_service.follow_up.trial import open_trial  # noqa: PLC0415
    from mersalg_service.ledger import find_key, open_ledger  # noqa: PLC0415

    out: Path = args.out
    reasons: Path = args.reasons or out.with_name(f"{out.stem}.none{out.suffix}")
    for path in (out, reasons):
        form_of(path)
    if out.resolve() == reasons.resolve():
        raise MersalgError(f"--reasons: expected another file than --out, got {reasons}")
    mailing, columns = read_mailing(args), read_columns(args.column)
    at, given = read_at(args.at)
    recommender = load(args.bundle, threads=os.cpu_count() or 1)
    answers = under_policy(recommender, args)
    names = recommender.names
    trial = open_trial(args.trial, args.exposures, recommender.manifest)
    start = time.perf_counter()
    with open_ledger(args.ledger, find_key(args.key_file)) as ledger:
        histories = read_orders(args.orders, columns, at, given)
        settings = {
            "bundle": f"{recommender.manifest['name']} {recommender.manifest['files']['scorer.onnx']['sha256'][:16]}",
            "orders": args.orders, "columns": columns, "at": None if args.at is None else at.isoformat(),
            "limit": args.limit, "kinds": mailing.kinds, "order": args.order, "language": read_language(args.language),
            "caps": sorted(map(str, mailing.rules.caps)), "again after": args.again_after,
            "policy": digest(args.policy), "catalogue": digest(args.catalogue),
            "out": str(out.resolve()), "reasons": str(reasons.resolve()),
        }  # fmt: skip
        if trial is not None:
            settings |= {"trial": trial.settings, "exposures": str(args.exposures.resolve())}
        batch = ledger.begin(settings, at, args.batch)
        if batch.begun_at != histories.at:  # begun earlier, at a time that nobody gave
            histories = read_orders(args.orders, columns, batch.begun_at, given=False)
        tally = write_batch(answers, ledger, batch, histories, mailing, out, reasons, args.language, trial, names)
        ledger.finish(batch)
        forgotten = ledger.forgotten_before()
    tell(batch, tally, histories, out, reasons, time.perf_counter() - start)
    if forgotten is not None and args.again_after is None:
        print(f"offers before {forgotten} are no longer in the ledger: a product is offered once since then")
    return 0


def digest(file: Path | None) -> str | None:
    """What tells one content of a file from another, so that a batch goes on by the rules by which it began."""
    return None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()


def read_mailing(args: argparse.Namespace) -> MailingRequest:
    """What the mailing wants, checked."""
    from mersalg_service.follow_up.batch import MailingRequest  # noqa: PLC0415
    from mersalg_service.ledger import Rules, read_cap  # noqa: PLC0415

    kinds = None
    if args.kinds is not None:
        named = split_ids([args.kinds])
        kinds = tuple(kind for kind in KINDS if kind in named)
        if not named or set(named) - set(kinds):
            raise RequestError("--kinds", f"some of {', '.join(KINDS)}", args.kinds)
    if args.order not in ORDERS:
        raise RequestError("--order", f"one of {', '.join(ORDERS)}", args.order)
    caps = tuple(dict.fromkeys(map(read_cap, args.cap)))
    return MailingRequest(Rules(limit=args.limit, caps=caps, again_after_days=args.again_after), kinds, args.order)


def read_columns(pairs: list[str]) -> dict[str, str]:
    """Our names of columns -> those of the files."""
    columns = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise MersalgError(f"--column: expected OURS=THEIRS such as customer_id=household_id, got {wrong[0]!r}")
    return {ours.strip(): theirs.strip() for ours, theirs in columns.items()}


def read_at(text: str | None) -> tuple[datetime, bool]:
    """The time of the batch, and whether it was given."""
    from mersalg.times import read_time  # noqa: PLC0415

    return (datetime.now(UTC), False) if text is None else (read_time(text, "--at"), True)


def read_orders(location: str, columns: dict[str, str], at: datetime, given: bool) -> Histories:
    """The orders up to a time; one that was given has a time zone exactly when the orders have."""
    from mersalg_service.follow_up.orders import read_histories  # noqa: PLC0415

    histories = read_histories(location, columns, at)
    if given and histories.zoned is not (at.tzinfo is not None):
        have = "time zones" if histories.zoned else "no time zone"
        raise MersalgError(
            f"--at: the times of {location} have {have}; give one {'with' if histories.zoned else 'without'}"
        )
    return histories


@dataclass(slots=True)
class BatchTally:
    """What a batch came to."""

    offers: int = 0
    customers: int = 0
    """With an offer."""
    none: Counter[str] = field(default_factory=Counter)
    """Customers without, by reason."""
    outside: int = 0
    """Customers of the orders who are not in a batch that was closed before."""
    late: int = 0
    """Customers who opted out, or were erased, while the batch was written."""
    record: Path | None = None
    """Where a trial's record is."""


def write_batch(
    answers: AnswersRequests,
    ledger: Ledger,
    batch: Batch,
    histories: Histories,
    mailing: MailingRequest,
    out: Path,
    reasons: Path,
    language: str,
    trial: FollowUpTrial | None = None,
    names: Mapping[str, str] = MappingProxyType({}),
) -> BatchTally:
    """Decide, and write the files, which appear whole: the record and the reasons, then the offers.

    Before they appear the ledger says that the batch is written. Who opts out, or is erased, until they appear is in
    them as opted out. `names` has the names of products.
    """
    from mersalg.table import form_of, whole_file  # noqa: PLC0415
    from mersalg_service.follow_up.batch import OPTED_OUT, follow_up, nobody  # noqa: PLC0415
    from mersalg_service.follow_up.tables import write_table  # noqa: PLC0415
    from mersalg_service.follow_up.trial import EXPOSURE_COLUMNS  # noqa: PLC0415
    from mersalg_service.ledger import Decision  # noqa: PLC0415

    tally = BatchTally(record=None if trial is None else trial.path_of(batch))
    with ExitStack() as held, ExitStack() as files:  # what is entered last is left first: the offers appear last
        parts = {path: files.enter_context(whole_file(path)) for path in (out, reasons, tally.record) if path}
        decided = follow_up(answers, ledger, batch, histories, mailing, nobody if trial is None else trial.is_held_out)
        would_be = {} if trial is None else trial.would_be(answers, ledger, batch, histories, mailing, decided)
        known = {customer_id: decision for customer_id, decision in decided.items() if decision is not None}

        def write_parts() -> None:
            rows = offer_rows(batch, mailing.rules.moment, known, names, language)
            write_table(parts[out], form_of(out), OFFER_COLUMNS, rows)
            write_table(parts[reasons], form_of(reasons), REASON_COLUMNS, reason_rows(batch, known))
            if trial is not None and tally.record is not None:
                record = trial.rows(batch, mailing.rules.moment, known.items(), would_be)
                write_table(parts[tally.record], form_of(tally.record), EXPOSURE_COLUMNS, record)

        write_parts()
        ledger.mark_written(batch)
        late = held.enter_context(ledger.last_word(who for who, it in known.items() if it.offers))
        if late:
            known |= dict.fromkeys(late, Decision((), OPTED_OUT))
            write_parts()
    tally.late, tally.outside = len(late), len(decided) - len(known)
    tally.none.update(it.reason or "no offer" for it in known.values() if not it.offers)
    tally.customers = len(known) - tally.none.total()
    tally.offers = sum(len(it.offers) for it in known.values())
    return tally


def offer_rows(
    batch: Batch, moment: str, decided: Mapping[str, Decision], names: Mapping[str, str], language: str
) -> Iterator[dict[str, Any]]:
    """A row for each offer."""

    def name(product_id: str) -> str:
        return names.get(product_id, product_id)

    for customer_id, decision in decided.items():
        for offer in decision.offers:
            named = {"name": names.get(offer.product_id), "because_name": names.get(offer.because or "")}
            row = {"customer_id": customer_id, **offer.to_dict(), **named, "reason": offer.reason.text(name, language)}
            yield {**row, "moment": moment, "offered_at": batch.begun_at, "batch": batch.batch}


def reason_rows(batch: Batch, decided: Mapping[str, Decision]) -> Iterator[dict[str, Any]]:
    """A row for each customer without an offer."""
    for customer_id, decision in decided.items():
        if not decision.offers:
            yield {"customer_id": customer_id, "reason": decision.reason, "batch": batch.batch}


def tell(batch: Batch, tally: BatchTally, histories: Histories, out: Path, reasons: Path, seconds: float) -> None:
    """Print what came of the batch; nobody is named."""
    went_on = " (written again)" if batch.closed else " (resumed)" if batch.resumed else ""
    left_out = f"; left out: {listed(histories.left_out, '{:,}')}" if histories.left_out else ""
    print(f"orders  {histories.read:,} lines of {len(histories.by_customer):,} customers{left_out}")
    print(f"batch   {batch.batch}{went_on}, offers as of {batch.begun_at:%Y-%m-%d %H:%M}")
    print(f"offers  {tally.offers:,} for {tally.customers:,} customers -> {out}")
    told = f": {listed(tally.none, '{:,}')}" if tally.none else ""
    print(f"none    {sum(tally.none.values()):,} customers{told} -> {reasons}")
    if tally.record is not None:
        print(f"record  of {sum(tally.none.values()) + tally.customers:,} customers -> {tally.record}")
    if tally.late:
        print(f"        {tally.late:,} customers opted out while the batch was written, and get none")
    if tally.outside:
        print(f"        {tally.outside:,} customers are not in this batch: it was written before")
    print(f"took    {seconds:.1f} s")
