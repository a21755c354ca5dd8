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
        self.field = field
        self.expected = expected
        self.got = got
        self.where = where
        shown = repr(got)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(f"{where + ': ' if where else ''}{field}: expected {expected}, got {shown}")

    def at(self, where: str) -> RequestError:
        """The same refusal, with the place of the request among others."""
        return RequestError(self.field, self.expected, self.got, where)


class ConfigError(MersalgError):
    """A configuration or a policy does not hold."""


class DataError(MersalgError):
    """Purchases or a catalogue cannot be read, or break the data contract."""


class LedgerError(MersalgError):
    """A ledger cannot be opened, or refuses what would break a promise that it keeps."""
