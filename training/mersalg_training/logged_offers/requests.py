"""Logged offers as arrays, gathered into the requests that they answered."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg.names import AFTER_PAYMENT, KINDS, MOMENTS
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline, plain
from mersalg_training.ranking.cases import MAX_HISTORY, Cases, Ragged, ragged

PAID = tuple(MOMENTS.index(moment) for moment in MOMENTS if moment in AFTER_PAYMENT)
FOLLOW_UP = MOMENTS.index("follow-up")


@dataclass(frozen=True)
class LoggedOffers:
    """n offers that were shown, sorted by request and position; products are product codes of the timeline."""

    request: Int64
    """(n,) the row of `cases` that the offer answered."""
    product: Int64
    kind: Int64
    """(n,) position in KINDS; UNKNOWN throughout where the log does not say."""
    position: Int64
    """(n,) from 1; in the order of the rows where the log does not say."""
    propensity: Float64
    """(n,) chance with which the logging policy put this product at this position of this request; NaN = unknown."""
    accepted: Float64
    """(n,) 1 or 0."""
    cases: Cases
    """The requests; their targets are the accepted products."""
    unit: Int64
    """(n_requests,) what is drawn independently: the customer, else the order, else the request."""
    has_positions: bool
    carts_known: bool
    """The log says what lay in the carts."""

    def __len__(self) -> int:
        return len(self.product)

    @property
    def moment(self) -> Int64:
        """(n,) position in MOMENTS."""
        return self.cases.moment[self.request]

    def has_propensity(self) -> npt.NDArray[np.bool_]:
        """(n_requests,) whether each offer of the request has a propensity."""
        unknown = np.bincount(self.request, weights=np.isnan(self.propensity), minlength=len(self.cases))
        return np.asarray(unknown == 0)

    def between(self, first_day: float, end_day: float) -> LoggedOffers:
        """The requests of [first_day, end_day), with their offers."""
        return self.take_requests(np.flatnonzero((self.cases.at >= first_day) & (self.cases.at < end_day)))

    def take_requests(self, rows: npt.NDArray[np.integer]) -> LoggedOffers:
        """Some requests, distinct and ascending, with their offers."""
        place = np.full(len(self.cases), UNKNOWN, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        keep = place[self.request] != UNKNOWN
        return LoggedOffers(
            place[self.request[keep]],
            self.product[keep],
            self.kind[keep],
            self.position[keep],
            self.propensity[keep],
            self.accepted[keep],
            self.cases.take(rows),
            self.unit[rows],
            self.has_positions,
            self.carts_known,
        )


def gather_offers(connection: duckdb.DuckDBPyConnection, timeline: Timeline) -> LoggedOffers:
    """The table `offers` as arrays, each request with the history that the customer had before it."""
    rows = connection.execute("""
        SELECT dense_rank() OVER (ORDER BY offered_at, customer_id, order_id, moment) - 1 AS request,
               customer_id, order_id, product_id, kind, moment, epoch(offered_at) / 86400.0 AS day, position,
               propensity, accepted
        FROM offers ORDER BY request, position, product_id
    """).fetchnumpy()
    request = np.asarray(rows["request"], dtype=np.int64)
    first = np.unique(request, return_index=True)[1]
    product_code = {product: code for code, product in enumerate(timeline.product_ids)}
    product = np.array([product_code[str(p)] for p in plain(rows["product_id"])], dtype=np.int64)
    accepted = np.asarray(rows["accepted"], dtype=np.float64)
    customers, orders = (plain(rows[name][first]) for name in ("customer_id", "order_id"))
    moment = np.array([MOMENTS.index(m) for m in np.asarray(rows["moment"])[first]], dtype=np.int64)
    carts = read_carts(connection, product_code)
    positions = np.ma.asarray(rows["position"])
    has_positions = not bool(np.ma.getmaskarray(positions).any())
    in_turn = np.arange(len(request)) - first[request] + 1
    cases = make_requests(timeline, customers, orders, moment, np.asarray(rows["day"], dtype=np.float64)[first])
    cases = with_carts(cases, timeline, ragged_by(request, product, len(first)), carts)
    return LoggedOffers(
        request=request,
        product=product,
        kind=np.array([UNKNOWN if k is None else KINDS.index(k) for k in plain(rows["kind"])], dtype=np.int64),
        position=np.ma.filled(positions, 0).astype(np.int64) if has_positions else in_turn,
        propensity=np.ma.filled(np.ma.asarray(rows["propensity"], dtype=np.float64), np.nan),
        accepted=accepted,
        cases=with_targets(cases, request, product, accepted),
        unit=independent_units(customers, orders),
        has_positions=has_positions,
        carts_known=carts is not None,
    )


def read_carts(connection: duckdb.DuckDBPyConnection, product_code: dict[str, int]) -> list[Int64] | None:
    """The cart of each request, in their order, products that nobody knows left out; None where the log has none."""
    carts = connection.execute("""
        SELECT any_value(cart) FROM offers
        GROUP BY offered_at, customer_id, order_id, moment ORDER BY offered_at, customer_id, order_id, moment
    """).fetchall()
    if all(cart is None for (cart,) in carts):
        return None
    return [
        np.array([product_code[p] for p in dict.fromkeys(cart or []) if p in product_code], dtype=np.int64)
        for (cart,) in carts
    ]


def make_requests(
    timeline: Timeline, customers: list[str | None], orders: list[str | None], moment: Int64, day: Float64
) -> Cases:
    """Requests without carts and targets; the history is what lies before the offer, and before its own order.

    A follow-up comes after its order, which belongs to the history. A customer is the log's, else the order's.
    """
    order_code = {order: code for code, order in enumerate(timeline.order_ids)}
    customer_code = {customer: code for code, customer in enumerate(timeline.customer_ids)}
    order = np.array([order_code.get(o, UNKNOWN) if o is not None else UNKNOWN for o in orders], dtype=np.int64)
    of_order = np.where(order == UNKNOWN, UNKNOWN, timeline.order_customer[order] if timeline.n_orders else UNKNOWN)
    customer = np.array(
        [customer_code.get(c, UNKNOWN) if c is not None else int(of_order[row]) for row, c in enumerate(customers)],
        dtype=np.int64,
    )
    history = np.zeros((len(day), 2), dtype=np.int64)
    for row, who in enumerate(customer.tolist()):
        if who == UNKNOWN:
            continue
        start, stop = (int(o) for o in timeline.customer_start[who : who + 2])
        before = start + int(np.searchsorted(timeline.order_day[start:stop], day[row]))
        if moment[row] != FOLLOW_UP and start <= order[row] < before:
            before = int(order[row])
        lines = int(timeline.order_start[start]), int(timeline.order_start[before])
        history[row] = max(lines[0], lines[1] - MAX_HISTORY), lines[1]
    empty = ragged([np.zeros(0, dtype=np.int64)] * len(day))
    return Cases(moment, day, empty, history, empty, customer, order)


def with_carts(cases: Cases, timeline: Timeline, offered: Ragged, carts: list[Int64] | None) -> Cases:
    """The requests with the log's carts; without them, with the order's lines less what was offered.

    After payment the whole order is the cart of its confirmation; a follow-up, and a request whose order nobody
    knows, has none.
    """
    result = []
    for row, order in enumerate(cases.order.tolist()):
        if carts is not None:
            result.append(carts[row])
        elif order == UNKNOWN or cases.moment[row] == FOLLOW_UP:
            result.append(np.zeros(0, dtype=np.int64))
        else:
            lines = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
            result.append(lines if cases.moment[row] in PAID else np.setdiff1d(lines, offered[row]))
    return Cases(cases.moment, cases.at, ragged(result), cases.history, cases.target, cases.customer, cases.order)


def with_targets(cases: Cases, request: Int64, product: Int64, accepted: Float64) -> Cases:
    """The requests with what was accepted."""
    taken = accepted > 0
    target = ragged_by(request[taken], product[taken], len(cases))
    return Cases(cases.moment, cases.at, cases.cart, cases.history, target, cases.customer, cases.order)


def ragged_by(row: Int64, values: Int64, n_rows: int) -> Ragged:
    """Values gathered by their row, ascending."""
    return Ragged(values, np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))]).astype(np.int64))


def independent_units(customers: list[str | None], orders: list[str | None]) -> Int64:
    """(n_requests,) one number for each customer, for each order without one, for each request without either."""
    numbers: dict[tuple[str, str | int], int] = {}
    keys: list[tuple[str, str | int]] = [
        ("customer", customer) if customer is not None else ("order", order) if order is not None else ("request", row)
        for row, (customer, order) in enumerate(zip(customers, orders, strict=True))
    ]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
