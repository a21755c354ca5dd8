"""Every refusal of the public surface.

MersalgError
├── BundleError      a bundle is missing, damaged, of another format or does not answer its golden requests
├── RegistryError    a model registry is down, or does not hold what is asked for
├── RequestError     a request has a wrong field; `field` names it
├── ConfigError      a configuration or policy does not hold; the message names the key
├── DataError        purchases or a catalogue cannot be read, or break the data contract
└── LedgerError      a ledger cannot be opened, or refuses what would break a promise that it keeps
"""

from __future__ import annotations

import reprlib
from typing import Final

MAX_SHOWN: Final = 80
"""Characters of a value in a message."""


class ShortRepr(reprlib.Repr):
    """What came in, in a few words at a bounded price, however large it is and however deeply it nests."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = MAX_SHOWN

    def repr_int(self, value: int, level: int) -> str:
        """The digits, which Python does not write for every number."""
        return super().repr_int(value, level) if value.bit_length() < 1000 else f"a number of {value.bit_length()} bits"


SHORT_REPR: Final = ShortRepr()


def shown(value: object) -> str:
    """A value for a message, cut to MAX_SHOWN characters."""
    text = SHORT_REPR.repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def name_of(key: object) -> str:
    """The key of a mapping as the name of a field."""
    return key if isinstance(key, str) else shown(key)


class MersalgError(Exception):
    """Base of every error that mersalg raises on purpose."""


class BundleError(MersalgError):
    """A bundle is missing, damaged, of another format, or does not answer its golden requests."""


class RegistryError(MersalgError):
    """A model registry is down (`unreachable`: trying again may help), or does not hold what is asked for."""

    def __init__(self, message: str, *, unreachable: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.unreachable = unreachable
        self.status = status


class RequestError(MersalgError):
    """A request has a wrong field; `where` names the request when there are many."""

    def __init__(self, field: str, expected: str, got: object, where: str = "") -> None:
        self.field = field if len(field) <= MAX_SHOWN else field[: MAX_SHOWN - 3] + "..."
        self.expected = expected
        self.got = got
        self.where = where
        super().__init__(f"{where + ': ' if where else ''}{self.field}: expected {expected}, got {shown(got)}")

    def at(self, where: str) -> RequestError:
        """The same refusal, with the place of the request among others."""
        return RequestError(self.field, self.expected, self.got, where)


class ConfigError(MersalgError):
    """A configuration or a policy does not hold."""


class DataError(MersalgError):
    """Purchases or a catalogue cannot be read, or break the data contract."""


class LedgerError(MersalgError):
    """A ledger cannot be opened, or refuses what would break a promise that it keeps."""
