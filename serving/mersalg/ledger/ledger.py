"""Who was offered what, where and when: claimed before it goes out, in one transaction, at most once.

A batch is one sending: a mailing, or one answer of a shop. What goes out is decided for each customer of a batch in a
transaction that is alone with this customer: it reads all that the customer was offered, chooses what still keeps the
rules, and writes the claims and the decision together. So two batches never claim the same product for a customer, a
cap holds whoever else is writing, and a batch that was killed finds its decisions again and goes on behind them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mersalg.errors import LedgerError
from mersalg.ledger.database import Database, Transaction, open_database
from mersalg.ledger.keys import KEY_FILE_VARIABLE, KEY_VARIABLE, Key, find_key, own_key
from mersalg.ledger.rules import Past, Rules, Standing, choose, standing
from mersalg.ledger.schema import is_ledger, prepare
from mersalg.ledger.times import from_micros, plain, to_micros
from mersalg.offers import Offer

MOST_TOGETHER: Final = 256
"""Customers that a caller should put into one transaction: few enough to hold nobody up, enough to be quick."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One sending."""

    batch: str
    begun_at: datetime
    """The time of all its offers, in UTC without a zone; kept, so that a resumed batch has the same."""
    finished: bool
    resumed: bool
    """It was in the ledger before."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one customer gets in one batch: offers ranked from 1, or none and the reason."""

    offers: tuple[Offer, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class View:
    """What the ledger knows of a customer before a batch asks for offers."""

    decision: Decision | None
    """What this batch has decided already."""
    opted_out: bool
    standing: Standing


@dataclass(frozen=True, slots=True)
class Ask:
    """What would be offered to a customer, best first, or why nothing would."""

    customer_id: str
    offers: Sequence[Offer]
    reason: str | None = None
    last: bool = True
    """Decide now. If not, and refusals leave the list short, nothing is written and the caller may ask for more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision, or None where the caller may ask again without what was refused."""

    decision: Decision | None
    refused: dict[str, str] = field(default_factory=dict)
    """Product id -> reason."""


class Ledger:
    """An open ledger. Safe to share between threads; open it after a fork, not before."""

    def __init__(self, database: Database, key: Key) -> None:
        self.database = database
        self.key = key

    def begin(self, settings: Mapping[str, Any], at: datetime, batch: str | None = None) -> Batch:
        """A batch of these settings (JSON values): the named one, else an unfinished one of the same, else a new one.

        LedgerError if the named one was made with other settings or its details are purged.
        """
        text = json.dumps(settings, sort_keys=True, ensure_ascii=False, allow_nan=False)
        columns = "SELECT batch, settings, begun_at, state FROM mersalg_batches"
        with self.database.transaction_of_one() as t:
            if batch is None:
                order = " WHERE settings = ? AND state = 'open' ORDER BY begun_at, batch"
                found = t.rows(columns + order, [text])
            else:
                found = t.rows(columns + " WHERE batch = ?", [batch])
            if not found:
                name = batch if batch is not None else f"{at:%Y-%m-%d}-{secrets.token_hex(4)}"
                sql = "INSERT INTO mersalg_batches (batch, settings, begun_at, state) VALUES (?, ?, ?, 'open')"
                t.change(sql, [name, text, to_micros(at)])
                return Batch(name, plain(at), finished=False, resumed=False)
        name, other, begun_at, state = found[0]
        check_same(name, json.loads(other), json.loads(text))
        if state == "purged":
            raise LedgerError(f"batch {name!r}: its details are purged, so that it cannot be written again")
        return Batch(name, from_micros(begun_at), finished=state == "finished", resumed=True)

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
            write_decisions(t, batch, new, rules, at)
        return answers

    def finish(self, batch: Batch) -> None:
        """Close a batch: its list is out, and nobody is added to it."""
        with self.database.transaction() as t:
            t.change("UPDATE mersalg_batches SET state = 'finished' WHERE batch = ? AND state = 'open'", [batch.batch])

    def forgotten_before(self) -> datetime | None:
        """The time before which no promise holds, for its claims are deleted; None when none is."""
        with self.database.snapshot() as t:
            found = read_forgotten(t)
        return None if found is None else from_micros(found)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(url: str, key: Key | None = None) -> Ledger:
    """The ledger of a URL, made when there is none yet.

    Without a key it is looked for as `find_key` says; a new ledger without any gets one, in the user's own place.
    LedgerError when the database cannot be opened, holds another version, or was made with another key.
    """
    database = open_database(url)
    try:
        key = key or find_key()
        if key is None and is_ledger(database):
            raise LedgerError(
                f"{database.name}: no key is given. Set {KEY_VARIABLE}, or {KEY_FILE_VARIABLE} to the file of the key "
                "that this ledger was made with"
            )
        key = key or own_key()
        prepare(database, key)
    except LedgerError:
        database.close()
        raise
    return Ledger(database, key)


def check_same(batch: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """LedgerError that names the first setting in which a batch differs from what it was made with."""
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise LedgerError(
                f"batch {batch!r}: was made with {name} = {before.get(name)!r}, got {now.get(name)!r}; "
                "a batch goes on with its own settings, another needs another name"
            )


def answer(ask: Ask, opted_out: bool, past: Sequence[Past], rules: Rules, at: int) -> Answer:
    """What one customer gets."""
    if opted_out:
        return Answer(Decision((), "opted out"))
    choice = choose(ask.offers, past, rules, at)
    if choice.refused and len(choice.granted) < rules.limit and not ask.last:
        return Answer(None, choice.refused)
    reason = next(iter(choice.refused.values()), ask.reason or "no offer") if not choice.granted else None
    ranked = tuple(
        Offer(ask.customer_id, rank, o.product_id, o.kind, o.relevance, o.score, o.because)
        for rank, o in enumerate(choice.granted, start=1)
    )
    return Answer(Decision(ranked, reason), choice.refused)


def lock_batch(t: Transaction, batch: Batch, share_rows: str) -> str:
    """The batch's state, which does not change while this transaction runs."""
    found = t.rows("SELECT state FROM mersalg_batches WHERE batch = ?" + share_rows, [batch.batch])
    if not found:
        raise LedgerError(f"batch {batch.batch!r} is not in this ledger; begin it first")
    return str(found[0][0])


def lock_customers(t: Transaction, hashes: Sequence[str], lock_rows: str) -> None:
    """Hold these customers until the transaction ends, in one order for all, so that no two wait for each other."""
    ordered = sorted(hashes)
    while ordered:
        t.change_all(
            "INSERT INTO mersalg_customers (customer) VALUES (?) ON CONFLICT DO NOTHING", [[h] for h in ordered]
        )
        sql = f"SELECT customer FROM mersalg_customers WHERE customer IN ({marks(ordered)}) ORDER BY customer"
        held = t.rows(sql + lock_rows, ordered)
        if len(held) == len(ordered):  # else one was erased while this transaction waited for it
            return


def read_opted_out(t: Transaction, hashes: Sequence[str]) -> set[str]:
    """Those whose latest word is that they want no offers."""
    if not hashes:
        return set()
    sql = f"""SELECT customer FROM mersalg_customers WHERE customer IN ({marks(hashes)}) AND opted_out_at IS NOT NULL
              AND (opted_in_at IS NULL OR opted_in_at < opted_out_at)"""
    return {row[0] for row in t.rows(sql, hashes)}


def read_past(t: Transaction, hashes: Sequence[str], moment: str) -> dict[str, list[Past]]:
    """What each customer was offered at this moment; a customer without a claim is not in it."""
    past: dict[str, list[Past]] = {}
    if hashes:
        sql = f"""SELECT customer, product_id, kind, claimed_at, batch FROM mersalg_claims
                  WHERE customer IN ({marks(hashes)}) AND moment = ?"""
        for customer, *row in t.rows(sql, [*hashes, moment]):
            past.setdefault(customer, []).append(Past(*row))
    return past


def read_decisions(t: Transaction, batch: Batch, names: Mapping[str, str]) -> dict[str, Decision]:
    """What this batch has decided for these customers, hash -> customer id."""
    if not names:
        return {}
    among = f"batch = ? AND customer IN ({marks(names)})"
    reasons = dict(t.rows(f"SELECT customer, reason FROM mersalg_decisions WHERE {among}", [batch.batch, *names]))
    sql = f"""SELECT customer, rank, product_id, kind, relevance, score, because FROM mersalg_claims
              WHERE {among} ORDER BY customer, rank"""
    offers: dict[str, list[Offer]] = {}
    for customer, *row in t.rows(sql, [batch.batch, *names]) if reasons else ():
        offers.setdefault(customer, []).append(Offer(names[customer], *row))
    return {customer: Decision(tuple(offers.get(customer, ())), reason) for customer, reason in reasons.items()}


def write_decisions(
    t: Transaction, batch: Batch, decisions: Sequence[tuple[str, Decision]], rules: Rules, at: int
) -> None:
    """Write decisions and their claims; a product that was claimed before gets the next occasion."""
    if not decisions:
        return
    rows = [(batch.batch, customer, decision.reason) for customer, decision in decisions]
    t.change_all("INSERT INTO mersalg_decisions (batch, customer, reason) VALUES (?, ?, ?)", rows)
    before = {}
    if rules.again_after_days is not None:
        sql = f"""SELECT customer, product_id, max(occasion) FROM mersalg_claims
                  WHERE customer IN ({marks(decisions)}) AND moment = ? GROUP BY customer, product_id"""
        found = t.rows(sql, [*(customer for customer, _ in decisions), rules.moment])
        before = {(customer, product_id): occasion for customer, product_id, occasion in found}
    claims = [
        (customer, rules.moment, o.product_id, before.get((customer, o.product_id), 0) + 1, o.kind, at, batch.batch,
         o.rank, o.relevance, o.score, o.because)
        for customer, decision in decisions
        for o in decision.offers
    ]  # fmt: skip
    t.change_all(
        """INSERT INTO mersalg_claims (customer, moment, product_id, occasion, kind, claimed_at, batch, rank, relevance,
           score, because) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        claims,
    )


def check_memory(t: Transaction, rules: Rules, at: int) -> None:
    """LedgerError if a cap or `again_after_days` looks back to claims that retention has deleted."""
    forgotten = read_forgotten(t)
    if forgotten is not None and rules.memory and at - rules.memory < forgotten:
        raise LedgerError(
            f"the ledger's claims before {from_micros(forgotten)} are deleted, and the rules look back to "
            f"{from_micros(at - rules.memory)}: shorten caps and again_after_days, or keep keys for longer"
        )


def read_forgotten(t: Transaction) -> int | None:
    """The time before which claims are deleted, microseconds."""
    found = t.rows("SELECT value FROM mersalg_ledger WHERE name = 'forgotten before'")
    return int(found[0][0]) if found else None


def marks(values: Any) -> str:
    """A `?` for each value."""
    return ", ".join("?" * len(values))
