"""What each unit bought after it was assigned, and before: one row a unit, whatever it was shown.

Every sum is over a window of days that starts when the unit was first seen in the experiment, and a unit counts only
once its window is complete. So later looks add units and change none, and nothing is extrapolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg.errors import DataError
from mersalg.names import KINDS
from mersalg_training.uplift.record import Record

Float64 = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

SUMS = ("orders", "revenue", "margin", "units", "returned")
ORDER_WINDOW = 1.0
"""Days until the outcome of an order that is a unit itself is known."""


@dataclass(frozen=True)
class Units:
    """The units, ordered by when they were assigned (ties: by id), and when the data end."""

    arm: npt.NDArray[np.str_]
    assigned_at: npt.NDArray[np.datetime64]
    observed_days: Float64
    """(n,) from the assignment to the last order of the data."""
    is_new: Booleans
    """(n,) no order before the assignment."""
    first_order: datetime
    last_order: datetime

    def __len__(self) -> int:
        return len(self.arm)


def tie_orders(connection: duckdb.DuckDBPyConnection, record: Record) -> list[str]:
    """Make `bought` and `brought_back`: lines of each unit with `since`, the days from its assignment to the order.

    An order whose own cart or checkout was the exposure counts as after it, even where orders have dates only. Needs
    `lines`, `products` and `judged` of the data contract. DataError where orders and record have no unit in common.
    """
    notes = align_clocks(connection)
    joined = "l.customer_id = u.unit" if record.unit == "customer" else "l.order_id = u.unit"
    since = "date_diff('microsecond', u.assigned_at, l.ordered_at) / 86400e6" if record.unit == "customer" else "0.0"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE bought AS
        SELECT u.unit, l.order_id, l.product_id, l.ordered_at, {since} AS since, l.quantity,
               l.quantity * coalesce(l.unit_price, p.price, 0) AS revenue,
               l.quantity * (coalesce(l.unit_price, p.price) - p.cost) AS margin
        FROM units u JOIN lines l ON {joined} LEFT JOIN products p ON l.product_id = p.product_id
    """)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE brought_back AS
        SELECT u.unit, {since} AS since, abs(l.quantity) AS quantity,
               abs(l.quantity) * coalesce(l.unit_price, p.price, 0) AS revenue,
               abs(l.quantity) * (coalesce(l.unit_price, p.price) - p.cost) AS margin
        FROM units u JOIN judged l ON {joined} LEFT JOIN products p ON l.product_id = p.product_id
        WHERE (l.is_cancelled OR l.quantity < 0) AND l.ordered_at IS NOT NULL AND l.quantity IS NOT NULL
    """)
    if not connection.execute("SELECT count(*) FROM bought").fetchall()[0][0]:
        raise DataError(
            f"no {record.unit}_id of the orders is a unit of the exposure record; do both spell the ids alike?"
        )
    return notes


def align_clocks(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Let `assigned_at` be no later than the order whose cart was exposed; with dates only, the day's begin."""
    connection.execute("""
        UPDATE units SET assigned_at = least(assigned_at, found.ordered_at) FROM (
            SELECT e.unit, min(o.ordered_at) AS ordered_at
            FROM exposures e JOIN (SELECT order_id, min(ordered_at) AS ordered_at FROM lines GROUP BY order_id) o
              ON e.order_id = o.order_id
            WHERE e.moment IN ('product-page', 'cart', 'checkout')
              AND o.ordered_at BETWEEN e.offered_at - INTERVAL 1 DAY AND e.offered_at
            GROUP BY e.unit
        ) found WHERE units.unit = found.unit
    """)
    with_hours = connection.execute(
        "SELECT count(*) FROM lines WHERE ordered_at <> date_trunc('day', ordered_at)"
    ).fetchall()[0][0]
    if with_hours:
        return []
    connection.execute("UPDATE units SET assigned_at = date_trunc('day', assigned_at)")
    return ["orders have dates without hours: a unit's window begins with the day of its first exposure"]


def tell_margin(connection: duckdb.DuckDBPyConnection) -> str:
    """Say how much of the revenue has a known cost."""
    known, revenue = connection.execute(
        "SELECT sum(revenue) FILTER (margin IS NOT NULL), sum(revenue) FROM bought"
    ).fetchall()[0]
    share = (known or 0.0) / revenue if revenue else 0.0
    return f"margin counts the lines whose cost is known: {share:.0%} of the revenue"


def read_units(connection: duckdb.DuckDBPyConnection) -> Units:
    """The units as arrays."""
    first, last = connection.execute("SELECT min(ordered_at), max(ordered_at) FROM lines").fetchall()[0]
    columns = connection.execute("""
        SELECT u.arm, u.assigned_at,
               NOT EXISTS (SELECT 1 FROM lines l WHERE l.customer_id = coalesce(u.customer_id, u.unit)
                           AND l.ordered_at < u.assigned_at) AS is_new
        FROM units u ORDER BY u.assigned_at, u.unit
    """).fetchnumpy()
    assigned_at = np.asarray(columns["assigned_at"], dtype="datetime64[us]")
    observed = np.asarray((np.datetime64(last, "us") - assigned_at) / np.timedelta64(1, "D"), dtype=np.float64)
    arms = np.asarray(columns["arm"].tolist(), dtype=np.str_)
    return Units(arms, assigned_at, observed, np.asarray(columns["is_new"], dtype=bool), first, last)


def sum_window(connection: duckdb.DuckDBPyConnection, first_day: float, last_day: float) -> dict[str, Float64]:
    """SUMS of each unit, (n,) each, over the days from first_day to before last_day, 0 = the assignment.

    revenue and margin are net of what was brought back; margin counts lines whose cost is known. `orders` counts
    orders, `units` and `returned` pieces.
    """
    within = f"since >= {first_day} AND since < {last_day}"
    columns = connection.execute(f"""
        WITH b AS (
            SELECT unit, count(DISTINCT order_id) AS orders, sum(revenue) AS revenue, sum(margin) AS margin,
                   sum(quantity) AS units FROM bought WHERE {within} GROUP BY unit
        ), r AS (
            SELECT unit, sum(revenue) AS revenue, sum(margin) AS margin, sum(quantity) AS returned
            FROM brought_back WHERE {within} GROUP BY unit
        )
        SELECT coalesce(b.orders, 0) AS orders, coalesce(b.revenue, 0) - coalesce(r.revenue, 0) AS revenue,
               coalesce(b.margin, 0) - coalesce(r.margin, 0) AS margin, coalesce(b.units, 0) AS units,
               coalesce(r.returned, 0) AS returned
        FROM units u LEFT JOIN b ON u.unit = b.unit LEFT JOIN r ON u.unit = r.unit ORDER BY u.assigned_at, u.unit
    """).fetchnumpy()
    return {name: np.asarray(columns[name], dtype=np.float64) for name in SUMS}


def sum_offers(connection: duckdb.DuckDBPyConnection, last_day: float, within_days: float) -> Mapping[str, Float64]:
    """Offers of each unit, (n,) each: `offered KIND`, `taken KIND`, shown or not; `attributed` revenue of shown ones.

    Taken: the unit bought the product in the exposed order, or within so many days after the offer. An offer made again
    before the same purchase counts again; `attributed` counts a bought line once.
    """
    kinds = ", ".join(
        f"count(*) FILTER (kind = '{kind}') AS \"offered {kind}\", "
        f"count(*) FILTER (kind = '{kind}' AND taken) AS \"taken {kind}\""
        for kind in KINDS
    )
    names = [f"{word} {kind}" for kind in KINDS for word in ("offered", "taken")]
    matched = f"""b.unit = e.unit AND b.product_id = e.product_id
        AND (b.order_id = e.order_id OR b.ordered_at BETWEEN e.offered_at
             AND e.offered_at + INTERVAL {round(within_days * 86400)} SECOND)"""
    columns = connection.execute(f"""
        WITH made AS (
            SELECT e.*, EXISTS (SELECT 1 FROM bought b WHERE {matched}) AS taken
            FROM exposures e JOIN units u ON e.unit = u.unit
            WHERE e.product_id IS NOT NULL
              AND date_diff('microsecond', u.assigned_at, e.offered_at) < {last_day} * 86400e6
        ), k AS (SELECT unit, {kinds} FROM made GROUP BY unit), a AS (
            SELECT b.unit, sum(b.revenue) AS attributed FROM bought b
            WHERE b.since >= 0 AND b.since < {last_day}
              AND EXISTS (SELECT 1 FROM exposures e WHERE e.shown AND {matched}) GROUP BY b.unit
        )
        SELECT {", ".join(f'coalesce(k."{name}", 0) AS "{name}"' for name in names)},
               coalesce(a.attributed, 0) AS attributed
        FROM units u LEFT JOIN k ON u.unit = k.unit LEFT JOIN a ON u.unit = a.unit ORDER BY u.assigned_at, u.unit
    """).fetchnumpy()
    return {name: np.asarray(columns[name], dtype=np.float64) for name in (*names, "attributed")}
