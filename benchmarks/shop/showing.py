"""What each policy would show at each visit, with what the response needs to know of it.

All policies choose from one answer of the bundle to the cart and the history that the shopper has when no offer is ever
made. So an accepted offer does not change later answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from shoppers import MAX_LINES, START, Shop, Shopper

from mersalg import Offer, Recommender
from mersalg.names import KINDS, Kind

POLICIES = ("ours", "show everything", "best-seller padding", "price-greedy")
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """Offers of one policy: (shoppers, visits, slots) each; an unused slot has relevance NaN."""

    relevance: Float64
    price: Float64
    gain: Float64
    """What an accepted offer brings before what is brought forward; for an upsell less its anchor's price."""
    kind: npt.NDArray[np.int64]
    bought_anyway: npt.NDArray[np.bool_]
    """It is in the rest of the order, offer or not."""


@dataclass(frozen=True)
class Slot:
    product: str
    kind: Kind
    relevance: float
    because: str | None = None


def ask(shop: Shop, recommender: Recommender, looked_at: int) -> list[list[list[Offer]]]:
    """For each shopper and visit everything that was retrieved, best first."""
    answers = recommender.stream(requests(shop, looked_at), threshold=False)
    return [[list(next(answers)) for _ in shopper.visits] for shopper in shop.shoppers]


def requests(shop: Shop, looked_at: int) -> Iterator[dict[str, Any]]:
    """A request for each visit, shopper by shopper."""
    for shopper in shop.shoppers:
        history = list(shopper.real)
        for visit in shopper.visits:
            at = START + timedelta(days=visit.day)
            yield {"cart": visit.cart, "history": history[-MAX_LINES:], "at": at, "moment": "cart", "limit": looked_at}
            history = history + [{"product_id": p, "ordered_at": at, "quantity": 1} for p in (*visit.cart, *visit.rest)]


def choose(
    policy: str, found: list[Offer], cart: list[str], shop: Shop, thresholds: Mapping[Kind, float | None],
    slots: int, unknown: float,
) -> list[Slot]:  # fmt: skip
    """The offers of a policy at a visit, at most so many."""
    every = [Slot(o.product_id, o.kind, o.relevance, o.because) for o in found]
    if policy == "show everything":
        return every[:slots]
    if policy == "price-greedy":
        return sorted(every, key=lambda slot: -shop.prices.get(slot.product, 0.0))[:slots]
    kept = [slot for slot in every if (least := thresholds[slot.kind]) is not None and slot.relevance >= least][:slots]
    if policy == "ours":
        return kept
    known = {slot.product: slot for slot in every}
    taken = {*cart, *(slot.product for slot in kept)}
    padding = [
        known.get(product, Slot(product, "cross-sell", unknown * share))
        for product, share in shop.best_sellers.items()
        if product not in taken
    ]
    return [*kept, *padding][:slots]


def show(
    policy: str, shop: Shop, answers: list[list[list[Offer]]], thresholds: Mapping[Kind, float | None],
    slots: int, unknown: float,
) -> Shown:  # fmt: skip
    """A policy's offers at every visit, as arrays."""
    visits = max(len(shopper.visits) for shopper in shop.shoppers)
    shape = (len(shop.shoppers), visits, slots)
    relevance, price, gain = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    kind, anyway = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    for s, shopper in enumerate(shop.shoppers):
        for v, visit in enumerate(shopper.visits):
            chosen = choose(policy, answers[s][v], visit.cart, shop, thresholds, slots, unknown)
            for place, slot in enumerate(chosen):
                at = (s, v, place)
                relevance[at], price[at] = slot.relevance, shop.prices.get(slot.product, 0.0)
                kind[at], anyway[at] = KINDS.index(slot.kind), slot.product in visit.rest
                gain[at] = price[at] - anchor_price(slot, shop)
    return Shown(relevance, price, gain, kind, anyway)


def anchor_price(slot: Slot, shop: Shop) -> float:
    """What an upsell replaces costs; nothing for the other kinds."""
    return shop.prices.get(slot.because, 0.0) if slot.kind == "upsell" and slot.because else 0.0


def visit_table(shoppers: list[Shopper]) -> tuple[Float64, Float64]:
    """(shoppers, visits) day and spending of each visit; NaN where there is none."""
    visits = max(len(shopper.visits) for shopper in shoppers)
    day, spent = np.full((len(shoppers), visits), np.nan), np.full((len(shoppers), visits), np.nan)
    for s, shopper in enumerate(shoppers):
        day[s, : len(shopper.visits)] = [visit.day for visit in shopper.visits]
        spent[s, : len(shopper.visits)] = [visit.spent for visit in shopper.visits]
    return day, spent
