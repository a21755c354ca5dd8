"""Figures as text, in as many digits as they bear."""

from __future__ import annotations

import math

from mersalg_training.evaluation.metrics import Estimate

DASH = "-"
"""Stands for what is not known."""


def count(n: int) -> str:
    """A whole number with commas between the thousands."""
    return f"{n:,}"


def share(value: float | None) -> str:
    """A share in percent: one place, two below a tenth of a percent; a dash for what is unknown."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{100 * value:.2f}%" if 0 < abs(value) < 0.001 else f"{100 * value:.1f}%"


def number(value: float | None, places: int = 3, signed: bool = False) -> str:
    """A number to so many places; a dash for what is unknown. Zero has a sign only where signs are told."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:{'+' if signed else ''}.{places}f}"
    return text if signed or float(text) else f"{0:.{places}f}"


def plain(value: float) -> str:
    """A number of any size in at most four digits that count; whole numbers in full."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def has_interval(estimate: Estimate) -> bool:
    """Whether both ends of the interval are known."""
    return math.isfinite(estimate.low) and math.isfinite(estimate.high)


def of_share(estimate: Estimate) -> str:
    """A share with its interval: `6.9% (6.1 to 7.7)`."""
    if not has_interval(estimate):
        return share(estimate.value)
    return f"{share(estimate.value)} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def of_number(estimate: Estimate, places: int = 3, signed: bool = False) -> str:
    """A number with its interval: `0.190 (0.171 to 0.209)`."""
    value = number(estimate.value, places, signed)
    if not has_interval(estimate):
        return value
    return f"{value} ({number(estimate.low, places, signed)} to {number(estimate.high, places, signed)})"


def day(time: str) -> str:
    """The day of a date, or of a date and time, in ISO 8601."""
    return time[:10]


def some(n: int, one: str, many: str) -> str:
    """A number of things: `1 offer`, `2 offers`."""
    return f"{count(n)} {one if n == 1 else many}"


def listed(texts: list[str]) -> str:
    """Texts joined by commas and, before the last, an `and`."""
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1] if texts else ""


def sentence(text: str) -> str:
    """A text that begins with a capital and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
