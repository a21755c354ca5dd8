"""The tables of a ledger, version 2, and the check that a database holds just that and was made with this key.

Times are microseconds since 1970 in UTC. `customer` is always a keyed hash. A claim's first columns are what promises
need for as long as they hold; the others, nullable, are details that retention deletes first.
"""

from __future__ import annotations

from typing import Final

from mersalg.errors import LedgerError
from mersalg_service.ledger.database import NO_LEDGER, Database
from mersalg_service.ledger.keys import KEY_FILE_VARIABLE, KEY_VARIABLE, Key

VERSION: Final = "2"

TABLES: Final = (
    """CREATE TABLE mersalg_ledger (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    )""",
    """CREATE TABLE mersalg_customers (
        customer TEXT PRIMARY KEY,
        opted_out_at BIGINT,
        opted_in_at BIGINT
    )""",
    """CREATE TABLE mersalg_batches (
        batch TEXT PRIMARY KEY,
        settings TEXT NOT NULL,
        begun_at BIGINT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'written', 'finished', 'purged'))
    )""",
    """CREATE TABLE mersalg_claims (
        customer TEXT NOT NULL,
        moment TEXT NOT NULL,
        product_id TEXT NOT NULL,
        occasion INTEGER NOT NULL,
        kind TEXT NOT NULL,
        claimed_at BIGINT NOT NULL,
        batch TEXT NOT NULL,
        rank INTEGER,
        relevance DOUBLE PRECISION,
        score DOUBLE PRECISION,
        because TEXT,
        facts TEXT,
        PRIMARY KEY (customer, moment, product_id, occasion)
    )""",
    "CREATE INDEX mersalg_claims_batch ON mersalg_claims (batch, customer)",
    """CREATE TABLE mersalg_decisions (
        batch TEXT NOT NULL,
        customer TEXT NOT NULL,
        reason TEXT,
        PRIMARY KEY (batch, customer)
    )""",
    "CREATE INDEX mersalg_decisions_customer ON mersalg_decisions (customer)",
    """CREATE TABLE mersalg_outcomes (
        customer TEXT NOT NULL,
        moment TEXT NOT NULL,
        product_id TEXT NOT NULL,
        occasion INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        happened_at BIGINT NOT NULL,
        PRIMARY KEY (customer, moment, product_id, occasion, outcome)
    )""",
)


def make_tables(database: Database, key: Key) -> None:
    """Make the tables of a new ledger; LedgerError where there is one."""
    with database.transaction_of_one() as transaction:
        if transaction.rows(database.find_table, ["mersalg_ledger"]):
            raise LedgerError(f"{database.name}: there is a ledger already; it is never made anew")
        for statement in TABLES:
            transaction.change(statement)
        first = [("version", VERSION), ("key check", key.check_value())]
        transaction.change_all("INSERT INTO mersalg_ledger (name, value) VALUES (?, ?)", first)


def check_tables(database: Database, key: Key | None) -> Key:
    """The key, where the database holds a ledger of this version that was made with it; else LedgerError."""
    with database.snapshot() as transaction:
        found = transaction.rows(database.find_table, ["mersalg_ledger"])
        facts = dict(transaction.rows("SELECT name, value FROM mersalg_ledger")) if found else {}
    if not facts:
        raise LedgerError(f"{database.name}: {NO_LEDGER}")
    if facts.get("version") != VERSION:
        raise LedgerError(
            f"{database.name}: expected a ledger of version {VERSION}, got version {facts.get('version')!r}; "
            "use the mersalg that wrote it, or a newer one"
        )
    if key is None:
        raise LedgerError(
            f"{database.name}: no key is given. Set {KEY_VARIABLE}, or {KEY_FILE_VARIABLE} to the file of the key "
            "that this ledger was made with"
        )
    if facts.get("key check") != key.check_value():
        raise LedgerError(
            f"{database.name}: was made with another key than that of {key.source}; with this one every customer would "
            "be a new one. Name the key that it was made with"
        )
    return key
