"""What a request may say of the one who is asked: facts for the rules of a policy, kept nowhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from mersalg.errors import RequestError, name_of


@dataclass(frozen=True, slots=True)
class Shopper:
    """Facts of one request. What is None is not known."""

    region: str | None = None
    """Where it is sold to, in the words of the catalogue's `regions`."""
    age: float | None = None
    """In years."""
    owned: tuple[str, ...] = ()
    """Product ids that the shopper has today beside the history: a subscription that runs, a gift."""
    budget: float | None = None
    """The most that all offers of the answer may add to the cart, in the catalogue's currency."""


FACTS: Final = tuple(field.name for field in fields(Shopper))


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
    """Product ids, which `mersalg.requests` checks as all others."""
    if values is None:
        return ()
    if not isinstance(values, list | tuple | set | frozenset):
        raise RequestError("shopper.owned", "a list of product ids", values)
    return tuple(values)
