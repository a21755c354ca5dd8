"""Requests made from past orders, each with what was bought after it: for ranking, calibration and evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import AFTER_PAYMENT, MOMENTS, Moment
from mersalg_training.data.timeline import UNKNOWN, Float64, Int32, Int64, Timeline

MAX_HISTORY = 1000
"""The latest lines of a history that a request brings; the loader keeps as many."""


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row i is values[start[i] : start[i + 1]]."""

    values: Int64
    start: Int64

    def __len__(self) -> int:
        return len(self.start) - 1

    def __getitem__(self, row: int) -> Int64:
        return self.values[self.start[row] : self.start[row + 1]]

    @property
    def lengths(self) -> Int64:
        """(n_rows,) int64."""
        return np.diff(self.start)

    @property
    def row(self) -> Int64:
        """(n_values,) the row of each value."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: npt.NDArray[np.integer]) -> Ragged:
        """Some rows, in the order given."""
        return ragged([self[int(i)] for i in rows])


def ragged(rows: list[Int64]) -> Ragged:
    """Rows as one array of values with offsets."""
    start = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Ragged(np.concatenate(rows).astype(np.int64) if rows else np.zeros(0, dtype=np.int64), start)


@dataclass(frozen=True)
class Cases:
    """n requests of known outcome. Products are product codes of the timeline."""

    moment: Int64
    """(n,) position in MOMENTS."""
    at: Float64
    """(n,) days since 1970-01-01."""
    cart: Ragged
    history: Int64
    """(n, 2) first and one past the last line of the history in the timeline; empty for an unknown customer."""
    target: Ragged
    """What was bought after it, distinct: in the rest of the order, or (after payment) within the horizon."""
    customer: Int64
    """(n,) customer code, UNKNOWN without one. Known here even where the request hides the history."""
    order: Int64
    """(n,) the order that the request is made of."""

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: npt.NDArray[np.integer]) -> Cases:
        """Some requests, in the order given."""
        return Cases(
            self.moment[rows],
            self.at[rows],
            self.cart.take(rows),
            self.history[rows],
            self.target.take(rows),
            self.customer[rows],
            self.order[rows],
        )


Made = tuple[int, float, Int64, tuple[int, int], Int64, int]
"""Moment, time, cart, history's first and last line, target, order of one request."""


@dataclass(frozen=True)
class Situation:
    """One way to make a request of an order."""

    moment: Moment
    share: float
    """Of all requests, where customers are known."""
    cart: tuple[float, float]
    """Least and largest part of the order that is in the cart."""
    single: bool = False
    """The cart is one product: the viewed one."""
    considering: bool = False
    """A product of the order is exchanged for the one of its type that the customer usually buys: the anchor of an
    upsell, whether it was bought in the end or a dearer one."""


SITUATIONS = (
    Situation("product-page", 0.10, (0.0, 0.0), single=True),
    Situation("product-page", 0.06, (0.0, 0.0), single=True, considering=True),
    Situation("cart", 0.30, (0.2, 0.8)),
    Situation("cart", 0.08, (0.2, 1.0), considering=True),
    Situation("cart", 0.15, (0.0, 0.0)),
    Situation("checkout", 0.08, (0.7, 0.95)),
    Situation("order-confirmation", 0.10, (1.0, 1.0)),
    Situation("follow-up", 0.13, (0.0, 0.0)),
)
"""The mix of requests that fits and calibrates. An empty cart stands for a customer who has just arrived."""

MAX_PASSES = 6
"""An order serves at most so many requests."""
HIDDEN_HISTORY = 0.2
"""Share of requests whose history is withheld, so that the ranker learns to do without."""
PAID: Final = tuple(MOMENTS.index(moment) for moment in MOMENTS if moment in AFTER_PAYMENT)
"""Positions in MOMENTS."""
HORIZONS: Final = 2
"""Of a request after payment the outcome is known so many horizons after its order: it comes within the first."""


def make_cases(
    timeline: Timeline,
    product_type: Int32,
    unknown_type: int,
    first_day: float,
    end_day: float,
    horizon_days: float,
    most: int,
    random: np.random.Generator,
) -> Cases:
    """At most `most` requests from the orders of [first_day, end_day), in the mix of SITUATIONS.

    product_type: (n_products,) codes, `unknown_type` where there is none. An order serves several situations where
    there are fewer orders than requests. Nothing outside the window is a target: after payment only orders whose whole
    horizon lies inside it are used. Orders of one product cannot be divided: they serve only situations with an empty
    or a whole cart.
    """
    inside = np.flatnonzero((timeline.order_day >= first_day) & (timeline.order_day < end_day))
    shares = np.array([situation.share for situation in SITUATIONS])
    passes = min(MAX_PASSES, 3 * most // max(1, len(inside)) + 1)
    chosen = np.concatenate([random.permutation(inside) for _ in range(passes)])
    situation = random.choice(len(SITUATIONS), size=len(chosen), p=shares / shares.sum())
    rows: list[Made] = []
    for order, which in zip(chosen.tolist(), situation.tolist(), strict=True):
        made = make_case(
            timeline, product_type, unknown_type, int(order), SITUATIONS[which], end_day, horizon_days, random
        )
        if made is not None:
            rows.append(made)
        if len(rows) >= most:
            break
    return made_cases(timeline, rows)


def made_cases(timeline: Timeline, rows: list[Made]) -> Cases:
    """The requests side by side."""
    order = np.array([row[5] for row in rows], dtype=np.int64)
    return Cases(
        moment=np.array([row[0] for row in rows], dtype=np.int64),
        at=np.array([row[1] for row in rows], dtype=np.float64),
        cart=ragged([row[2] for row in rows]),
        history=np.array([row[3] for row in rows], dtype=np.int64).reshape(-1, 2),
        target=ragged([row[4] for row in rows]),
        customer=timeline.order_customer[order].astype(np.int64),
        order=order,
    )


def make_case(
    timeline: Timeline,
    product_type: Int32,
    unknown_type: int,
    order: int,
    situation: Situation,
    end_day: float,
    horizon_days: float,
    random: np.random.Generator,
) -> Made | None:
    """One request, or None where the order does not serve the situation."""
    if situation.moment in AFTER_PAYMENT:
        return paid_case(timeline, order, situation.moment, end_day, horizon_days, random)
    bought = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
    past = timeline.history_before(order)
    anchor = np.zeros(0, dtype=np.int64)
    if situation.considering:
        usual = usual_instead(bought, timeline.line_product[past], product_type, unknown_type, random)
        if usual is None:
            return None
        anchor = np.array([usual])
    others = random.permutation(bought[~np.isin(product_type[bought], product_type[anchor])])
    size = round(len(others) * random.uniform(*situation.cart))
    if situation.single and not situation.considering:
        size = 1
    elif size == 0 and situation.cart[1] > 0.0 and not situation.considering:
        return None
    cart = np.concatenate([anchor, others[:size]])
    target = np.setdiff1d(bought, cart)
    if len(target) == 0 and not situation.considering:
        return None
    at = float(timeline.order_day[order])
    return MOMENTS.index(situation.moment), at, cart, shown_history(past, random), target, order


def usual_instead(
    bought: Int64, past: Int32, product_type: Int32, unknown_type: int, random: np.random.Generator
) -> int | None:
    """For a drawn product of the order: the customer's most bought product of its type; None where there is none."""
    kind = product_type[random.choice(bought)]
    of_type = past[product_type[past] == kind]
    if kind == unknown_type or len(of_type) == 0:
        return None
    codes, times = np.unique(of_type, return_counts=True)
    return int(codes[np.argmax(times)])


def paid_case(
    timeline: Timeline, order: int, moment: Moment, end_day: float, horizon_days: float, random: np.random.Generator
) -> Made | None:
    """A request after payment; None without a customer, or where the horizon leaves the window."""
    at = float(timeline.order_day[order])
    customer = int(timeline.order_customer[order])
    if customer == UNKNOWN or at + HORIZONS * horizon_days > end_day:
        return None
    if moment == "follow-up":
        return follow_up_case(timeline, order, at + float(random.uniform(0.5, horizon_days)), horizon_days, random)
    cart = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
    history = shown_history(timeline.history_before(order), random)
    return MOMENTS.index(moment), at, cart, history, bought_after(timeline, customer, at, horizon_days), order


def follow_up_case(timeline: Timeline, order: int, at: float, horizon_days: float, random: np.random.Generator) -> Made:
    """A request at a time after an order of a known customer."""
    customer = int(timeline.order_customer[order])
    history = shown_history(lines_between(timeline, customer, -np.inf, at), random)
    target = bought_after(timeline, customer, at, horizon_days)
    return MOMENTS.index("follow-up"), at, np.zeros(0, dtype=np.int64), history, target, order


def bought_after(timeline: Timeline, customer: int, at: float, horizon_days: float) -> Int64:
    """What a customer bought after a time, and at most so many days after it; distinct, ascending."""
    later = lines_between(timeline, customer, np.nextafter(at, np.inf), at + horizon_days)
    return np.unique(timeline.line_product[later]).astype(np.int64)


def shown_history(lines: slice, random: np.random.Generator) -> tuple[int, int]:
    """The latest lines, or none where the history is withheld."""
    if random.random() < HIDDEN_HISTORY:
        return lines.stop, lines.stop
    return max(lines.start, lines.stop - MAX_HISTORY), lines.stop


def lines_between(timeline: Timeline, customer: int, first_day: float, last_day: float) -> slice:
    """The lines of a customer's orders at first_day <= day <= last_day."""
    orders = slice(int(timeline.customer_start[customer]), int(timeline.customer_start[customer + 1]))
    days = timeline.order_day[orders]
    first, last = np.searchsorted(days, [first_day, np.nextafter(last_day, np.inf)])
    return slice(int(timeline.order_start[orders.start + first]), int(timeline.order_start[orders.start + last]))
