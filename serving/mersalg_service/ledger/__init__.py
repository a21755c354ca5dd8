"""The ledger of offers: `make_ledger("sqlite:///ledger.db")` once, or `postgresql://...`; then `open_ledger`.

It remembers who was offered what and what became of it, and lets the same follow-up out at most once.
"""

from __future__ import annotations

from mersalg_service.ledger.entries import Answer, Ask, Batch, Decision, View
from mersalg_service.ledger.keys import Key, find_key, key_of_file, make_key
from mersalg_service.ledger.ledger import Ledger, make_ledger, open_ledger
from mersalg_service.ledger.outcomes import Outcome, record, record_wish
from mersalg_service.ledger.privacy import Purged, erase_customer, export_customer, purge, stats
from mersalg_service.ledger.rules import Cap, Rules, read_cap

__all__ = [
    "Answer",
    "Ask",
    "Batch",
    "Cap",
    "Decision",
    "Key",
    "Ledger",
    "Outcome",
    "Purged",
    "Rules",
    "View",
    "erase_customer",
    "export_customer",
    "find_key",
    "key_of_file",
    "make_key",
    "make_ledger",
    "open_ledger",
    "purge",
    "read_cap",
    "record",
    "record_wish",
    "stats",
]
