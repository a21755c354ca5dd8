"""A customer's rights and the shop's retention: export, erasure, deletion by age; and figures about nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mersalg.errors import LedgerError
from mersalg_service.ledger.claims import OPTED_OUT, lock_customers, read_forgotten
from mersalg_service.ledger.database import Transaction
from mersalg_service.ledger.ledger import Ledger
from mersalg_service.ledger.outcomes import keep_wish
from mersalg_service.ledger.schema import VERSION
from mersalg_service.ledger.times import from_micros, to_micros

SAME_OFFER = """c.customer = mersalg_outcomes.customer AND c.moment = mersalg_outcomes.moment
    AND c.product_id = mersalg_outcomes.product_id AND c.occasion = mersalg_outcomes.occasion"""


def export_customer(ledger: Ledger, customer_id: str) -> dict[str, Any]:
    """All that the ledger holds about one customer, as JSON values; empty lists for one that it does not know."""
    customer = ledger.key.hash(customer_id)

    def named(t: Transaction, table: str, columns: str) -> list[dict[str, Any]]:
        result = t.rows(f"SELECT {columns} FROM {table} WHERE customer = ? ORDER BY {columns}", [customer])
        names = columns.split(", ")
        return [{n: shown(n, value) for n, value in zip(names, row, strict=True)} for row in result]

    with ledger.database.snapshot() as t:
        wishes = named(t, "mersalg_customers", "opted_out_at, opted_in_at")
        claimed = "claimed_at, moment, product_id, occasion, kind, batch, rank, relevance, score, because, facts"
        return {
            "customer_id": customer_id,
            "stored_as": customer,
            **(wishes[0] if wishes else {"opted_out_at": None, "opted_in_at": None}),
            "offers": named(t, "mersalg_claims", claimed),
            "outcomes": named(t, "mersalg_outcomes", "happened_at, moment, product_id, occasion, outcome"),
            "decisions": named(t, "mersalg_decisions", "batch, reason"),
        }


def shown(name: str, value: Any) -> Any:
    """A column's value for people: times in ISO 8601."""
    return from_micros(value).isoformat() if name.endswith("_at") and value is not None else value


def erase_customer(ledger: Ledger, customer_id: str, now: datetime) -> int:
    """Delete all that is held about one customer and give the number of offers that went.

    One row stays: the hash, and that it wants no offers. Without it the ledger would take the customer for a new one,
    and a batch that is being written, or the next one, would write to the customer again.
    """
    customer = ledger.key.hash(customer_id)
    with ledger.database.transaction_of_one() as t:
        lock_customers(t, [customer], ledger.database.lock_rows)
        t.change("DELETE FROM mersalg_outcomes WHERE customer = ?", [customer])
        t.change("DELETE FROM mersalg_decisions WHERE customer = ?", [customer])
        offers = t.change("DELETE FROM mersalg_claims WHERE customer = ?", [customer])
        keep_wish(t, customer, "opted-out", to_micros(now))
    ledger.database.scrub()
    return offers


@dataclass(frozen=True, slots=True)
class Purged:
    """What retention has deleted."""

    details: int
    """Offers that kept only what the promises need."""
    outcomes: int
    decisions: int
    keys: int
    """Offers deleted whole."""
    batches: int
    """Batches that can no longer be resumed or written again."""


def purge(ledger: Ledger, details_before: datetime, keys_before: datetime | None = None) -> Purged:
    """Delete the details of offers from before a time, and, only where asked for, their keys.

    Details are rank, relevance, score, anchor, facts, outcomes and decisions. The key of an offer is who (hashed),
    what, its kind, moment, time and batch: with it "at most once" and every cap hold. `keys_before` gives the promise
    up for all that is older, and the ledger says so from then on. Opt-outs are never deleted. LedgerError if keys
    would go before their details.
    """
    cut = to_micros(details_before)
    key_cut = None if keys_before is None else to_micros(keys_before)
    if key_cut is not None and key_cut > cut:
        raise LedgerError(f"purge: expected keys to stay at least as long as details, got keys before {keys_before}")
    with ledger.database.transaction() as t:
        batches = t.change(
            "UPDATE mersalg_batches SET state = 'purged' WHERE begun_at < ? AND state <> 'purged'", [cut]
        )
        decisions = t.change(
            """DELETE FROM mersalg_decisions
               WHERE batch IN (SELECT batch FROM mersalg_batches WHERE state = 'purged')"""
        )
        outcomes = t.change(
            f"""DELETE FROM mersalg_outcomes
                WHERE NOT EXISTS (SELECT 1 FROM mersalg_claims c WHERE {SAME_OFFER} AND c.claimed_at >= ?)""",
            [cut],
        )
        details = t.change(
            """UPDATE mersalg_claims SET rank = NULL, relevance = NULL, score = NULL, because = NULL, facts = NULL
               WHERE claimed_at < ? AND rank IS NOT NULL""",
            [cut],
        )
        keys = 0 if key_cut is None else forget(t, key_cut)
        t.change("""DELETE FROM mersalg_customers WHERE opted_out_at IS NULL AND opted_in_at IS NULL
                    AND NOT EXISTS (SELECT 1 FROM mersalg_claims c WHERE c.customer = mersalg_customers.customer)
                    AND NOT EXISTS (SELECT 1 FROM mersalg_decisions d WHERE d.customer = mersalg_customers.customer)""")
    ledger.database.scrub()
    return Purged(details, outcomes, decisions, keys, batches)


def forget(t: Transaction, cut: int) -> int:
    """Delete the claims from before a time, and keep that time."""
    keys = t.change("DELETE FROM mersalg_claims WHERE claimed_at < ?", [cut])
    before = read_forgotten(t)
    if before is None:
        t.change("INSERT INTO mersalg_ledger (name, value) VALUES ('forgotten before', ?)", [str(cut)])
    elif before < cut:
        t.change("UPDATE mersalg_ledger SET value = ? WHERE name = 'forgotten before'", [str(cut)])
    return keys


def stats(ledger: Ledger) -> dict[str, Any]:
    """Counts, as JSON values, that say nothing about any one customer."""
    with ledger.database.snapshot() as t:

        def counts(sql: str, values: Sequence[Any] = ()) -> dict[str, int]:
            return {str(name): int(count) for name, count in t.rows(sql, values)}

        first, last, offers, customers, details = t.rows(
            """SELECT min(claimed_at), max(claimed_at), count(*), count(DISTINCT customer), count(rank)
               FROM mersalg_claims"""
        )[0]
        forgotten = read_forgotten(t)
        return {
            "ledger": ledger.database.name,
            "version": VERSION,
            "offers": offers,
            "offers_with_details": details,
            "customers_with_offers": customers,
            "first_offer_at": shown("first_at", first),
            "last_offer_at": shown("last_at", last),
            "forgotten_before": shown("forgotten_at", forgotten),
            "opted_out": t.rows(f"SELECT count(*) FROM mersalg_customers WHERE {OPTED_OUT}")[0][0],
            "batches": counts("SELECT state, count(*) FROM mersalg_batches GROUP BY state ORDER BY state"),
            "offers_by_kind": counts("SELECT kind, count(*) FROM mersalg_claims GROUP BY kind ORDER BY kind"),
            "outcomes": counts("SELECT outcome, count(*) FROM mersalg_outcomes GROUP BY outcome ORDER BY outcome"),
            "without_offer": counts(
                """SELECT reason, count(*) FROM mersalg_decisions WHERE reason IS NOT NULL
                   GROUP BY reason ORDER BY reason"""
            ),
        }
