"""What became of offers: recorded once, however often and in whatever order it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, Literal, get_args

from mersalg.errors import LedgerError
from mersalg.ids import id_text
from mersalg.names import MOMENTS, Moment
from mersalg_service.ledger.claims import lock_customers, read_opted_out
from mersalg_service.ledger.database import Transaction
from mersalg_service.ledger.ledger import MAX_BATCH, Ledger
from mersalg_service.ledger.times import plain, to_micros

What = Literal["accepted", "declined", "bought", "returned", "opted-out", "opted-in"]
"""What a customer did with an offer; the last two are about the customer and need no product."""

Wish = Literal["opted-out", "opted-in"]

Told = Literal["new", "known", "no such offer"]

WHATS: Final[tuple[What, ...]] = get_args(What)
WISHES: Final[tuple[Wish, ...]] = get_args(Wish)
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far beyond now a time may lie, for no two clocks agree."""


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
        if not id_text(self.product_id) and self.what not in WISHES:
            raise LedgerError(f"outcome {self.what}: expected the product_id of the offer, got none")


def record(ledger: Ledger, outcomes: Iterable[Outcome], now: datetime | None = None) -> Counter[Told]:
    """Record what is new, and count the rest; `now` is the clock's where it is None.

    An outcome belongs to the latest offer of the product to this customer at or before its time; of the same outcome
    told with several times the earliest stands. Wishes count in the order in which they are recorded: an opt-out at
    once, an opt-in if it is later than the opt-out. What is told again changes nothing. LedgerError for a time beyond
    now; what came before it in `outcomes` may be recorded.
    """
    told: Counter[Told] = Counter()
    remaining = iter(outcomes)
    while piece := list(islice(remaining, MAX_BATCH)):
        hashes = [ledger.key.hash(outcome.customer_id) for outcome in piece]
        for outcome in piece:
            check_time(outcome.at, now or datetime.now(UTC))
        with ledger.database.transaction_of_one() as t:
            lock_customers(t, sorted(set(hashes)), ledger.database.lock_rows)
            told.update([record_one(t, h, outcome) for h, outcome in zip(hashes, piece, strict=True)])
    return told


def check_time(at: datetime, now: datetime) -> None:
    """LedgerError for a time beyond now, but for what two clocks may differ."""
    if plain(at) > plain(now) + MAX_AHEAD:
        raise LedgerError(
            f"at: expected a time up to now, {plain(now):%Y-%m-%dT%H:%M:%S} in UTC, got {at.isoformat()}; "
            "a time without a zone is taken for UTC"
        )


def record_one(t: Transaction, customer: str, outcome: Outcome) -> Told:
    """Record one outcome of a customer whom this transaction holds."""
    at = to_micros(outcome.at)
    if outcome.what in WISHES:
        return record_told(t, customer, outcome.what, at)
    offer = [customer, outcome.moment, id_text(outcome.product_id)]
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


def record_told(t: Transaction, customer: str, wish: What, at: int) -> Told:
    """Keep a wish that is told with its time, unless it is older than what was recorded before.

    An opt-out that is new counts though an opt-in is later: an opt-in has to be later than every opt-out.
    """
    out, back = read_wishes(t, customer)
    if at <= (out if wish == "opted-out" else max(out, back)):
        return "known"
    write_wish(t, customer, wish, max(at, back) if wish == "opted-out" else at)
    return "new"


def record_wish(ledger: Ledger, customer_id: str, wish: Wish, now: datetime) -> None:
    """Record that a customer opts out, or in, now, and read it back; it counts whatever was recorded before.

    LedgerError if the ledger then says otherwise.
    """
    customer = ledger.key.hash(customer_id)
    with ledger.database.transaction_of_one() as t:
        lock_customers(t, [customer], ledger.database.lock_rows)
        keep_wish(t, customer, wish, to_micros(now))
    with ledger.database.snapshot() as t:
        if (customer in read_opted_out(t, [customer])) is not (wish == "opted-out"):
            raise LedgerError(
                f"{ledger.database.name}: {wish} was recorded, but reads otherwise; try again, then repair it"
            )


def keep_wish(t: Transaction, customer: str, wish: Wish, now: int) -> None:
    """Keep a wish behind all that was recorded of the customer before, whatever clock that was by."""
    write_wish(t, customer, wish, max(now, *(at + 1 for at in read_wishes(t, customer))))


def read_wishes(t: Transaction, customer: str) -> tuple[int, int]:
    """The times of the latest opt-out and opt-in; -1 for none."""
    ((out, back),) = t.rows("SELECT opted_out_at, opted_in_at FROM mersalg_customers WHERE customer = ?", [customer])
    return (-1 if out is None else out, -1 if back is None else back)


def write_wish(t: Transaction, customer: str, wish: What, at: int) -> None:
    """Write the time of a wish."""
    column = "opted_out_at" if wish == "opted-out" else "opted_in_at"
    t.change(f"UPDATE mersalg_customers SET {column} = ? WHERE customer = ?", [at, customer])
