"""What became of offers: recorded once, however often and in whatever order it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Literal, get_args

from mersalg.errors import LedgerError
from mersalg.names import MOMENTS, Moment
from mersalg_service.ledger.claims import lock_customers
from mersalg_service.ledger.database import Transaction
from mersalg_service.ledger.ledger import MAX_BATCH, Ledger
from mersalg_service.ledger.times import to_micros

What = Literal["accepted", "declined", "bought", "returned", "opted-out", "opted-in"]
"""What a customer did with an offer; the last two are about the customer and need no product."""

Told = Literal["new", "known", "no such offer"]

WHATS: Final[tuple[What, ...]] = get_args(What)
OF_CUSTOMER: Final = ("opted-out", "opted-in")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a customer did, and when."""

    customer_id: str
    what: What
    at: datetime
    product_id: str | None = None
    moment: Moment = "follow-up"

    def __post_init__(self) -> None:
        if self.what not in WHATS:
            raise LedgerError(f"outcome: expected one of {', '.join(WHATS)}, got {self.what!r}")
        if self.moment not in MOMENTS:
            raise LedgerError(f"moment of an outcome: expected one of {', '.join(MOMENTS)}, got {self.moment!r}")
        if not self.product_id and self.what not in OF_CUSTOMER:
            raise LedgerError(f"outcome {self.what}: expected the product_id of the offer, got none")


def record(ledger: Ledger, outcomes: Iterable[Outcome]) -> Counter[Told]:
    """Record what is new, and count the rest.

    An outcome belongs to the latest offer of the product to this customer at or before its time; of the same outcome
    told with several times the earliest stands. An opt-out holds from the moment it is recorded, until a later opt-in;
    of both at one time the opt-out stands.
    """
    told: Counter[Told] = Counter()
    remaining = iter(outcomes)
    while piece := list(islice(remaining, MAX_BATCH)):
        hashes = [ledger.key.hash(outcome.customer_id) for outcome in piece]
        with ledger.database.transaction() as t:
            lock_customers(t, sorted(set(hashes)), ledger.database.lock_rows)
            told.update([record_one(t, h, outcome) for h, outcome in zip(hashes, piece, strict=True)])
    return told


def record_one(t: Transaction, customer: str, outcome: Outcome) -> Told:
    """Record one outcome of a customer whom this transaction holds."""
    at = to_micros(outcome.at)
    if outcome.what in OF_CUSTOMER:
        return record_wish(t, customer, "opted_out_at" if outcome.what == "opted-out" else "opted_in_at", at)
    offer = [customer, outcome.moment, outcome.product_id]
    same = "customer = ? AND moment = ? AND product_id = ?"
    result = t.rows(f"SELECT max(occasion) FROM mersalg_claims WHERE {same} AND claimed_at <= ?", [*offer, at])
    if result[0][0] is None:
        return "no such offer"
    this: Sequence[object] = [*offer, result[0][0], outcome.what]
    same += " AND occasion = ? AND outcome = ?"
    earlier = f"UPDATE mersalg_outcomes SET happened_at = ? WHERE {same} AND happened_at > ?"
    if t.rows(f"SELECT happened_at FROM mersalg_outcomes WHERE {same}", this):
        t.change(earlier, [at, *this, at])
        return "known"
    columns = "customer, moment, product_id, occasion, outcome, happened_at"
    t.change(f"INSERT INTO mersalg_outcomes ({columns}) VALUES (?, ?, ?, ?, ?, ?)", [*this, at])
    return "new"


def record_wish(t: Transaction, customer: str, column: str, at: int) -> Told:
    """Keep the latest time at which a customer opted out, or in."""
    later = f"UPDATE mersalg_customers SET {column} = ? WHERE customer = ? AND ({column} IS NULL OR {column} < ?)"
    return "new" if t.change(later, [at, customer, at]) else "known"
