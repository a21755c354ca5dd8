"""One writer of the kill test, run in a process of its own.

It writes a real batch through the code of `mersalg follow-up`, with answers that every writer wants for every customer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import mersalg_service.follow_up.batch
from mersalg.names import KINDS
from mersalg.offers import Offer, Offers
from mersalg.requests import Request
from mersalg_service.follow_up.batch import MailingRequest
from mersalg_service.follow_up.command import write_batch
from mersalg_service.follow_up.orders import Histories, Lines
from mersalg_service.ledger import Batch, Cap, Ledger, Rules, key_of_file, open_ledger
from mersalg_service.ledger.database import Database

PRODUCTS = 30
CAPS = (Cap(12, 30), Cap(3, 30, "replacement"), Cap(3, 1.5, "mails"))
RULES = Rules(limit=2, caps=CAPS)
FIRST_DAY = datetime(2017, 12, 1)


class EverybodyWantsTheSame:
    """Offers p0, p1, ... to all, in that order, without what is excluded."""

    manifest: Mapping[str, Any] = {}

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        return [self.answer_one(request) for request in requests]

    def answer_one(self, request: Request) -> Offers:
        listed = [n for n in range(PRODUCTS) if f"p{n}" not in request.exclude]
        items = [Offer("", 1, f"p{n}", KINDS[n % 5], 0.5, 1.0, None) for n in listed if request.kinds[n % 5]]
        items = items[: request.limit]
        return Offers(tuple(items), None if items else "nothing retrieved", len(listed), {})


def slowly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that takes a while after its work is done, so that its process may be killed there."""

    def method_and_wait(*arguments: Any) -> Any:
        result = method(*arguments)
        time.sleep(0.05)
        return result

    return method_and_wait


def decided(database: Database, batch: str) -> int:
    """How many customers a batch has decided."""
    with database.snapshot() as t:
        return int(t.rows("SELECT count(*) FROM mersalg_decisions WHERE batch = ?", [batch])[0][0])


def waiting_at(customers: int, claim: Callable[..., Any]) -> Callable[..., Any]:
    """A claim whose process waits to be killed, as soon as its batch has decided so many customers."""

    def claim_and_wait(ledger: Ledger, batch: Batch, *arguments: Any) -> Any:
        result = claim(ledger, batch, *arguments)
        if decided(ledger.database, batch.batch) >= customers:
            threading.Event().wait()
        return result

    return claim_and_wait


def write(url: str, key_file: str, name: str, day: int, out: str, customers: int, waits_at: int | None) -> None:
    """Write the batch of a name, or go on with it; or wait to be killed when so many customers are decided."""
    mersalg_service.follow_up.batch.MAX_BATCH = 8
    for slow in ("claim", "mark_written"):
        setattr(Ledger, slow, slowly(getattr(Ledger, slow)))
    if waits_at is not None:
        Ledger.claim = waiting_at(waits_at, Ledger.claim)  # type: ignore[method-assign]
    at = FIRST_DAY + timedelta(days=day)
    lines = {f"customer {n}": Lines(["p0"], [FIRST_DAY], [1.0]) for n in range(customers)}
    with open_ledger(url, key_of_file(Path(key_file))) as ledger:
        batch = ledger.begin({"day": day}, at, name)
        path = Path(out)
        with path.with_suffix(".starts").open("a") as starts:
            starts.write(f"{decided(ledger.database, batch.batch)}\n")
        wish = MailingRequest(RULES, KINDS)
        write_batch(
            EverybodyWantsTheSame(),
            ledger,
            batch,
            Histories(at, lines),
            wish,
            path,
            path.with_suffix(".none.jsonl"),
            "en",
        )
        ledger.finish(batch)
