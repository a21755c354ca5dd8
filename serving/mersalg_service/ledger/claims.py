"""The statements behind a claim: lock, read what was decided before, write what is decided now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mersalg.errors import LedgerError
from mersalg.offers import Offer
from mersalg_service.ledger.database import Transaction
from mersalg_service.ledger.entries import Batch, Decision
from mersalg_service.ledger.rules import EarlierOffer, Rules
from mersalg_service.ledger.times import from_micros

OPTED_OUT: Final = "opted_out_at IS NOT NULL AND (opted_in_at IS NULL OR opted_in_at <= opted_out_at)"
"""The condition of a customer who wants no offers."""
FACTS: Final = ("lift", "due_in_days", "interval_days", "times_bought", "better", "price_step")
"""Fields of an offer that are kept together, as JSON."""


def lock_batch(t: Transaction, batch: Batch, share_rows: str) -> str:
    """The batch's state, which does not change while this transaction runs."""
    result = t.rows("SELECT state FROM mersalg_batches WHERE batch = ?" + share_rows, [batch.batch])
    if not result:
        raise LedgerError(f"batch {batch.batch!r} is not in this ledger; begin it first")
    return str(result[0][0])


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


def read_opted_out(t: Transaction, hashes: Sequence[str] | None = None) -> set[str]:
    """Those of some customers, or of all, whose latest word is that they want no offers."""
    if hashes is None:
        return {row[0] for row in t.rows(f"SELECT customer FROM mersalg_customers WHERE {OPTED_OUT}")}
    if not hashes:
        return set()
    sql = f"SELECT customer FROM mersalg_customers WHERE customer IN ({marks(hashes)}) AND {OPTED_OUT}"
    return {row[0] for row in t.rows(sql, hashes)}


def read_past(t: Transaction, hashes: Sequence[str], moment: str) -> dict[str, list[EarlierOffer]]:
    """What each customer was offered at this moment; a customer without a claim is not in it."""
    past: dict[str, list[EarlierOffer]] = {}
    if hashes:
        sql = f"""SELECT customer, product_id, kind, claimed_at, batch FROM mersalg_claims
                  WHERE customer IN ({marks(hashes)}) AND moment = ?"""
        for customer, *row in t.rows(sql, [*hashes, moment]):
            past.setdefault(customer, []).append(EarlierOffer(*row))
    return past


def read_decisions(t: Transaction, batch: Batch, names: Mapping[str, str]) -> dict[str, Decision]:
    """What this batch has decided for these customers, hash -> customer id."""
    if not names:
        return {}
    among = f"batch = ? AND customer IN ({marks(names)})"
    reasons = dict(t.rows(f"SELECT customer, reason FROM mersalg_decisions WHERE {among}", [batch.batch, *names]))
    sql = f"""SELECT customer, rank, product_id, kind, relevance, score, because, facts FROM mersalg_claims
              WHERE {among} ORDER BY customer, rank"""
    offers: dict[str, list[Offer]] = {}
    for customer, *row, facts in t.rows(sql, [batch.batch, *names]) if reasons else ():
        offers.setdefault(customer, []).append(Offer(names[customer], *row, **read_facts(facts)))
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
        result = t.rows(sql, [*(customer for customer, _ in decisions), rules.moment])
        before = {(customer, product_id): occasion for customer, product_id, occasion in result}
    claims = [
        (customer, rules.moment, o.product_id, before.get((customer, o.product_id), 0) + 1, o.kind, at, batch.batch,
         o.rank, o.relevance, o.score, o.because, write_facts(o))
        for customer, decision in decisions
        for o in decision.offers
    ]  # fmt: skip
    t.change_all(
        """INSERT INTO mersalg_claims (customer, moment, product_id, occasion, kind, claimed_at, batch, rank, relevance,
           score, because, facts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        claims,
    )


def write_facts(offer: Offer) -> str:
    """What the reason of an offer says beside kind and anchor, as JSON."""
    return json.dumps({name: getattr(offer, name) for name in FACTS}, allow_nan=False)


def read_facts(text: str | None) -> dict[str, Any]:
    """The same by field of an offer; none where retention has deleted them."""
    facts: dict[str, Any] = {} if text is None else json.loads(text)
    return facts | {"better": tuple(facts["better"])} if facts else facts


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
    result = t.rows("SELECT value FROM mersalg_ledger WHERE name = 'forgotten before'")
    return int(result[0][0]) if result else None


def marks(values: Any) -> str:
    """A `?` for each value."""
    return ", ".join("?" * len(values))
