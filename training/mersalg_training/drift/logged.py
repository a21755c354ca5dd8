"""Logged offers as requests of known outcome: what was shown to a customer, and whether it was accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from mersalg.errors import DataError
from mersalg.names import MOMENTS
from mersalg_training.calibration.fit import spread_over_units
from mersalg_training.columns import find_exact
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.purchases import connect, reading
from mersalg_training.data.sources import identifier, open_source
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.drift.newer import Newer
from mersalg_training.ranking.cases import MAX_HISTORY, Cases, Ragged, lines_between, ragged

COLUMNS: Final = ("customer_id", "order_id", "product_id", "moment", "offered_at", "accepted")
"""Those of an offers table that are read."""
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Logged:
    """The offers of a window, one request for what was shown together."""

    cases: Cases
    """The targets are the products that were accepted."""
    only: Ragged
    """The products that were shown, row by row."""
    notes: list[str]


def read_logged(location: str, newer: Newer, random: np.random.Generator) -> Logged:
    """The offers shown in the window; DataError where a column is missing, a row is not readable or none is left.

    Offers of one customer, order, moment and time are one request. Its history is what the customer had bought before;
    the log holds no cart, so the cart is the order without the products that were shown (order-confirmation: the whole
    order; follow-up, or no order that is known: empty). Of a customer at most as many requests are drawn as calibration
    allows.
    """
    rows = read_rows(location)
    moments = sorted({str(row[3]) for row in rows} - set(MOMENTS))
    if moments:
        raise DataError(f"--offers {location}: moment: expected one of {', '.join(MOMENTS)}, got {moments[0]!r}")
    first_day, end_day = newer.days
    inside = [row for row in rows if row[4] is not None and first_day <= time_to_day(row[4]) < end_day]
    code_of = {product_id: code for code, product_id in enumerate(newer.timeline.product_ids)}
    known = [row for row in inside if row[2] in code_of and row[5] is not None]
    if not known:
        raise DataError(
            f"--offers {location}: expected offers of known products from {newer.since:%Y-%m-%d} to before "
            f"{newer.until:%Y-%m-%d}, got none among {len(rows):,} rows; give newer offers, or name the window: --since"
        )
    notes = [f"{len(known):,} logged offers stand for what was shown; an outcome is whether it was accepted"]
    if len(inside) > len(known):
        notes.append(
            f"{len(inside) - len(known):,} logged offers are left out: no product that is known, or no outcome"
        )
    return spread(logged_cases(known, newer.timeline, code_of, notes), newer.timeline, random)


def spread(logged: Logged, timeline: Timeline, random: np.random.Generator) -> Logged:
    """The requests that `spread_over_units` keeps, with what was shown in them."""
    numbered = replace(logged.cases, at=np.arange(len(logged.cases), dtype=np.float64))
    rows = spread_over_units(numbered, len(timeline.customer_ids), random).at.astype(np.int64)
    return Logged(logged.cases.take(rows), logged.only.take(rows), logged.notes)


def read_rows(location: str) -> list[Row]:
    """The rows of an offers table, COLUMNS in their order."""
    connection = connect()
    source = open_source(connection, "offers", location)
    found = {column: find_exact(column, source.columns) for column in COLUMNS}
    if absent := [column for column, name in found.items() if name is None]:
        raise DataError(
            f"--offers {location}: no column {', '.join(absent)}; columns found: {', '.join(source.columns)}. "
            "Name them so in the table"
        )
    types = {"offered_at": "TIMESTAMP", "accepted": "BOOLEAN"}
    selected = ", ".join(
        f"CAST({identifier(str(name))} AS {types.get(column, 'VARCHAR')})" for column, name in found.items()
    )
    with reading("offers"):
        rows = connection.execute(f"SELECT {selected} FROM {source.relation} ORDER BY ALL").fetchall()
    connection.close()
    return rows


def logged_cases(rows: list[Row], timeline: Timeline, code_of: dict[str, int], notes: list[str]) -> Logged:
    """Group rows of known products into requests."""
    customer_of = {customer: code for code, customer in enumerate(timeline.customer_ids)}
    order_of = {order: code for code, order in enumerate(timeline.order_ids)}
    shown: dict[Row, list[tuple[int, bool]]] = {}
    for customer, order, product, moment, at, accepted in rows:
        shown.setdefault((customer, order, moment, at), []).append((code_of[product], accepted))
    moment_of, at_of, carts, histories, targets, customers, orders, only = [], [], [], [], [], [], [], []
    for number, ((customer, order, moment, at), offers) in enumerate(shown.items()):
        code, order_code, day = customer_of.get(customer, UNKNOWN), order_of.get(order, UNKNOWN), time_to_day(at)
        products = np.unique([product for product, _ in offers]).astype(np.int64)
        moment_of.append(MOMENTS.index(moment))
        at_of.append(day)
        carts.append(cart_of(timeline, order_code, moment, products))
        histories.append(history_of(timeline, code, day))
        targets.append(np.unique([product for product, accepted in offers if accepted]).astype(np.int64))
        customers.append(code)
        orders.append(order_code if order_code != UNKNOWN else timeline.n_orders + number)
        only.append(products)
    cases = Cases(
        moment=np.array(moment_of, dtype=np.int64),
        at=np.array(at_of, dtype=np.float64),
        cart=ragged(carts),
        history=np.array(histories, dtype=np.int64).reshape(-1, 2),
        target=ragged(targets),
        customer=np.array(customers, dtype=np.int64),
        order=np.array(orders, dtype=np.int64),
    )
    return Logged(cases, ragged(only), notes)


def cart_of(timeline: Timeline, order: int, moment: str, shown: Int64) -> Int64:
    """The cart that the log does not tell."""
    if order == UNKNOWN or moment == "follow-up":
        return np.zeros(0, dtype=np.int64)
    bought = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
    return bought if moment == "order-confirmation" else np.setdiff1d(bought, shown)


def history_of(timeline: Timeline, customer: int, day: float) -> tuple[int, int]:
    """First and one past the last line of what the customer had bought before that time."""
    if customer == UNKNOWN:
        return 0, 0
    lines = lines_between(timeline, customer, -np.inf, np.nextafter(day, -np.inf))
    return max(lines.start, lines.stop - MAX_HISTORY), lines.stop
