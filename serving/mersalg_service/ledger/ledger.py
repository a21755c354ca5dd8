"""Who was offered what, where and when: claimed before it goes out, in one transaction, at most once.

A batch is one sending: a mailing, or one answer of a shop. What goes out is decided for each customer of a batch in a
transaction that is alone with this customer: it reads all that the customer was offered, chooses what still keeps the
rules, and writes the claims and the decision together. So two batches never claim the same product for a customer, a
cap holds whoever else is writing, and a batch that was killed finds its decisions again and goes on behind them.

A batch is open, then written, from just before its files appear, then finished, when they are there.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mersalg.errors import LedgerError
from mersalg.ids import id_text
from mersalg_service.ledger.claims import (
    check_memory,
    lock_batch,
    lock_customers,
    read_decisions,
    read_forgotten,
    read_opted_out,
    read_past,
    write_decisions,
)
from mersalg_service.ledger.database import Database, open_database
from mersalg_service.ledger.entries import Answer, Ask, Batch, Decision, View
from mersalg_service.ledger.keys import Key, find_key, own_key
from mersalg_service.ledger.rules import EarlierOffer, Rules, Standing, choose_by, standing
from mersalg_service.ledger.schema import check_tables, make_tables
from mersalg_service.ledger.times import from_micros, plain, to_micros

MAX_BATCH: Final = 256
"""Customers that a caller should put into one transaction: few enough to hold nobody up, enough to be quick."""


class Ledger:
    """An open ledger. Safe to share between threads; open it after a fork, not before."""

    def __init__(self, database: Database, key: Key) -> None:
        self.database = database
        self.key = key

    def begin(self, settings: Mapping[str, Any], at: datetime, batch: str | None = None) -> Batch:
        """A batch of these settings (JSON values): the named one, else an unfinished one of the same, else a new one.

        LedgerError if the named one was made with other settings or its details are purged, or if there is one of the
        same settings whose files were written by a run that did not end well: only its name says that it is meant.
        """
        if batch is not None and not id_text(batch):
            raise LedgerError(f"batch: expected a name, got {batch!r}; leave it out for a new one")
        text = json.dumps(settings, sort_keys=True, ensure_ascii=False, allow_nan=False)
        columns = "SELECT batch, settings, begun_at, state FROM mersalg_batches"
        with self.database.transaction_of_one() as t:
            if batch is None:
                order = " WHERE settings = ? AND state IN ('open', 'written') ORDER BY state DESC, begun_at, batch"
                result = t.rows(columns + order, [text])
            else:
                result = t.rows(columns + " WHERE batch = ?", [batch])
            if not result:
                name = batch if batch is not None else f"{at:%Y-%m-%d}-{secrets.token_hex(4)}"
                sql = "INSERT INTO mersalg_batches (batch, settings, begun_at, state) VALUES (?, ?, ?, 'open')"
                t.change(sql, [name, text, to_micros(at)])
                return Batch(name, plain(at), closed=False, resumed=False)
        name, other, begun_at, state = result[0]
        check_same(name, json.loads(other), json.loads(text))
        if state == "purged":
            raise LedgerError(f"batch {name!r}: its details are purged, so that it cannot be written again")
        if state == "written" and batch is None:
            raise LedgerError(
                f"batch {name!r}: was written by a run that did not end well, so it may have been sent. Find "
                f"out, then name it: `--batch {name}` writes the same list once more and ends it; the next run begins "
                "a new one"
            )
        return Batch(name, from_micros(begun_at), closed=state != "open", resumed=True)

    def look(self, batch: Batch, customer_ids: Sequence[str], rules: Rules) -> list[View]:
        """What is known of each customer, in order; nothing is written."""
        hashes = [self.key.hash(customer_id) for customer_id in customer_ids]
        at = to_micros(batch.begun_at)
        with self.database.snapshot() as t:
            check_memory(t, rules, at)
            out, past = read_opted_out(t, hashes), read_past(t, hashes, rules.moment)
            decisions = read_decisions(t, batch, dict(zip(hashes, customer_ids, strict=True)))
        return [View(decisions.get(h), h in out, standing(past.get(h, ()), rules, at)) for h in hashes]

    def claim(self, batch: Batch, asks: Sequence[Ask], rules: Rules) -> list[Answer]:
        """Decide, in one transaction, what each customer gets; what is decided already stays as it is.

        Answers in the order of the asks, each customer at most once. LedgerError if the batch is finished and a
        customer is not decided, or if a rule looks back to what retention has deleted.
        """
        hashes = [self.key.hash(ask.customer_id) for ask in asks]
        if len(set(hashes)) < len(hashes):
            raise LedgerError("claim: expected each customer once, got one twice; put its offers into one ask")
        if not asks:
            return []
        at = to_micros(batch.begun_at)
        with self.database.transaction() as t:
            state = lock_batch(t, batch, self.database.share_rows)
            lock_customers(t, hashes, self.database.lock_rows)
            check_memory(t, rules, at)
            names = {h: ask.customer_id for h, ask in zip(hashes, asks, strict=True)}
            out, past, known = (
                read_opted_out(t, hashes),
                read_past(t, hashes, rules.moment),
                read_decisions(t, batch, names),
            )
            answers = [
                Answer(known[h]) if h in known else answer(ask, h in out, past.get(h, []), rules, at)
                for h, ask in zip(hashes, asks, strict=True)
            ]
            new = [(h, a.decision) for h, a in zip(hashes, answers, strict=True) if h not in known and a.decision]
            if new and state != "open":
                raise LedgerError(f"batch {batch.batch!r} is {state}: it takes no new customers; begin another")
            check_texts(new)
            write_decisions(t, batch, new, rules, at)
        return answers

    def mark_written(self, batch: Batch) -> None:
        """Say, before the files of a batch appear, that they do: nobody is added, and it goes on only by its name."""
        with self.database.transaction() as t:
            t.change("UPDATE mersalg_batches SET state = 'written' WHERE batch = ? AND state = 'open'", [batch.batch])

    @contextmanager
    def last_word(self, customer_ids: Iterable[str]) -> Iterator[set[str]]:
        """Those of some customers who want no offers. While the block runs no wish and no erasure is recorded.

        The block may not use this ledger.
        """
        customer_of = {self.key.hash(customer_id): customer_id for customer_id in customer_ids}
        with self.database.transaction_of_one() as t:
            yield {customer_of[h] for h in read_opted_out(t) if h in customer_of}

    def finish(self, batch: Batch) -> None:
        """End a batch: its list is out, and nobody is added to it."""
        with self.database.transaction() as t:
            sql = "UPDATE mersalg_batches SET state = 'finished' WHERE batch = ? AND state IN ('open', 'written')"
            t.change(sql, [batch.batch])

    def forgotten_before(self) -> datetime | None:
        """The time before which no promise holds, for its claims are deleted; None when none is."""
        with self.database.snapshot() as t:
            result = read_forgotten(t)
        return None if result is None else from_micros(result)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_ledger(url: str, key: Key | None = None) -> Ledger:
    """A new ledger at a URL. Without a key `find_key` looks for one; where there is none, the user's own is made.

    LedgerError when there is a ledger already, or the database cannot be opened.
    """
    return opened(open_database(url, new=True), key, new=True)


def open_ledger(url: str, key: Key | None = None) -> Ledger:
    """The ledger of a URL. Without a key `find_key` looks for one.

    LedgerError when there is no ledger, it has another version, or it was made with another key.
    """
    return opened(open_database(url, new=False), key, new=False)


def opened(database: Database, key: Key | None, *, new: bool) -> Ledger:
    """The ledger of an open database, which is closed where it cannot be one."""
    try:
        key = key or find_key()
        if new:
            key = key or own_key()
            make_tables(database, key)
        return Ledger(database, check_tables(database, key))
    except LedgerError:
        database.close()
        raise


def check_texts(decisions: Iterable[tuple[str, Decision]]) -> None:
    """LedgerError that names an offer whose ids cannot be stored by every database."""
    for offer in (offer for _, decision in decisions for offer in decision.offers):
        if "\0" in offer.product_id or "\0" in (offer.because or ""):
            raise LedgerError(
                f"claim: expected product ids without NUL, got {offer.product_id!r} because of {offer.because!r}; "
                "export the bundle again from products with sound ids"
            )


def check_same(batch: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """LedgerError that names the first setting in which a batch differs from what it was made with."""
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise LedgerError(
                f"batch {batch!r}: was made with {name} = {before.get(name)!r}, got {now.get(name)!r}; "
                "a batch goes on with its own settings, another needs another name"
            )


def answer(ask: Ask, opted_out: bool, past: Sequence[EarlierOffer], rules: Rules, at: int) -> Answer:
    """What one customer gets."""
    if opted_out:
        return Answer(Decision((), "opted out"))
    return settle(ask, standing(past, rules, at), rules.limit)


def settle(ask: Ask, now: Standing, limit: int) -> Answer:
    """What a customer who stands so gets; nothing is written."""
    choice = choose_by(ask.offers, now, limit)
    if choice.refused and len(choice.granted) < limit and not ask.last:
        return Answer(None, choice.refused)
    reason = next(iter(choice.refused.values()), ask.reason or "no offer") if not choice.granted else None
    ranked = tuple(
        replace(offer, request_id=ask.customer_id, rank=rank) for rank, offer in enumerate(choice.granted, start=1)
    )
    return Answer(Decision(ranked, reason), choice.refused)
