"""How far what the scorer sees has moved: request by request, line by line, against the deciles of a reference.

The population stability index is the sum over the bins of (now - then) * log(now / then), the symmetrised
Kullback-Leibler divergence (Siddiqi, Credit Risk Scorecards, 2006); by custom below 0.1 is little, above 0.25 is much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.ranking.cases import Cases
from mersalg_training.tables.vocabulary import unsold_products

BINS: Final = 10
MOVED: Final = 0.1
MUCH: Final = 0.25
"""From here on a shift is named, and named large."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values between edges: bin i holds edges[i - 1] < value <= edges[i], the outer ones are open."""

    edges: Float64
    """Ascending, distinct."""
    counts: Int64
    """One more than the edges."""

    @property
    def shares(self) -> Float64:
        """(n_edges + 1,) with half a count more in each bin, so that no bin is empty."""
        counts = self.counts + 0.5
        return np.asarray(counts / counts.sum(), dtype=np.float64)

    @property
    def names(self) -> list[str]:
        """What each bin is called: up to its edge, the last from the last edge on."""
        edges = self.edges.tolist()
        return [*(f"to {edge:.3g}" for edge in edges), f"over {edges[-1]:.3g}" if edges else "all"]

    def to_json(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist()}


@dataclass(frozen=True)
class Shift:
    """One thing that the scorer sees, then and now."""

    name: str
    then: Histogram
    now: Histogram

    @property
    def index(self) -> float:
        """The population stability index."""
        then, now = self.then.shares, self.now.shares
        return float(((now - then) * np.log(now / then)).sum())

    @property
    def size(self) -> str:
        """The index in a word."""
        return "large" if self.index >= MUCH else "some" if self.index >= MOVED else "little"


def histogram_from(document: Mapping[str, Any]) -> Histogram:
    """A histogram as the manifest holds it."""
    return Histogram(np.array(document["edges"], dtype=np.float64), np.array(document["counts"], dtype=np.int64))


def deciles(values: Float64) -> Histogram:
    """The values by their own deciles, as edges of three digits; no values, one empty bin."""
    if not len(values):
        return Histogram(np.zeros(0), np.zeros(1, dtype=np.int64))
    steps = np.quantile(values, np.arange(1, BINS) / BINS, method="lower")
    edges = np.unique([float(f"{step:.3g}") for step in steps])
    edges = edges[edges < values.max()]
    if not len(edges) and values.min() < values.max():
        edges = values.min(keepdims=True)
    return Histogram(edges, counted(values, edges))


def counted(values: Float64, edges: Float64) -> Int64:
    """How many values lie in each bin."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).astype(np.int64)


def shift_of(name: str, then: Histogram, values: Float64) -> Shift:
    """The shift of values, in the bins of the reference."""
    return Shift(name, then, Histogram(then.edges, counted(values, then.edges)))


def request_features(timeline: Timeline, cases: Cases, first_day: float, end_day: float) -> dict[str, Float64]:
    """Name -> values of the requests, and of the orders and lines of [first_day, end_day).

    A value that is unknown is left out: the days since the last purchase where there is none, a price.
    """
    inside = (timeline.line_day >= first_day) & (timeline.line_day < end_day)
    orders = (timeline.order_day >= first_day) & (timeline.order_day < end_day)
    lines = cases.history[:, 1] - cases.history[:, 0]
    known = lines > 0
    price = timeline.line_price[inside].astype(np.float64)
    return {
        "products in the cart": cases.cart.lengths.astype(np.float64),
        "lines of the history": lines.astype(np.float64),
        "days since the last purchase": cases.at[known] - timeline.line_day[cases.history[known, 1] - 1],
        "products of an order": np.diff(timeline.order_start)[orders].astype(np.float64),
        "price paid": price[~np.isnan(price)],
        "bought before": bought_before(timeline)[inside & (timeline.order_customer[timeline.line_order] != UNKNOWN)],
    }


def bought_before(timeline: Timeline) -> Float64:
    """(n_lines,) 1 where an earlier order of the same customer holds the product; 0 without a customer."""
    customer = timeline.order_customer[timeline.line_order].astype(np.int64)
    key = customer * len(timeline.product_ids) + timeline.line_product
    _, first = np.unique(key, return_index=True)
    again = np.ones(timeline.n_lines)
    again[first] = 0.0
    again[customer == UNKNOWN] = 0.0
    return again


@dataclass(frozen=True)
class Unknown:
    """The part of a window that is of products which the bundle does not know, and so never offers."""

    lines: float
    """Share of the order lines."""
    revenue: float | None
    """Share of what was paid; None where no price is known."""


def unknown_share(
    timeline: Timeline, attributes: Attributes, known: npt.NDArray[np.bool_], first_day: float, end_day: float
) -> Unknown:
    """known: (n_products,) bool by product code. A line without a price counts at list price."""
    inside = (timeline.line_day >= first_day) & (timeline.line_day < end_day)
    product = timeline.line_product[inside]
    price = timeline.line_price[inside].astype(np.float64)
    price = np.where(np.isnan(price), attributes.price[product], price)
    paid = np.nan_to_num(price * timeline.line_quantity[inside])
    strange = ~known[product]
    revenue = float(paid[strange].sum() / paid.sum()) if paid.sum() > 0 else None
    return Unknown(float(strange.mean()) if len(strange) else 0.0, revenue)


def known_at(timeline: Timeline, attributes: Attributes, day: float) -> npt.NDArray[np.bool_]:
    """(n_products,) bool: what a bundle of the lines before a day knows: what was sold, what the catalogue adds."""
    sold = np.unique(timeline.line_product[timeline.line_day < day]).astype(np.int64)
    known = np.zeros(len(timeline.product_ids), dtype=np.bool_)
    known[sold] = True
    known[unsold_products(sold, attributes)] = True
    return known
