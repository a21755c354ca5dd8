"""The golden corpus: real requests of every sort with Python's answers, for every other runtime to give.

A line of the file is {"request", "threshold", "answer"}. Requests are made of a shop's orders: real carts and
histories, and what a shop may send besides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

import mersalg
from mersalg import KINDS, MOMENTS
from mersalg.names import ORDERS
from mersalg_training.data.calendar import day_to_time, time_to_day
from mersalg_training.data.timeline import Timeline

UNKNOWN = ("no such product", "ключ", "商品-42", "🛒", "0", "e\u0301", "'quoted'", " ")
"""Ids that no bundle knows, of every length in UTF-8."""
LIMITS = (1, 2, 3, 3, 3, 3, 3, 3, 5, 5, 5, 10, 10, 10, 10, 20, 20, 50, 50, 200, 200, 0)
EAST = timezone(timedelta(hours=5, minutes=30))
LONG = 1000
"""Lines of a history beyond which a loader keeps the latest."""


@dataclass(frozen=True)
class Corpus:
    """What a corpus is made of."""

    timeline: Timeline
    since: datetime
    """Orders from here on become requests."""

    def orders(self) -> list[int]:
        """Orders since then; where there is none, the latest tenth."""
        days = self.timeline.order_day
        since = time_to_day(self.since)
        later = days >= (since if (days >= since).any() else np.quantile(days, 0.9))
        return np.flatnonzero(later).tolist()

    def requests(self, n: int, random: np.random.Generator) -> Iterator[dict[str, Any]]:
        """N requests, of orders drawn in the order of the seed."""
        orders = self.orders()
        drawn = random.permutation(orders) if n <= len(orders) else random.choice(orders, n)
        for number, order in enumerate(drawn[:n].tolist()):
            yield self.request(number, order, random)

    def request(self, number: int, order: int, random: np.random.Generator) -> dict[str, Any]:
        """A request made of one order; what is strange about it goes by chance."""
        at = day_to_time(float(self.timeline.order_day[order]))
        history = self.history(order, at, random)
        bought = self.ids(self.timeline.line_product[self.timeline.order_lines(order)])
        moment = MOMENTS[number % len(MOMENTS)]
        request: dict[str, Any] = {
            "request_id": f"request-{number}",
            "cart": cart_of(moment, bought, random),
            "history": history,
            "at": at.isoformat(),
            "moment": moment,
            "limit": int(random.choice(LIMITS)),
        }
        if random.random() < 0.5:
            request["kinds"] = [kind for kind in KINDS if random.random() < 0.6]
        if random.random() < 0.25:
            request["exclude"] = [*bought, *self.drawn(int(random.integers(0, 30)), random), *UNKNOWN[:2]]
        if random.random() < 0.2:
            most = int(random.choice((1, 8, 40, 510)))
            request["only"] = [*self.drawn(most, random), *(line["product_id"] for line in history[-2:])][:512]
        if random.random() < 0.3:
            request["order"] = ORDERS[number % len(ORDERS)]
        if random.random() < 0.3:
            in_zones(request, random)
        return request

    def history(self, order: int, at: datetime, random: np.random.Generator) -> list[dict[str, Any]]:
        """The customer's lines: none, the latest, all, or more than are used; some with what is left out."""
        whole = self.lines(self.timeline.history_before(order))
        sort = random.choice(("none", "latest", "all", "long", "strange"), p=(0.15, 0.3, 0.35, 0.1, 0.1))
        if sort == "none":
            return []
        if sort == "latest":
            return whole[-int(random.integers(1, 60)) :]
        if sort == "long":
            return whole + self.others(LONG + 1 + int(random.integers(0, 200)), at, random)
        if sort == "strange":
            return [*strange_lines(self.drawn(6, random), at), *whole[-100:]]
        return whole

    def lines(self, past: slice) -> list[dict[str, Any]]:
        """Order lines as history lines."""
        days, quantities = self.timeline.line_day[past].tolist(), self.timeline.line_quantity[past].tolist()
        return [
            {"product_id": product_id, "ordered_at": day_to_time(day).isoformat(), "quantity": quantity}
            for product_id, day, quantity in zip(
                self.ids(self.timeline.line_product[past]), days, quantities, strict=True
            )
        ]

    def others(self, n: int, at: datetime, random: np.random.Generator) -> list[dict[str, Any]]:
        """N lines that are drawn, many at the same time."""
        days = random.integers(0, 400, size=n).tolist()
        return [
            {"product_id": product_id, "ordered_at": (at - timedelta(days=day)).isoformat()}
            for product_id, day in zip(self.drawn(n, random), days, strict=True)
        ]

    def drawn(self, n: int, random: np.random.Generator) -> list[str]:
        """N products by how often they are bought."""
        lines = random.integers(0, self.timeline.n_lines, size=n)
        return self.ids(self.timeline.line_product[lines])

    def ids(self, codes: Any) -> list[str]:
        return [self.timeline.product_ids[code] for code in codes.tolist()]


def cart_of(moment: str, bought: list[str], random: np.random.Generator) -> list[str]:
    """What lies in the cart at a moment: one product, part of the order, or all; at times strange, at times empty."""
    shuffled = random.permutation(np.array(bought, dtype=object)).tolist()
    part = shuffled[: int(random.integers(0, len(bought) + 1))]
    cart = {"product-page": shuffled[:1], "order-confirmation": shuffled, "follow-up": []}.get(moment, part)
    if random.random() < 0.1:
        cart = [*cart, *cart[:3], str(random.choice(UNKNOWN)), *cart[:1]]
    return [] if random.random() < 0.05 else cart


def strange_lines(products: list[str], at: datetime) -> list[dict[str, Any]]:
    """Lines of the future, of now, returned, of unknown products, ages old, without a quantity, of half a piece."""
    future, now, returned, nothing, old, half = products
    return [
        {"product_id": future, "ordered_at": (at + timedelta(microseconds=1)).isoformat(), "quantity": 9},
        {"product_id": now, "ordered_at": at.isoformat(), "quantity": None},
        {"product_id": returned, "ordered_at": (at - timedelta(days=3)).isoformat(), "quantity": -1},
        {"product_id": nothing, "ordered_at": (at - timedelta(days=3)).isoformat(), "quantity": 0},
        {"product_id": old, "ordered_at": "1999-12-31T23:59:59.999999"},
        {"product_id": half, "ordered_at": (at - timedelta(days=7, microseconds=123457)).isoformat(), "quantity": 0.1},
        *({"product_id": product, "ordered_at": (at - timedelta(days=1)).date().isoformat()} for product in UNKNOWN),
    ]


def in_zones(request: dict[str, Any], random: np.random.Generator) -> None:
    """The same times with a time zone, one zone or another."""

    def zoned(text: str) -> str:
        time = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return time.astimezone(EAST).isoformat() if random.random() < 0.5 else time.isoformat().replace("+00:00", "Z")

    request["at"] = zoned(request["at"])
    request["history"] = [{**line, "ordered_at": zoned(line["ordered_at"])} for line in request["history"]]


def write_corpus(
    recommender: mersalg.Recommender,
    requests: Iterable[dict[str, Any]],
    path: Path,
    random: np.random.Generator,
    repeats: int = 1,
) -> list[float]:
    """Write requests and answers, one JSON line each; gives the microseconds of the quickest answer to each."""
    micros = []
    with path.open("w", encoding="utf-8") as file:
        for request in requests:
            threshold = bool(random.random() < 0.8)
            quickest = float("inf")
            for _ in range(repeats):
                start = time.perf_counter()
                offers = recommender.score([request], threshold=threshold)[0]
                quickest = min(quickest, time.perf_counter() - start)
            kept = {name: value for name, value in request.items() if name != "history"}
            customer = recommender.customer(request["history"])
            if recommender.score([kept | {"customer": customer}], threshold=threshold) != [offers]:
                raise AssertionError(f"{request['request_id']}: a customer is answered otherwise than the history")
            micros.append(quickest * 1e6)
            line = {"request": request, "threshold": threshold, "answer": answer_of(offers)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return micros


def answer_of(offers: mersalg.Offers) -> dict[str, Any]:
    """An answer as JSON, without what the request says already."""
    return {
        "offers": [
            {"product_id": o.product_id, "kind": o.kind, "relevance": o.relevance, "because": o.because} for o in offers
        ],
        "reason": offers.reason,
        "retrieved": offers.retrieved,
        "best_relevance": offers.best_relevance,
    }
