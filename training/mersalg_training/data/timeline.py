"""Order lines as arrays in which a customer's history is one slice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

UNKNOWN = -1
"""The code of no customer, no type, no category, no brand."""


@dataclass(frozen=True)
class Timeline:
    """Clean order lines, sorted by customer, time and order; orders without a customer come last.

    A product code is a position in `product_ids`; the same for customers and orders. A line belongs to one order,
    and a product stands at most once in an order.
    """

    product_ids: list[str]
    customer_ids: list[str]
    order_ids: list[str]
    line_product: Int32
    """(n_lines,) product code."""
    line_quantity: Float32
    line_price: Float32
    """(n_lines,) price paid for one; NaN = unknown."""
    order_start: Int64
    """(n_orders + 1,) the lines of order o are order_start[o] : order_start[o + 1]."""
    order_customer: Int32
    """(n_orders,) customer code, UNKNOWN without one."""
    order_day: Float64
    """(n_orders,) days since 1970-01-01, with the time of day as a fraction."""
    customer_start: Int64
    """(n_customers + 1,) the orders of customer c are customer_start[c] : customer_start[c + 1]."""

    @property
    def n_lines(self) -> int:
        """Lines of all orders."""
        return len(self.line_product)

    @property
    def n_orders(self) -> int:
        """Orders of all customers, and of none."""
        return len(self.order_customer)

    @cached_property
    def line_order(self) -> Int32:
        """(n_lines,) the order of each line."""
        return np.repeat(np.arange(self.n_orders, dtype=np.int32), np.diff(self.order_start))

    @cached_property
    def line_day(self) -> Float64:
        """(n_lines,) the day of each line."""
        return self.order_day[self.line_order]

    def order_lines(self, order: int) -> slice:
        """The lines of an order."""
        return slice(int(self.order_start[order]), int(self.order_start[order + 1]))

    def history_before(self, order: int) -> slice:
        """The lines of the same customer's earlier orders; empty without a customer."""
        customer = int(self.order_customer[order])
        first = int(self.customer_start[customer]) if customer != UNKNOWN else order
        return slice(int(self.order_start[first]), int(self.order_start[order]))


def offsets(codes: npt.NDArray[np.integer], n: int) -> Int64:
    """(n + 1,) where each code's run starts in an ascending array of codes 0 .. n - 1."""
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n))]).astype(np.int64)


def plain(values: npt.NDArray[np.object_] | np.ma.MaskedArray) -> list[str | None]:
    """A column of strings as a list, with None where the database has NULL."""
    return list(values.tolist())  # of a masked array, None where it is masked
