"""The training carts: requests from past orders, each with the questions that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np

from mersalg.names import MOMENTS
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.evaluation.baselines.two_stage.facts import Bools, ProductFacts
from mersalg_training.ranking.cases import MAX_HISTORY, Cases, Ragged, ragged

Question = Literal["all", "own", "new", "upsell"]
"""What a request may ask for: any product, own products alone, products new to the customer, dearer ones."""
QUESTIONS: Final[tuple[Question, ...]] = get_args(Question)
"""What a model is fitted for."""

CARTS: Final = 1600
"""Most carts of each way to make them."""
SINGLE: Final = 0.15
"""Share of the carts that are one product instead of half the order."""
HIDDEN: Final = 0.25
"""Share of the carts whose history is withheld."""
DEARER: Final = 1.10
"""An upsell costs at least so many times the customer's usual product of the type."""


@dataclass(frozen=True)
class Carts:
    """Requests with the same questions."""

    cases: Cases
    questions: tuple[Question, ...]
    dearer: Ragged | None = None
    """For each request the permitted upsells; None = it is no question of an upsell."""

    def asked(self, row: int, own: Int64, sold: Bools) -> Iterator[tuple[Question, Bools]]:
        """Each question with its permitted products (n_products,). own: what the history holds."""
        permitted = sold.copy()
        permitted[self.cases.cart[row]] = False
        for question in self.questions:
            if question == "upsell" and self.dearer is not None:
                inside = np.zeros_like(permitted)
                inside[self.dearer[row]] = True
                yield question, inside & permitted
                yield question, permitted
            elif question == "all":
                yield question, permitted
            elif len(own):
                of_own = np.zeros_like(permitted)
                of_own[own] = True
                yield question, permitted & (of_own if question == "own" else ~of_own)


def make_carts(
    timeline: Timeline, facts: ProductFacts, window: tuple[float, float], random: np.random.Generator
) -> list[Carts]:
    """Completions, next orders and upsells from the orders of a window [first day, end day); those that there are."""
    first_day, end_day = window
    inside = np.flatnonzero((timeline.order_day >= first_day) & (timeline.order_day < end_day))
    orders = random.permutation(inside).astype(np.int64)
    several = orders[np.diff(timeline.order_start)[orders] >= 2]
    customer = timeline.order_customer[orders]
    returning = orders[(customer != UNKNOWN) & (orders > timeline.customer_start[customer])]
    made = [
        completions(timeline, facts, several[:CARTS], random),
        next_orders(timeline, facts, returning[:CARTS]),
        upsells(timeline, facts, returning),
    ]
    return [carts for carts in made if len(carts.cases)]


def completions(timeline: Timeline, facts: ProductFacts, orders: Int64, random: np.random.Generator) -> Carts:
    """A random half of an order, or one product of it, is the cart and the rest the target."""
    cart, target = [], []
    for order in orders.tolist():
        shuffled = random.permutation(timeline.line_product[timeline.order_lines(order)].astype(np.int64))
        size = 1 if random.random() < SINGLE else len(shuffled) // 2
        cart.append(shuffled[:size])
        target.append(shuffled[size:][facts.sold[shuffled[size:]]])
    cases = assemble(timeline, orders.tolist(), cart, target)
    history = cases.history.copy()
    hidden = random.random(len(cases)) < HIDDEN
    history[hidden, 0] = history[hidden, 1]
    return Carts(replace(cases, history=history), ("all", "new"))


def next_orders(timeline: Timeline, facts: ProductFacts, orders: Int64) -> Carts:
    """An order of a customer who comes back, before anything is in the cart."""
    bought = [timeline.line_product[timeline.order_lines(order)].astype(np.int64) for order in orders.tolist()]
    target = [products[facts.sold[products]] for products in bought]
    empty = [np.zeros(0, dtype=np.int64)] * len(target)
    return Carts(assemble(timeline, orders.tolist(), empty, target), ("all", "own", "new"))


def upsells(timeline: Timeline, facts: ProductFacts, orders: Int64) -> Carts:
    """A dearer product was bought than the customer's usual one of the type, which stands in the cart instead."""
    types = facts.groups["type"]
    by_type = np.argsort(types, kind="stable")
    starts = np.searchsorted(types[by_type], np.arange(facts.n_groups["type"] + 1))
    chosen, cart, target, dearer = [], [], [], []
    for order in orders.tolist():
        bought = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
        past = timeline.line_product[timeline.history_before(order)].astype(np.int64)
        for code in np.unique(types[bought]).tolist():
            of_type = past[types[past] == code]
            if code == UNKNOWN or not len(of_type):
                continue
            usual = most_bought(of_type)
            shelf = by_type[starts[code] : starts[code + 1]]
            above = shelf[facts.sold[shelf] & (facts.price[shelf] >= DEARER * facts.price[usual])]
            taken = np.intersect1d(bought, above)
            if len(taken):
                chosen.append(order)
                target.append(taken)
                dearer.append(np.sort(above))
                cart.append(np.append(usual, bought[~np.isin(bought, above) & (bought != usual)]))
        if len(chosen) >= CARTS:
            break
    return Carts(assemble(timeline, chosen, cart, target), ("upsell",), ragged(dearer))


def most_bought(products: Int64) -> int:
    """The most frequent of products in the order of time; of equals the one bought last."""
    codes, since, times = np.unique(products[::-1], return_index=True, return_counts=True)
    return int(codes[np.lexsort((since, -times))[0]])


def assemble(timeline: Timeline, orders: list[int], cart: list[Int64], target: list[Int64]) -> Cases:
    """Requests at the time of each order with the history before it; none of an order whose target is empty."""
    kept = [row for row, products in enumerate(target) if len(products)]
    order = np.array([orders[row] for row in kept], dtype=np.int64)
    known = [timeline.history_before(one) for one in order.tolist()]
    history = [(max(lines.start, lines.stop - MAX_HISTORY), lines.stop) for lines in known]
    return Cases(
        moment=np.full(len(kept), MOMENTS.index("cart"), dtype=np.int64),
        at=timeline.order_day[order],
        cart=ragged([cart[row] for row in kept]),
        history=np.array(history, dtype=np.int64).reshape(-1, 2),
        target=ragged([target[row] for row in kept]),
        customer=timeline.order_customer[order].astype(np.int64),
        order=order,
    )
