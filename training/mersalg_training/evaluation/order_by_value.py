"""What the order by value sells beside the order by relevance, of what is shown at the default thresholds.

The thresholds let the same offers through in both orders; the cut to the few that are shown chooses among them. An
offer that was bought is worth the line of the order that bought it. It is not shown that the offer caused the purchase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.names import AFTER_PAYMENT, MOMENTS, ORDERS, Order
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float64, Timeline
from mersalg_training.evaluation.bundle_method import BundleAnswer
from mersalg_training.evaluation.metrics import Estimate, difference, mean, ratio, resample_customers
from mersalg_training.evaluation.precision_shown import tally
from mersalg_training.ranking.cases import Cases, lines_between

PAID: Final = frozenset(MOMENTS.index(moment) for moment in AFTER_PAYMENT)
REVENUE, MARGIN = "revenue a request", "margin a request"


@dataclass(frozen=True)
class SalesByOrder:
    """What is shown in one order of offers, and what is bought of it."""

    order: Order
    requests: int
    offers: int
    relevant: int
    """Of the offers, those that were bought."""
    precision: Estimate | None
    """Relevant of the offers shown; None where none is."""
    worth: Mapping[str, Estimate]
    """Revenue and margin of what was shown and bought, a request; without what no product's price or cost tells."""
    more: Mapping[str, Estimate]
    """How much more that is than in the order by relevance, on the same requests and draws; empty for that order."""


def sales_by_order(
    timeline: Timeline,
    attributes: Attributes,
    cases: Cases,
    answers: Mapping[Order, Sequence[BundleAnswer]],
    random: np.random.Generator,
) -> list[SalesByOrder]:
    """A row for each of ORDERS. answers: by order, what is shown for each case."""
    draws = resample_customers(cases.customer, cases.order, random)
    worth = {order: worth_of_shown(timeline, attributes, cases, answers[order]) for order in ORDERS}
    rows = []
    for order in ORDERS:
        offers, relevant = (counts.sum(axis=1) for counts in tally(cases, answers[order]))
        beside = {} if order == "relevance" else worth["relevance"]
        rows.append(
            SalesByOrder(
                order=order,
                requests=len(cases),
                offers=int(offers.sum()),
                relevant=int(relevant.sum()),
                precision=ratio(relevant, offers, draws) if offers.any() else None,
                worth={name: mean(values, draws) for name, values in worth[order].items()},
                more={name: difference(worth[order][name], values, draws) for name, values in beside.items()},
            )
        )
    return rows


def worth_of_shown(
    timeline: Timeline, attributes: Attributes, cases: Cases, answers: Sequence[BundleAnswer]
) -> dict[str, Float64]:
    """Revenue and margin -> (n,) what the offers brought that were shown and bought; only what is known at all.

    quantity x price paid, and less the cost; an unknown price is the list price. An offer without either, or without a
    cost, brings nothing.
    """
    result = [(case, offered.product) for case, answer in enumerate(answers) for offered in answer.offers]
    hits = [(case, product) for case, product in result if product in cases.target[case]]
    rows = np.array([case for case, _ in hits], dtype=np.int64)
    product = np.array([product for _, product in hits], dtype=np.int64)
    line = np.array([bought_line(timeline, cases, *hit) for hit in hits], dtype=np.int64)
    paid = timeline.line_price[line].astype(np.float64)
    quantity = timeline.line_quantity[line].astype(np.float64)
    revenue = quantity * np.where(np.isnan(paid), attributes.price[product], paid)
    margin = revenue - quantity * attributes.cost[product]
    priced = np.isfinite(timeline.line_price).any() or np.isfinite(attributes.price).any()
    known = {REVENUE: priced, MARGIN: priced and np.isfinite(attributes.cost).any()}
    return {
        name: np.bincount(rows, weights=np.nan_to_num(values, nan=0.0), minlength=len(cases)).astype(np.float64)
        for name, values in ((REVENUE, revenue), (MARGIN, margin))
        if known[name]
    }


def bought_line(timeline: Timeline, cases: Cases, case: int, product: int) -> int:
    """The line that bought a target: of the case's order, or after payment the customer's first one from then on."""
    if int(cases.moment[case]) in PAID:
        after = float(np.nextafter(cases.at[case], np.inf))
        lines = lines_between(timeline, int(cases.customer[case]), after, np.inf)
    else:
        lines = timeline.order_lines(int(cases.order[case]))
    return int(lines.start + np.argmax(timeline.line_product[lines] == product))
