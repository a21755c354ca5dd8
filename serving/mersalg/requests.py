"""A request: checked at the border, then encoded as the tensors of the graph."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mersalg.customer import Customer, read_customer
from mersalg.errors import RequestError, name_of
from mersalg.ids import check_product_ids
from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS, ORDERS, Language
from mersalg.times import read_time

Feeds = dict[str, npt.NDArray[Any]]

FIELDS: Final = (
    "request_id", "cart", "history", "at", "moment", "kinds", "limit", "exclude", "only", "order", "shopper"
)  # fmt: skip
MAX_ONLY: Final = 512
"""Product ids to which a request may be restricted."""
MAX_LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Shopper:
    """Facts of the one who is asked, for the rules of a policy; kept nowhere. What is None is not known."""

    region: str | None = None
    """Where it is sold to, in the words of the catalogue's `regions`."""
    age: float | None = None
    """In years."""
    owned: tuple[str, ...] = ()
    """Product ids that the shopper has today beside the history: a subscription that runs, a gift."""
    budget: float | None = None
    """The most that all offers of the answer may add to the cart, in the catalogue's currency."""


FACTS: Final = tuple(field.name for field in fields(Shopper))


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
    customer: Customer | None = None,
    limit_is_stated: bool = True,
) -> Request:
    """A checked request; None is an empty cart, history, exclude or only, the moment's kinds, now, and relevance.

    Of the history, or of the customer in its place, counts what `Customer.until` gives. RequestError names the field.
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
    now = read_time(at, "at") if at is not None else None
    past, ages, quantities, paid = past_of(history, customer).until(now)
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


def past_of(history: Iterable[Mapping[str, Any]] | None, customer: Customer | None) -> Customer:
    """The customer, or who bought the history."""
    if customer is None:
        return read_customer(history)
    if not isinstance(customer, Customer):
        raise RequestError("customer", "what recommender.customer(history) gives", customer)
    if history is not None and (not isinstance(history, Sized) or len(history)):
        raise RequestError("customer", "none beside a history; customer.bought(lines) adds lines", customer)
    return customer


def read_mapping(mapping: Mapping[str, Any]) -> Request:
    """A checked request from a mapping with the fields of `read_request`; an unknown field is refused."""
    if not isinstance(mapping, Mapping):
        raise RequestError("request", f"a mapping with the fields {', '.join(FIELDS)}", mapping)
    for name in mapping:
        if name not in FIELDS and name != "customer":
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


def read_shopper(facts: Mapping[str, Any] | None) -> Shopper | None:
    """The checked facts; None for None. RequestError names a wrong or unknown one."""
    if facts is None or isinstance(facts, Shopper):
        return facts
    if not isinstance(facts, Mapping):
        raise RequestError("shopper", f"a mapping with {', '.join(FACTS)}", facts)
    for name in facts:
        if name not in FACTS:
            raise RequestError(f"shopper.{name_of(name)}", f"one of the facts {', '.join(FACTS)}", name)
    region = facts.get("region")
    if region is not None and (not isinstance(region, str) or not region):
        raise RequestError("shopper.region", "a text, or null where it is not known", region)
    return Shopper(region, read_amount(facts, "age"), read_owned(facts.get("owned")), read_amount(facts, "budget"))


def read_amount(facts: Mapping[str, Any], name: str) -> float | None:
    """A number from 0."""
    value = facts.get(name)
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool | str | bytes) else -1.0
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not (math.isfinite(number) and number >= 0):
        raise RequestError(f"shopper.{name}", "a number from 0, or null where it is not known", value)
    return number


def read_owned(values: Any) -> tuple[str, ...]:
    """Product ids, not yet checked."""
    if values is None:
        return ()
    if not isinstance(values, list | tuple | set | frozenset):
        raise RequestError("shopper.owned", "a list of product ids", values)
    return tuple(values)
