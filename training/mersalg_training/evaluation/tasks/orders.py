"""Tasks about an order as a whole: completion from a part of it, and the next one of a customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mersalg.names import KINDS
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.evaluation.tasks.task import (
    NOTHING,
    OWN_KINDS,
    Bools,
    Restriction,
    Shelf,
    Task,
    among,
    assemble,
    bought_in,
    narrowed,
    own_products,
    sold,
    union,
    without_history,
)
from mersalg_training.ranking.cases import Cases


def completion_tasks(timeline: Timeline, shelf: Shelf, orders: Int64, random: np.random.Generator) -> list[Task]:
    """A random half of an order, rounded down, is the cart and the rest the target.

    `all`: any product. `explore`: what this customer, who is known, had never bought. `other category`: what is of a
    category that no product of the cart has. `explore, other category`: what is both. `anonymous`: as `all`, with the
    history hidden from every method. Orders of one product are left out.
    """
    chosen = [int(order) for order in orders if timeline.order_start[order + 1] - timeline.order_start[order] >= 2]
    cart, target = [], []
    for order in chosen:
        shuffled = random.permutation(bought_in(timeline, order))
        half = len(shuffled) // 2
        cart.append(shuffled[:half])
        target.append(sold(shelf, shuffled[half:]))
    cases = assemble(timeline, chosen, cart, target, "cart")
    everything = Restriction(shelf.sold, cases.cart)
    explore = explore_task(timeline, shelf, "completion", cases)
    return [
        Task("completion", "all", KINDS, cases, everything),
        explore,
        other_category_task(shelf, Task("completion", "other category", KINDS, cases, everything)),
        other_category_task(shelf, replace(explore, view="explore, other category")),
        Task("completion", "anonymous", KINDS, without_history(cases), everything),
    ]


def next_basket_tasks(timeline: Timeline, shelf: Shelf, orders: Int64) -> list[Task]:
    """A customer's next order at its own time, with an empty cart and a history of at least one order.

    `all`: any product. `repeat`: among the own products. `explore`: among all others.
    """
    chosen = [int(order) for order in orders if len(own_products(timeline, int(order)))]
    target = [sold(shelf, bought_in(timeline, order)) for order in chosen]
    cases = assemble(timeline, chosen, [NOTHING] * len(chosen), target, "cart")
    return [
        Task("next basket", "all", KINDS, cases, Restriction(shelf.sold, cases.cart)),
        repeat_task(timeline, shelf, cases),
        explore_task(timeline, shelf, "next basket", cases),
    ]


def repeat_task(timeline: Timeline, shelf: Shelf, cases: Cases) -> Task:
    """The view of a task in which only own products are candidates and targets."""
    own = [own_products(timeline, int(order)) for order in cases.order]
    cases, own_kept = narrowed(cases, [np.intersect1d(cases.target[row], own[row]) for row in range(len(cases))], own)
    only = among(own_kept, len(shelf.sold))
    return Task("next basket", "repeat", OWN_KINDS, cases, Restriction(shelf.sold, cases.cart, only))


def explore_task(timeline: Timeline, shelf: Shelf, name: str, cases: Cases) -> Task:
    """The view of a task in which only products that a known customer never bought are candidates and targets."""
    cases = cases.take(np.flatnonzero(cases.customer != UNKNOWN))
    own = [own_products(timeline, int(order)) for order in cases.order]
    cases, own_kept = narrowed(cases, [np.setdiff1d(cases.target[row], own[row]) for row in range(len(cases))], own)
    return Task(name, "explore", KINDS, cases, Restriction(shelf.sold, union(cases.cart, own_kept)))


def other_category_task(shelf: Shelf, task: Task) -> Task:
    """The task with products of a category that is not in the cart alone as candidates and targets.

    Products without a category are neither.
    """
    cases, rows = task.cases, range(len(task.cases))
    apart = [cases.target[row][other_category(shelf, cases.cart[row])[cases.target[row]]] for row in rows]
    cases, forbidden = narrowed(cases, apart, [task.restriction.forbidden[row] for row in rows])
    cart = cases.cart
    restriction = Restriction(shelf.sold, forbidden, lambda case: other_category(shelf, cart[case]))
    return replace(task, cases=cases, restriction=restriction)


def other_category(shelf: Shelf, cart: Int64) -> Bools:
    """(n_products,) whether a product has a category, and none that a product of the cart has."""
    taken = np.zeros(shelf.category.max(initial=UNKNOWN) + 2, dtype=np.bool_)  # the last place is UNKNOWN's
    taken[shelf.category[cart]] = True
    taken[UNKNOWN] = True
    return np.asarray(~taken[shelf.category])
