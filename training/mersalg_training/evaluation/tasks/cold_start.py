"""Tasks about what nobody has seen: a customer without a history, and products without a sale.

A new customer with a cart is `completion, anonymous`. Of every task the requests of customers who are really new are
told apart where there are enough of them.
"""

from __future__ import annotations

import numpy as np

from mersalg.names import KINDS
from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.evaluation.tasks.task import (
    NOTHING,
    Restriction,
    Shelf,
    Task,
    assemble,
    bought_in,
    own_products,
    sold,
    union,
    without_history,
)
from mersalg_training.ranking.cases import ragged


def cold_start_tasks(
    timeline: Timeline, shelf: Shelf, orders: Int64, queries: int, random: np.random.Generator
) -> list[Task]:
    """`empty cart`: a customer of whom nothing is known arrives. `new products`: what was never sold before."""
    return [arrival_task(timeline, shelf, orders[:queries]), new_product_task(timeline, shelf, orders, queries, random)]


def arrival_task(timeline: Timeline, shelf: Shelf, orders: Int64) -> Task:
    """The cart is empty and the history hidden from every method; the target is the order."""
    chosen = [int(order) for order in orders]
    target = [sold(shelf, bought_in(timeline, order)) for order in chosen]
    cases = without_history(assemble(timeline, chosen, [NOTHING] * len(chosen), target, "cart"))
    return Task("cold start", "empty cart", KINDS, cases, Restriction(shelf.sold, cases.cart))


def new_product_task(
    timeline: Timeline, shelf: Shelf, orders: Int64, queries: int, random: np.random.Generator
) -> Task:
    """The target is what the order holds of products that were never sold before the window, the candidates all such.

    The cart is a random half, rounded up, of what else the order holds; an order that holds nothing else is left out.
    Nothing is known of a candidate but what the catalogue tells, so without a catalogue there is no question. What the
    customer bought of them earlier in the window is neither candidate nor target, for that is known.
    """
    chosen, cart, target, own = [], [], [], []
    for order in orders:
        bought = bought_in(timeline, int(order))
        known, new = bought[shelf.sold[bought]], bought[shelf.unsold[bought]]
        past = own_products(timeline, int(order)) if len(known) and len(new) else NOTHING
        new = np.setdiff1d(new, past)
        if len(known) and len(new):
            chosen.append(int(order))
            cart.append(random.permutation(known)[: (len(known) + 1) // 2])
            target.append(new)
            own.append(past[shelf.unsold[past]])
        if len(chosen) == queries:
            break
    cases = assemble(timeline, chosen, cart, target, "cart")
    return Task("cold start", "new products", KINDS, cases, Restriction(shelf.unsold, union(cases.cart, ragged(own))))
