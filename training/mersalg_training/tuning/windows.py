"""Purchases without their test window, so that nothing that reads them can look into it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.timeline import UNKNOWN, Timeline, offsets
from mersalg_training.learn import Purchased


def without_test_window(purchased: Purchased) -> Purchased:
    """The purchases of the fit, rank and calibrate windows; their last window ends where they end.

    Products and customers keep their codes, also those who come later.
    """
    windows, end_day = purchased.windows, time_to_day(purchased.windows.test_from)
    return replace(
        purchased,
        history=purchased.history.ending(end_day),
        timeline=lines_before(purchased.timeline, end_day),
        windows=replace(windows, to=windows.test_from),
    )


def lines_before(timeline: Timeline, end_day: float) -> Timeline:
    """The orders before a day (days since 1970-01-01)."""
    order, line = timeline.order_day < end_day, timeline.line_day < end_day
    customer = timeline.order_customer[order]
    lines = np.diff(timeline.order_start)[order]
    return replace(
        timeline,
        order_ids=[timeline.order_ids[kept] for kept in np.flatnonzero(order).tolist()],
        line_product=timeline.line_product[line],
        line_quantity=timeline.line_quantity[line],
        line_price=timeline.line_price[line],
        order_start=np.concatenate([[0], np.cumsum(lines)]).astype(np.int64),
        order_customer=customer,
        order_day=timeline.order_day[order],
        customer_start=offsets(customer[customer != UNKNOWN], len(timeline.customer_ids)),
    )
