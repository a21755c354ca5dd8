"""What is measured: each a mean over units, or a ratio of two such means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["money", "number", "share"]

WINDOWS: Final = (30, 90, 365)
"""Days over which repeat purchase and customer lifetime value are told."""


@dataclass(frozen=True)
class Measure:
    """A column over a column of the units' sums; without the second the mean a unit."""

    name: str
    form: Form
    over: str
    under: str | None = None
    before: str | None = None
    """The sum before the assignment that lowers the variance of `over` (CUPED); the one under it is `before_under`."""
    before_under: str | None = None
    days: int | None = None
    """The window; None = that of the analysis."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(name for name in (self.over, self.under, self.before, self.before_under) if name is not None)


PRIMARY: Final = "revenue per customer"


def customer_measures(has_margin: bool, has_returns: bool, kinds: tuple[str, ...]) -> list[Measure]:
    """The measures where customers are assigned; `kinds` are those whose offers are known in every arm."""
    money = ("revenue", "margin") if has_margin else ("revenue",)
    result = [Measure(f"{name} per customer", "money", name, before=f"pre {name}") for name in money]
    result.append(Measure("orders per customer", "number", "orders", before="pre orders"))
    result += [Measure(f"{name} per order", "money", name, "orders", f"pre {name}", "pre orders") for name in money]
    result.append(Measure("units per order", "number", "units", "orders", "pre units", "pre orders"))
    if has_returns:
        result.append(Measure("return rate", "share", "returned", "units", "pre returned", "pre units"))
    result += [Measure(f"attach rate, {kind}", "share", f"taken {kind}", f"offered {kind}") for kind in kinds]
    for days in WINDOWS:
        result.append(Measure("repeat purchase", "share", "repeat", before="pre orders", days=days))
        result += [Measure(f"lifetime {name}", "money", name, before=f"pre {name}", days=days) for name in money]
    return result


def order_measures(has_margin: bool, has_returns: bool, kinds: tuple[str, ...]) -> list[Measure]:
    """The measures where orders are assigned: nothing of an order lies before it."""
    money = ("revenue", "margin") if has_margin else ("revenue",)
    result = [Measure(f"{name} per exposed cart", "money", name) for name in money]
    result.append(Measure("carts that became orders", "share", "orders"))
    result += [Measure(f"{name} per order", "money", name, "orders") for name in money]
    result.append(Measure("units per order", "number", "units", "orders"))
    if has_returns:
        result.append(Measure("return rate", "share", "returned", "units"))
    return result + [Measure(f"attach rate, {kind}", "share", f"taken {kind}", f"offered {kind}") for kind in kinds]
