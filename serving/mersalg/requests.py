"""A request: checked at the border, then encoded as the tensors of the graph."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from mersalg.errors import RequestError, name_of
from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS, ORDERS, Language
from mersalg.shopper import Shopper, read_shopper
from mersalg.times import days_between, read_time

Feeds = dict[str, npt.NDArray[Any]]

FIELDS: Final = (
    "request_id", "cart", "history", "at", "moment", "kinds", "limit", "exclude", "only", "order", "shopper"
)  # fmt: skip
HISTORY_LINES: Final = 1000
"""The latest lines that are used of a longer history."""
MAX_ONLY: Final = 512
"""Product ids to which a request may be restricted."""
MAX_LIMIT: Final = 2**31 - 1
MAX_QUANTITY: Final = 1e9
PRODUCT_ID: Final = operator.itemgetter("product_id")
ORDERED_AT: Final = operator.itemgetter("ordered_at")
QUANTITY: Final = operator.itemgetter("quantity")
PLAIN_NUMBERS: Final = frozenset({int, float})


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A checked request. The three history fields have one entry a line, in the order in which they were given."""

    request_id: str
    cart: list[str]
    history: list[str]
    history_age_days: npt.NDArray[np.float32]
    history_quantity: npt.NDArray[np.float32]
    exclude: list[str]
    moment: int
    """Position in MOMENTS."""
    kinds: tuple[bool, ...]
    """Whether each of KINDS is asked for."""
    limit: int
    only: list[str]
    """Empty = no restriction."""
    by_value: bool
    by_moment: bool
    """No kinds are named: the moment's manners hold."""
    history_unit_price: list[float | None] | None = None
    """Paid for one piece; None where no line says it. For the rules of a policy."""
    shopper: Shopper | None = None
    """Facts for the rules of a policy."""
    language: Language = "en"
    """Of the reasons in an answer over HTTP."""
    stated: frozenset[str] = frozenset()
    """Which of kinds, limit and order the request itself names; of the others a policy has defaults of its own."""


def read_request(
    *,
    request_id: str = "",
    cart: Iterable[str] | None = (),
    history: Iterable[Mapping[str, Any]] | None = (),
    at: datetime | str | None = None,
    moment: str = "cart",
    kinds: Iterable[str] | None = None,
    limit: int = 3,
    exclude: Iterable[str] | None = (),
    only: Iterable[str] | None = (),
    order: str | None = None,
    shopper: Mapping[str, Any] | None = None,
    limit_is_stated: bool = True,
) -> Request:
    """A checked request; None is an empty cart, history, exclude or only, the moment's kinds, now, and relevance.

    History lines after `at` and lines with a quantity of zero or below (returns) are left out; of the others the
    latest HISTORY_LINES are kept, of two at the same time the later in the list. RequestError names the field.
    """
    if not isinstance(request_id, str):
        raise RequestError("request_id", "a string", request_id)
    if not isinstance(moment, str) or moment not in KINDS_BY_MOMENT:
        raise RequestError("moment", f"one of {', '.join(MOMENTS)}", moment)
    if order is not None and (not isinstance(order, str) or order not in ORDERS):
        raise RequestError("order", f"one of {', '.join(ORDERS)}", order)
    facts = read_shopper(shopper)
    if facts is not None:
        check_product_ids(list(facts.owned), "shopper.owned[{}]")
    past, ages, quantities, paid = read_history(history, at)
    stated = {"kinds": kinds is not None, "limit": limit_is_stated, "order": order is not None}
    return Request(
        request_id=request_id,
        cart=read_product_ids(cart, "cart"),
        history=past,
        history_age_days=ages,
        history_quantity=quantities,
        exclude=read_product_ids(exclude, "exclude"),
        moment=MOMENTS.index(moment),
        kinds=read_kinds(kinds) if kinds is not None else KINDS_OF_MOMENT[moment],
        limit=read_limit(limit),
        only=read_only(only),
        by_value=order == "value",
        by_moment=kinds is None,
        history_unit_price=paid,
        shopper=facts,
        stated=frozenset(name for name, is_stated in stated.items() if is_stated),
    )


def read_mapping(mapping: Mapping[str, Any]) -> Request:
    """A checked request from a mapping with the fields of `read_request`; an unknown field is refused."""
    if not isinstance(mapping, Mapping):
        raise RequestError("request", f"a mapping with the fields {', '.join(FIELDS)}", mapping)
    for name in mapping:
        if name not in FIELDS:
            raise RequestError(name_of(name), f"one of the fields {', '.join(FIELDS)}", name)
    return read_request(**mapping, limit_is_stated="limit" in mapping)


def encode(request: Request, *, threshold: bool = True) -> Feeds:
    """The graph's inputs for one request: a first axis of 1, every width at least 1."""
    return {
        "cart": one_row(request.cart),
        "history": one_row(request.history),
        "history_age_days": one_row_of_numbers(request.history_age_days),
        "history_quantity": one_row_of_numbers(request.history_quantity),
        "exclude": one_row(request.exclude),
        "moment": np.array([request.moment], dtype=np.int64),
        "kinds": np.array([request.kinds], dtype=np.bool_),
        "limit": np.array([request.limit], dtype=np.int64),
        "apply_threshold": np.array([threshold], dtype=np.bool_),
        "only": one_row(request.only),
        "by_value": np.array([request.by_value], dtype=np.bool_),
        "by_moment": np.array([request.by_moment and threshold], dtype=np.bool_),
    }


def one_row(ids: list[str]) -> npt.NDArray[np.object_]:
    """(1, length) object; one "" for an empty list."""
    return np.array([ids or [""]], dtype=object)


def one_row_of_numbers(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(1, length) float32; one 0 for an empty list."""
    return values.reshape(1, -1) if len(values) else np.zeros((1, 1), dtype=np.float32)


def read_product_ids(values: Iterable[str] | None, field: str) -> list[str]:
    """Product ids as text, in the given order."""
    if values is None:
        return []
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise RequestError(field, "a list of product ids", values)
    ids = list(values)
    check_product_ids(ids, field + "[{}]")
    return ids


def read_only(values: Iterable[str] | None) -> list[str]:
    """The product ids to which a request is restricted, at most MAX_ONLY; empty = it is not."""
    ids = read_product_ids(values, "only")
    if len(ids) > MAX_ONLY:
        raise RequestError("only", f"at most {MAX_ONLY} product ids", len(ids))
    return ids


def check_product_ids(ids: list[str], field: str) -> None:
    """Refuse an id that is no string, empty (the padding), or that the graph's UTF-8 strings cannot hold.

    `field` makes the field's name of a position, as "cart[{}]" does.
    """
    try:
        joined = "".join(ids)
        if all(ids) and (joined.isascii() or joined.encode()) and "\0" not in joined:
            return
    except (TypeError, UnicodeEncodeError):
        pass  # the loop below names the id
    for position, product_id in enumerate(ids):
        name = field.format(position)
        if not isinstance(product_id, str):
            raise RequestError(name, "a product id as text (write the number 42 as '42')", product_id)
        if not product_id:
            raise RequestError(name, "a product id, not an empty string", product_id)
        if "\0" in product_id or not encodable(product_id):
            raise RequestError(name, "a product id in Unicode text without NUL and surrogates", product_id)
    raise AssertionError("a product id was refused without a reason")


def encodable(text: str) -> bool:
    """Whether UTF-8 can hold the text: it has no lone surrogate."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_history(
    history: Iterable[Mapping[str, Any]] | None, at: datetime | str | None
) -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.float32], list[float | None] | None]:
    """Product ids, ages in days, quantities and unit prices, (n_lines,) each, of the purchases that are used."""
    now = read_time(at, "at") if at is not None else None
    if isinstance(history, str | bytes | Mapping) or not isinstance(history, Iterable | None):
        raise RequestError("history", "a list of {product_id, ordered_at, quantity}", history)
    lines = list(history) if history is not None else []
    if not lines:
        return [], np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.float32), None
    try:
        ids = list(map(PRODUCT_ID, lines))
        times = list(map(ORDERED_AT, lines))
        amounts, prices = amounts_and_prices(lines)
    except (TypeError, KeyError, AttributeError, IndexError):
        refuse_line(lines)
    check_product_ids(ids, "history[{}].product_id")
    ages = days_between(now, times)
    quantities = read_quantities(amounts)
    paid = read_unit_prices(prices) if prices is not None else None
    used = (ages >= 0) & (quantities > 0)
    if len(lines) > HISTORY_LINES or not used.all():
        chosen = np.flatnonzero(used)
        latest = np.lexsort((-chosen, ages[chosen]))[:HISTORY_LINES]
        chosen = np.sort(chosen[latest])
        ids, ages, quantities = [ids[i] for i in chosen], ages[chosen], quantities[chosen]
        paid = [paid[i] for i in chosen] if paid is not None else None
    return ids, ages.astype(np.float32), quantities.astype(np.float32), paid


def amounts_and_prices(lines: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any] | None]:
    """What each line says of quantity, 1 where nothing, and of unit price, None where nothing or, for all, None.

    The lines have a product_id and an ordered_at.
    """
    if set(map(len, lines)) == {3}:  # then a line with a quantity has no price
        try:
            return list(map(QUANTITY, lines)), None
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


def read_unit_prices(prices: list[Any]) -> list[float | None] | None:
    """Prices paid, None where a line says none; None when no line says one."""
    if prices.count(None) == len(prices):
        return None
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


def read_kinds(kinds: Iterable[str]) -> tuple[bool, ...]:
    """Whether each of KINDS is named."""
    expected = f"a list of kinds out of {', '.join(KINDS)}; null for the moment's own"
    if isinstance(kinds, str | bytes | Mapping) or not isinstance(kinds, Iterable):
        raise RequestError("kinds", expected, kinds)
    named = list(kinds)
    for position, kind in enumerate(named):
        if not isinstance(kind, str) or kind not in KINDS:
            raise RequestError(f"kinds[{position}]", f"one of {', '.join(KINDS)}", kind)
    return tuple(kind in named for kind in KINDS)


KINDS_OF_MOMENT: Final = {str(moment): read_kinds(kinds) for moment, kinds in KINDS_BY_MOMENT.items()}
"""What is asked for when a request names no kinds."""


def read_limit(limit: int) -> int:
    """The most offers."""
    try:
        number = operator.index(limit) if not isinstance(limit, bool) else -1
    except TypeError:
        number = -1
    if not 0 <= number <= MAX_LIMIT:
        raise RequestError("limit", f"a whole number from 0 to {MAX_LIMIT}", limit)
    return number
