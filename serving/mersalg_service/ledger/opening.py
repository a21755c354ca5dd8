"""How the commands open a ledger: a key that had to be made is told on stderr."""

from __future__ import annotations

import sys
from pathlib import Path

from mersalg_service.ledger.keys import find_key, own_key_file
from mersalg_service.ledger.ledger import Ledger, open_ledger


def open_aloud(url: str, key_file: Path | None) -> Ledger:
    """The ledger of a URL; a new one without a key gets one in the user's own place."""
    file = own_key_file()
    known = file.is_file()
    ledger = open_ledger(url, find_key(key_file))
    if not known and file.is_file():
        print(f"mersalg: made a key for this ledger in {file}; keep it, apart from the ledger", file=sys.stderr)
    return ledger
