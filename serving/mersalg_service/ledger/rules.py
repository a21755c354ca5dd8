"""What a customer may still be offered, as a pure function of what was offered before: `choose`.

Times are whole microseconds since 1970 in UTC. A window of n days is half open: two offers exactly n days apart are in
no window together. A cap holds in every window, also when offers are claimed out of the order of their times.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from mersalg.errors import LedgerError
from mersalg.names import KINDS, MOMENTS, Kind, Moment
from mersalg.offers import Offer

Counted = Literal["offers", "mails", "cross-sell", "add-on", "upsell", "more-of-same", "replacement"]
"""What a cap counts: all offers, the batches that brought any, or the offers of one kind."""

OFFERED: Final = "offered before"
"""The reason of a product that this customer was offered already."""
DAY: Final = 86_400_000_000
"""Microseconds."""
CAP_FORM: Final = re.compile(r"(?:(?P<counted>[a-z-]+):)?(?P<most>\d{1,9})/(?P<days>\d{1,6}(?:\.\d{1,6})?)d")


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many for one customer in any window of so many days."""

    most: int
    days: float
    counted: Counted = "offers"

    def __post_init__(self) -> None:
        if self.counted not in get_args(Counted):
            raise LedgerError(f"cap: expected one of {', '.join(get_args(Counted))}, got {self.counted!r}")
        if isinstance(self.most, bool) or not isinstance(self.most, int) or self.most < 0:
            raise LedgerError(f"cap of {self.counted}: expected a whole number from 0, got {self.most!r}")
        if not math.isfinite(self.days) or not 0 < self.days < 1e6:
            raise LedgerError(f"cap of {self.counted}: expected days above 0 and below a million, got {self.days!r}")

    @property
    def window(self) -> int:
        """Microseconds."""
        return round(self.days * DAY)

    def __str__(self) -> str:
        return f"{self.counted}:{self.most}/{self.days:g}d"


def read_cap(text: str) -> Cap:
    """A cap from `2/30d` (offers), `mails:1/7d` or `replacement:1/90d`; LedgerError when it is none."""
    result = CAP_FORM.fullmatch(text.strip())
    if result is None:
        raise LedgerError(f"cap: expected a text such as 2/30d, mails:1/7d or replacement:1/90d, got {text!r}")
    counted = result["counted"] or "offers"
    if counted not in get_args(Counted):
        raise LedgerError(
            f"cap {text!r}: expected one of {', '.join(get_args(Counted))} before the colon, got {counted!r}"
        )
    return Cap(int(result["most"]), float(result["days"]), counted)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the offers of one batch have to keep."""

    limit: int = 2
    """Most offers for one customer in this batch."""
    caps: tuple[Cap, ...] = ()
    again_after_days: float | None = None
    """Days after which a product may be offered to the same customer again; None: never again."""
    moment: Moment = "follow-up"
    """Promises hold among the offers of one moment."""

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or self.limit < 1:
            raise LedgerError(f"limit: expected a whole number from 1, got {self.limit!r}")
        if self.moment not in MOMENTS:
            raise LedgerError(f"moment: expected one of {', '.join(MOMENTS)}, got {self.moment!r}")
        again = self.again_after_days
        if again is not None and not (math.isfinite(again) and 0 <= again < 1e6):
            raise LedgerError(f"again_after_days: expected days from 0 and below a million, or None, got {again!r}")

    @property
    def memory(self) -> int:
        """Microseconds before an offer that the caps and `again_after_days` look back."""
        again = round((self.again_after_days or 0.0) * DAY)
        return max([again, *(cap.window for cap in self.caps)])


@dataclass(frozen=True, slots=True)
class EarlierOffer:
    """An offer that a customer got, or is getting in another batch."""

    product_id: str
    kind: Kind
    at: int
    batch: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What is granted of a list of offers, and why each other one is not."""

    granted: tuple[Offer, ...]
    refused: dict[str, str] = field(default_factory=dict)
    """Product id -> "offered before", or the cap."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer may still be offered at a time."""

    taken: frozenset[str]
    """Products that may not be offered again."""
    room: dict[Cap, int]
    """How many more each cap lets through."""

    @property
    def full(self) -> Cap | None:
        """The first cap that lets no offer of any kind through."""
        return next((cap for cap, room in self.room.items() if room <= 0 and cap.counted in ("offers", "mails")), None)

    @property
    def open_kinds(self) -> tuple[Kind, ...]:
        """The kinds that no cap of their own closes."""
        closed = {cap.counted for cap, room in self.room.items() if room <= 0}
        return tuple(kind for kind in KINDS if kind not in closed)


def standing(past: Sequence[EarlierOffer], rules: Rules, at: int) -> Standing:
    """Where a customer stands, given everything that this customer was offered at this moment of purchase."""
    again = None if rules.again_after_days is None else round(rules.again_after_days * DAY)
    taken = frozenset(p.product_id for p in past if again is None or abs(at - p.at) < again)
    return Standing(taken, {cap: cap.most - most_around(times_of(cap, past), at, cap.window) for cap in rules.caps})


def times_of(cap: Cap, past: Iterable[EarlierOffer]) -> list[int]:
    """The times that a cap counts: of all offers, of one kind, or one a batch."""
    if cap.counted == "mails":
        return [at for _, at in {(p.batch, p.at) for p in past}]
    return [p.at for p in past if cap.counted in ("offers", p.kind)]


def most_around(times: Iterable[int], at: int, window: int) -> int:
    """The most times in any half-open window of this length that holds `at`; 0 without times near it."""
    near = [time for time in times if abs(time - at) < window]
    starts = {at, *(time for time in near if time <= at)}
    return max(sum(start <= time < start + window for time in near) for start in starts)


def choose(offers: Sequence[Offer], past: Sequence[EarlierOffer], rules: Rules, at: int) -> Choice:
    """The first offers, up to the limit, that keep every rule; the others that were looked at, with the reason.

    Offers come best first and keep their order. A product counts once, however often it is listed.
    """
    return choose_by(offers, standing(past, rules, at), rules.limit)


def choose_by(offers: Sequence[Offer], now: Standing, limit: int) -> Choice:
    """The same for a customer of whom it is known where he stands."""
    room = dict(now.room)
    granted: dict[str, Offer] = {}
    refused: dict[str, str] = {}
    for offer in offers:
        if len(granted) == limit:
            break
        closed = next((cap for cap in room if weighs(cap, offer.kind, bool(granted)) and room[cap] <= 0), None)
        if offer.product_id in granted:
            continue
        if offer.product_id in now.taken:
            refused[offer.product_id] = OFFERED
        elif closed is not None:
            refused[offer.product_id] = f"cap {closed}"
        else:
            granted[offer.product_id] = offer
            for cap in room:
                room[cap] -= cap.counted in ("offers", offer.kind)
    return Choice(tuple(granted.values()), {p: reason for p, reason in refused.items() if p not in granted})


def weighs(cap: Cap, kind: Kind, follows: bool) -> bool:
    """Whether one more offer of this kind weighs on the cap: on that of mails only the first of a batch does."""
    return not follows if cap.counted == "mails" else cap.counted in ("offers", kind)
