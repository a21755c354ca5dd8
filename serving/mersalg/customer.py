"""What a customer bought: read and checked once, for every time at which is asked."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from mersalg.errors import RequestError
from mersalg.ids import check_product_ids
from mersalg.times import days_until, read_times, zone_like

HISTORY_LINES: Final = 1000
"""The latest lines that are used of a longer history."""
MAX_QUANTITY: Final = 1e9
PRODUCT_ID: Final = operator.itemgetter("product_id")
ORDERED_AT: Final = operator.itemgetter("ordered_at")
QUANTITY: Final = operator.itemgetter("quantity")
PLAIN_NUMBERS: Final = frozenset({int, float})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Customer:
    """A history that is read already: `recommender.customer(history)`.

    Immutable, safe between threads, and of no bundle: as good for the next one. Its length is the number of lines that
    are no returns; each takes about 100 bytes.
    """

    product_ids: tuple[str, ...]
    micros: npt.NDArray[np.int64]
    """(n_lines,) from 1970; so are the quantities, above 0."""
    quantities: npt.NDArray[np.float32]
    unit_prices: tuple[float | None, ...]
    zoned: bool | None
    """Whether the times have a zone; None without any."""

    def __post_init__(self) -> None:
        """Seal the arrays."""
        self.micros.setflags(write=False)
        self.quantities.setflags(write=False)

    def __len__(self) -> int:
        return len(self.product_ids)

    def __repr__(self) -> str:
        return f"Customer({len(self)} lines)"

    def bought(self, lines: Iterable[Mapping[str, Any]]) -> Customer:
        """The customer with lines behind those of before, as if both had been read together."""
        more = read_customer(lines)
        if self.zoned is None or more.zoned is None:
            return self if more.zoned is None else more
        if more.zoned != self.zoned:
            expected = zone_like(self.zoned, "those before have")
            raise RequestError("history[0].ordered_at", expected, f"a time with{'' if more.zoned else 'out'} one")
        micros = np.concatenate([self.micros, more.micros])
        quantities = np.concatenate([self.quantities, more.quantities])
        ids, paid = self.product_ids + more.product_ids, self.unit_prices + more.unit_prices
        return Customer(ids, micros, quantities, paid, self.zoned)

    def until(
        self, at: datetime | None
    ) -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.float32], list[float | None]]:
        """Product ids, ages in days, quantities and unit prices, (n_lines,) each, of what had been bought by then.

        None is now. Of more lines the latest HISTORY_LINES, of two at the same time the later in the list.
        """
        ids, quantities, paid = list(self.product_ids), self.quantities, list(self.unit_prices)
        ages = days_until(at, self.micros, zoned=self.zoned)
        used = ages >= 0
        if len(ids) > HISTORY_LINES or not used.all():
            chosen = np.flatnonzero(used)
            latest = np.lexsort((-chosen, ages[chosen]))[:HISTORY_LINES]
            chosen = np.sort(chosen[latest])
            ids, paid = [ids[i] for i in chosen], [paid[i] for i in chosen]
            ages, quantities = ages[chosen], quantities[chosen]
        return ids, ages.astype(np.float32), quantities, paid


def read_customer(history: Iterable[Mapping[str, Any]] | None) -> Customer:
    """The customer who bought the lines. Those with a quantity of zero or below (returns) are left out."""
    if isinstance(history, str | bytes | Mapping) or not isinstance(history, Iterable | None):
        raise RequestError("history", "a list of {product_id, ordered_at, quantity}", history)
    lines = list(history) if history is not None else []
    if not lines:
        return Customer((), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32), (), None)
    try:
        ids = list(map(PRODUCT_ID, lines))
        times = list(map(ORDERED_AT, lines))
        amounts, prices = amounts_and_prices(lines)
    except (TypeError, KeyError, AttributeError, IndexError):
        refuse_line(lines)
    check_product_ids(ids, "history[{}].product_id")
    micros, zoned = read_times(times)
    quantities = read_quantities(amounts)
    paid = read_unit_prices(prices)
    kept = quantities > 0
    if not kept.all():
        ids, paid = list(compress(ids, kept)), list(compress(paid, kept))
        micros, quantities = micros[kept], quantities[kept]
    return Customer(tuple(ids), micros, quantities.astype(np.float32), tuple(paid), zoned)


def amounts_and_prices(lines: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """What each line says of quantity, 1 where nothing, and of unit price, None where nothing.

    The lines have a product_id and an ordered_at.
    """
    if set(map(len, lines)) == {3}:  # then a line with a quantity has no price
        try:
            return list(map(QUANTITY, lines)), [None] * len(lines)
        except KeyError:
            pass
    return [line.get("quantity", 1) for line in lines], [line.get("unit_price") for line in lines]


def refuse_line(lines: Sequence[Any]) -> NoReturn:
    """Name the history line that is no mapping or lacks a field."""
    for position, line in enumerate(lines):
        if not isinstance(line, Mapping):
            raise RequestError(f"history[{position}]", "a mapping {product_id, ordered_at, quantity}", line)
        for name in ("product_id", "ordered_at"):
            if name not in line:
                raise RequestError(f"history[{position}].{name}", "a value", None)
    raise AssertionError("a history line was refused without a reason")


def read_quantities(amounts: Sequence[Any]) -> npt.NDArray[np.float64]:
    """(n_lines,) finite quantities; None counts as 1."""
    if not PLAIN_NUMBERS.issuperset(set(map(type, amounts))):
        amounts = [plain_number(amount, position) for position, amount in enumerate(amounts)]
    try:
        quantities = np.array(amounts, dtype=np.float64)
        holds = np.abs(quantities) <= MAX_QUANTITY
    except OverflowError:
        holds = np.array([abs(amount) <= MAX_QUANTITY for amount in amounts])
    if not holds.all():
        worst = int(np.argmin(holds))
        raise RequestError(f"history[{worst}].quantity", f"a number up to {MAX_QUANTITY:.0e}", amounts[worst])
    return quantities


def read_unit_prices(prices: list[Any]) -> list[float | None]:
    """Prices paid, None where a line says none."""
    if prices.count(None) == len(prices):
        return prices
    paid: list[float | None] = []
    for position, price in enumerate(prices):
        try:
            number = float(price) if price is not None and not isinstance(price, bool | str | bytes) else None
        except (TypeError, ValueError, OverflowError):
            number = None
        if price is not None and (number is None or not 0 <= number <= MAX_QUANTITY):
            raise RequestError(f"history[{position}].unit_price", "a number from 0, or null", price)
        paid.append(number)
    return paid


def plain_number(amount: Any, position: int) -> float:
    """A quantity of another numeric type, such as numpy's or Decimal, as a float; None is 1."""
    if amount is None:
        return 1.0
    if not isinstance(amount, bool | np.bool_ | str | bytes):
        try:
            return float(amount)
        except (TypeError, ValueError, OverflowError):
            pass  # refused below
    raise RequestError(f"history[{position}].quantity", f"a number up to {MAX_QUANTITY:.0e}", amount)
