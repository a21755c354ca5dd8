"""Customers whose history has been sent: kept by the caller's own key, in memory alone, so many and for so long."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from mersalg.customer import Customer, read_customer
from mersalg.errors import RequestError
from mersalg.requests import Request

MAX_KEY_LENGTH: Final = 200
"""Characters."""
Fate = Literal["kept", "hit", "miss", "evicted", "expired", "forgotten"]
Read = Callable[[Mapping[str, Any]], Request]


class UnknownCustomerError(RequestError):
    """A request names a customer whose history is not kept, and does not bring it."""


class KeptCustomers:
    """At most so many customers; the one longest not asked about goes first, and each goes when its time is over.

    Safe between threads. A customer is of no bundle, so that a change of bundles loses none.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        count: Callable[[Fate, int], None] = lambda _fate, _kept: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """seconds: from the sending of a history; count: called with what happened to one, and how many are kept."""
        self.most = most
        self.seconds = seconds
        self.count = count
        self.clock = clock
        self._lock = threading.Lock()
        self._by_use: OrderedDict[str, Customer] = OrderedDict()
        self._since: OrderedDict[str, float] = OrderedDict()
        """Key -> when the history was sent, the longest ago first."""

    def __len__(self) -> int:
        return len(self._by_use)

    def read(self, document: Mapping[str, Any], read: Read) -> Request:
        """A checked request by `read`; one that names a customer has the history that is sent, else the one kept.

        What is sent is kept where the request holds. UnknownCustomerError where there is neither.
        """
        key = read_key(document.get("customer"))
        if key is None:
            return read({name: value for name, value in document.items() if name != "customer"})
        history = document.get("history")
        customer = self.find(key) if history is None else read_customer(history)
        others = {name: value for name, value in document.items() if name != "history"}
        request = read({**others, "customer": customer})
        if history is not None:
            self.keep(key, customer)
        return request

    def find(self, key: str) -> Customer:
        """The customer of a key; UnknownCustomerError where none is kept."""
        self.drop_expired()
        with self._lock:
            customer = self._by_use.get(key)
            if customer is not None:
                self._by_use.move_to_end(key)
            self.count("miss" if customer is None else "hit", len(self))
        if customer is None:
            raise UnknownCustomerError("customer", "one that is kept here; send the history with it, once", key)
        return customer

    def keep(self, key: str, customer: Customer) -> None:
        """Keep a customer, in the place of what was kept under the key."""
        with self._lock:
            self._drop(key)
            self._by_use[key], self._since[key] = customer, self.clock()
            self.count("kept", len(self))
            while len(self) > self.most:
                self._drop(next(iter(self._by_use)))
                self.count("evicted", len(self))

    def forget(self, key: str) -> bool:
        """Keep nothing under a key any longer; whether there was something."""
        with self._lock:
            is_known = self._drop(key)
            if is_known:
                self.count("forgotten", len(self))
        return is_known

    def drop_expired(self) -> None:
        """Drop those whose time is over."""
        end = self.clock() - self.seconds
        with self._lock:
            while self._since and next(iter(self._since.values())) <= end:
                self._drop(next(iter(self._since)))
                self.count("expired", len(self))

    def _drop(self, key: str) -> bool:
        return self._since.pop(key, None) is not None and self._by_use.pop(key, None) is not None


def read_key(value: Any) -> str | None:
    """The key of a customer, or None."""
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= MAX_KEY_LENGTH):
        raise RequestError("customer", f"a text of 1 to {MAX_KEY_LENGTH} characters, or null", value)
    return value
