"""The secret key of a ledger: a customer's id goes in, a keyed hash comes out, and only the hash is stored.

HMAC-SHA256 (RFC 2104), the first 128 bits in hex. Without the key nobody can try ids until a hash fits. The key comes
from the environment or from a file and never goes into the ledger; a check value that is no use for hashing does, so
that another key is refused instead of taking every customer for a new one.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mersalg.errors import LedgerError
from mersalg.ids import id_text

KEY_VARIABLE: Final = "MERSALG_LEDGER_KEY"
"""Environment variable that holds the key itself."""
KEY_FILE_VARIABLE: Final = "MERSALG_LEDGER_KEY_FILE"
"""Environment variable that names a file with the key."""
MIN_KEY_BYTES: Final = 16
"""Bytes that a key has at least."""


@dataclass(frozen=True, slots=True)
class Key:
    """A secret key and where it came from; neither its text form nor a message shows the secret."""

    secret: bytes = field(repr=False)
    source: str

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_KEY_BYTES:
            raise LedgerError(
                f"{self.source}: expected a key of at least {MIN_KEY_BYTES} bytes, got {len(self.secret)}; "
                "`mersalg ledger key FILE` makes one"
            )

    def hash(self, customer_id: str) -> str:
        """32 hex digits for a customer, however the id is spelled; the same key gives the same everywhere.

        LedgerError for what is no id.
        """
        text = id_text(customer_id)
        if not text:
            raise LedgerError(f"customer: expected the shop's id of a customer, got {customer_id!r}")
        return self.digest(b"customer\0" + text.encode())

    def check_value(self) -> str:
        """32 hex digits that tell one key from another and are no customer's hash."""
        return self.digest(b"key check\0")

    def digest(self, message: bytes) -> str:
        """The first 128 bits of the HMAC, in hex."""
        return hmac.digest(self.secret, message, "sha256")[:16].hex()


def find_key(file: Path | None = None) -> Key | None:
    """The key of a file, else of the environment, else of the user's own place; None when there is none.

    LedgerError when a named file cannot be read or two places of the environment are set.
    """
    if file is not None:
        return key_of_file(file)
    text, named = os.environ.get(KEY_VARIABLE), os.environ.get(KEY_FILE_VARIABLE)
    if text and named:
        raise LedgerError(f"{KEY_VARIABLE} and {KEY_FILE_VARIABLE} are both set; unset one, so that the key is certain")
    if text:
        return Key(text.strip().encode(), KEY_VARIABLE)
    if named:
        return key_of_file(Path(named))
    own = own_key_file()
    return key_of_file(own) if own.is_file() else None


def key_of_file(file: Path) -> Key:
    """The key in a file, without white space around it."""
    try:
        return Key(file.read_bytes().strip(), str(file))
    except OSError as error:
        raise LedgerError(f"{file}: the ledger's key cannot be read: {error.strerror}") from None


def own_key_file() -> Path:
    """Where a user's own key lies: mersalg/ledger.key under XDG_CONFIG_HOME, or under ~/.config."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mersalg" / "ledger.key"


def own_key() -> Key:
    """The key in the user's own place, made when there is none."""
    file = own_key_file()
    if not file.is_file():
        try:
            return make_key(file)
        except LedgerError:
            if not file.is_file():
                raise  # it could not be written; else another process was quicker
    return key_of_file(file)


def make_key(file: Path) -> Key:
    """Write a new random key of 256 bits that only its owner can read; LedgerError when the file is there already."""
    text = secrets.token_hex(32)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(text + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        file.hardlink_to(part)
    except FileExistsError:
        raise LedgerError(
            f"{file}: there is a file already; a key is never written over, for no other opens its ledger"
        ) from None
    except OSError as error:
        raise LedgerError(f"{file}: the key cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return Key(text.encode(), str(file))
