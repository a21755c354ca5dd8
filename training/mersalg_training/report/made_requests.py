"""Requests whose answers a page shows. A bundle holds no customer's: they are made of its patterns.

Every row of the patterns rests on several customers, so that a cart of its products is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from mersalg.names import KINDS, Kind
from mersalg.offers import Offers
from mersalg_training.export.golden import MADE_AT
from mersalg_training.tables.patterns import LadderStep, Patterns, ProductPair, RepurchaseRhythm

MAX_ROWS: Final = 20
"""Anchors, and rhythms, of each sort of pattern that are asked about."""
MAX_PARTNERS: Final = 2
"""Products beside an anchor in a cart."""
REGULAR: Final = 8
"""Rhythms of a customer who buys by them."""
TIMES: Final = 4
"""Purchases in a rhythm."""
REGULARLY, OVERDUE = 0.9, 1.4
"""Intervals since the last purchase."""
USUAL_DAYS: Final = 14.0
"""Days from one purchase of a usual product to the next, where its rhythm is not known."""
MAX_OFFERS: Final = 3
"""Offers of an answer, as a shop shows them."""


@dataclass(frozen=True)
class AnsweredRequest:
    """A request and what the bundle answers here."""

    request: Mapping[str, Any]
    offers: Offers

    @property
    def kind(self) -> Kind | None:
        """The kind of the best offer; None where there is no offer."""
        return self.offers[0].kind if self.offers else None


def made_requests(patterns: Patterns) -> Iterator[dict[str, Any]]:
    """Product pages and carts of the strongest anchors, with and without a history, and follow-ups."""
    regular = [line for row in patterns.rhythms[:REGULAR] for line in purchases(row, REGULARLY)]
    partners: dict[str, list[str]] = {}
    for pair in patterns.pairs:
        partners.setdefault(pair.anchor, []).append(pair.product)
    for anchor, beside in list(partners.items())[:MAX_ROWS]:
        cart = [anchor, *beside[1 : 1 + MAX_PARTNERS]]  # its strongest partner is left to be offered
        yield request("product-page", [anchor])
        yield request("cart", cart)
        yield request("cart", cart, regular)
    for anchor in anchors(patterns.add_ons):
        yield request("product-page", [anchor])
        yield request("cart", [anchor])
        yield request("cart", [anchor], regular)
    interval = {row.product: row for row in patterns.rhythms}
    for anchor in anchors(patterns.ladders):
        usual = interval.get(anchor, RepurchaseRhythm(product=anchor, interval_days=USUAL_DAYS, intervals=0))
        yield request("product-page", [anchor])
        yield request("product-page", [anchor], purchases(usual, REGULARLY))
    for row in patterns.rhythms[:MAX_ROWS]:
        for intervals in (REGULARLY, OVERDUE):
            yield request("follow-up", [], purchases(row, intervals))
    if regular:
        yield request("follow-up", [], regular)


def anchors(rows: Iterable[ProductPair | LadderStep]) -> list[str]:
    """The first different anchors of some rows."""
    return list(dict.fromkeys(row.anchor for row in rows))[:MAX_ROWS]


def request(moment: str, cart: Sequence[str], history: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A request of the moment's kinds."""
    at = MADE_AT.isoformat()
    return {"moment": moment, "cart": list(cart), "history": list(history), "at": at, "limit": MAX_OFFERS}


def purchases(row: RepurchaseRhythm, intervals: float) -> list[dict[str, Any]]:
    """The history of who buys a product in its rhythm, last so many intervals ago."""
    times = [MADE_AT - timedelta(days=round((intervals + time) * row.interval_days, 3)) for time in range(TIMES)]
    return [{"product_id": row.product, "ordered_at": at.isoformat(), "quantity": 1} for at in times]


def telling(
    made: Iterable[AnsweredRequest], drawn: Iterable[AnsweredRequest], name: Callable[[str], str]
) -> list[AnsweredRequest]:
    """For each kind of best offer one answer, in the order of KINDS, and then an empty one: six, or fewer.

    Of each kind the one with most offers of different names, then the most relevant; of empty ones that which came
    nearest to an offer. Of ties the first. A drawn request stands in where no made one is answered so.
    """

    def worth(asked: AnsweredRequest) -> tuple[int, float]:
        offers = asked.offers
        if not offers:
            return 0, max(offers.best_relevance.values(), default=0.0)
        known = {name(product_id) for product_id in asked.request.get("cart") or []}
        return len({name(offer.product_id) for offer in offers} - known), offers[0].relevance

    chosen: dict[Kind | None, AnsweredRequest] = {}
    for answers in (made, drawn):
        found: dict[Kind | None, AnsweredRequest] = {}
        for asked in answers:
            if asked.kind not in found or worth(asked) > worth(found[asked.kind]):
                found[asked.kind] = asked
        chosen = found | chosen
    return [chosen[kind] for kind in (*KINDS, None) if kind in chosen]
