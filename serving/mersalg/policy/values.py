"""One value of a policy file, checked: each function gives the value or raises ConfigError with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from mersalg.errors import ConfigError, shown
from mersalg.names import KINDS, ORDERS, Kind, Order

Read = Callable[[Any, str], Any]


def wrong(where: str, expected: str, got: object) -> ConfigError:
    """The refusal of a value."""
    return ConfigError(f"{where}: expected {expected}, got {shown(got)}")


def unknown(where: str, name: str, known: tuple[str, ...]) -> ConfigError:
    """The refusal of a key that no rule has, with the nearest one."""
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
    return ConfigError(f"{where}{name}: no such key; {hint}")


def whole(least: int) -> Read:
    """A whole number from `least`."""

    def read(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise wrong(where, f"a whole number from {least}", value)
        return value

    return read


def number(least: float, most: float = float("inf"), *, above: bool = False) -> Read:
    """A number from (or `above`) `least` to `most`; TOML's inf is one where there is no most."""

    def read(value: Any, where: str) -> float:
        holds = isinstance(value, int | float) and not isinstance(value, bool)
        if not holds or not (least < value if above else least <= value) or not value <= most:
            end = f" to {most:g}" if most != float("inf") else ", or inf"
            limits = f"{'above' if above else 'from'} {least:g}{end}"
            raise wrong(where, f"a number {limits}", value)
        return float(value)

    return read


def texts(value: Any, where: str) -> frozenset[str]:
    """A list of texts that are not empty."""
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise wrong(where, "a list of texts in quotes", value)
    return frozenset(value)


def days_by_name(value: Any, where: str) -> Mapping[str, float]:
    """A table of name -> days."""
    if not isinstance(value, Mapping):
        raise wrong(where, "a table of product type = days", value)
    read = number(0.0)
    return MappingProxyType({name: read(days, f"{where}.{name}") for name, days in value.items()})


def choice(*names: str) -> Read:
    """One of these texts."""

    def read(value: Any, where: str) -> str:
        if value not in names:
            raise wrong(where, f"one of {', '.join(names)}", value)
        return str(value)

    return read


def kind(value: Any, where: str) -> Kind:
    """A kind of offer."""
    for known in KINDS:
        if value == known:
            return known
    raise wrong(where, f"one of {', '.join(KINDS)}", value)


def kinds(value: Any, where: str) -> tuple[Kind, ...]:
    """A list of kinds, each once."""
    if not isinstance(value, list):
        raise wrong(where, f"a list out of {', '.join(KINDS)}", value)
    result = tuple(kind(name, f"{where}[{position}]") for position, name in enumerate(value))
    if len(set(result)) < len(result):
        raise wrong(where, "each kind once", value)
    return result


def turns(value: Any, where: str) -> tuple[frozenset[Kind], ...]:
    """A list whose items are a kind, or a list of kinds that stand side by side; each kind once in all."""
    if not isinstance(value, list):
        raise wrong(where, f"a list out of {', '.join(KINDS)}", value)
    result = []
    for position, turn in enumerate(value):
        at = f"{where}[{position}]"
        result.append(frozenset(kinds(turn, at)) if isinstance(turn, list) else frozenset({kind(turn, at)}))
    if sum(map(len, result)) > len(frozenset().union(*result)):
        raise wrong(where, "each kind once", value)
    return tuple(result)


def groups_of_kinds(value: Any, where: str) -> tuple[frozenset[Kind], ...]:
    """A list of lists of at least two kinds."""
    if not isinstance(value, list):
        raise wrong(where, 'a list of lists such as [["upsell", "replacement"]]', value)
    groups = tuple(frozenset(kinds(group, f"{where}[{position}]")) for position, group in enumerate(value))
    for position, group in enumerate(groups):
        if len(group) < 2:
            raise wrong(f"{where}[{position}]", "at least two kinds", value[position])
    return groups


def most_of_kinds(value: Any, where: str) -> Mapping[Kind, int]:
    """A table of kind -> the most of it, from 1; a kind that is not named is not offered."""
    if not isinstance(value, Mapping):
        raise wrong(where, "a table such as {cross-sell = 2, upsell = 1}", value)
    read = whole(1)
    for name in value:
        if name not in KINDS:
            raise unknown(f"{where}.", name, KINDS)
    return MappingProxyType({name: read(value[name], f"{where}.{name}") for name in KINDS if name in value})


def order(value: Any, where: str) -> Order:
    """An order of offers."""
    for known in ORDERS:
        if value == known:
            return known
    raise wrong(where, f"one of {', '.join(ORDERS)}", value)


def truth(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(where, "true or false", value)
    return value
