"""What would be shown of a kind, and what a threshold makes of it: precision, coverage, recall, worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, Kind
from mersalg_training.data.timeline import Float32, Float64, Int64

Booleans = npt.NDArray[np.bool_]

SHOWN: Final = 3
"""Offers of a kind that a request shows at most, best first."""


@dataclass(frozen=True)
class Shown:
    """Offers that would be shown without a threshold, (n,) each: the best SHOWN of each kind and request."""

    kind: Int64
    relevance: Float32
    bought: Float32
    unit: Int64
    """The customer, or the order where there is none; numbered in an order drawn."""
    request: Int64
    depth: Int64
    """Place among the offers of its kind and request, 0 for the best."""
    known: Booleans
    """Whether the request brings a history."""
    worth: Float32
    """What a sale of the product brings: its margin, else its price; NaN where neither is known."""
    asked: Int64
    """(5,) requests at the moments that offer each kind, those without a candidate included."""

    def take(self, rows: Booleans) -> Shown:
        """Some rows, of the same requests."""
        return replace(
            self,
            kind=self.kind[rows],
            relevance=self.relevance[rows],
            bought=self.bought[rows],
            unit=self.unit[rows],
            request=self.request[rows],
            depth=self.depth[rows],
            known=self.known[rows],
            worth=self.worth[rows],
        )

    def of_kind(self, kind: Kind) -> Shown:
        """The rows of one kind."""
        return self.take(self.kind == KINDS.index(kind))

    def precision(self, threshold: float) -> float:
        """The share of the offers at or above a threshold that was bought; NaN without any."""
        rows = self.relevance >= threshold
        return float(self.bought[rows].mean()) if rows.any() else float("nan")

    def coverage(self, threshold: float, kind: Kind) -> float:
        """The share of the requests that could see an offer of the kind and do; the rows are of that kind alone."""
        seen = len(np.unique(self.request[self.relevance >= threshold]))
        return seen / max(1, int(self.asked[KINDS.index(kind)]))


@dataclass(frozen=True)
class Tradeoff:
    """What a threshold shows of a kind, measured on customers who had no part in choosing it."""

    threshold: float
    offers: int
    customers: int
    precision: float
    """Share of the offers that was bought; NaN without any."""
    coverage: float
    """Share of the requests, of those that could, that see one."""
    recall: float
    """Share kept of the relevant offers that would be shown without a threshold; NaN where there are none."""
    worth: float
    """What the relevant ones among the offers bring a request that could see one; NaN where no worth is known."""


def tradeoff(shown: Shown, kind: Kind, threshold: float) -> Tradeoff:
    """What a threshold makes of the rows of one kind; infinity shows nothing."""
    rows = shown.relevance >= threshold
    hits, relevant = float(shown.bought[rows].sum()), float(shown.bought.sum())
    known = np.isfinite(shown.worth)
    worth = float((shown.bought * np.nan_to_num(shown.worth))[rows].sum())
    return Tradeoff(
        threshold=threshold,
        offers=int(rows.sum()),
        customers=len(np.unique(shown.unit[rows])),
        precision=shown.precision(threshold),
        coverage=shown.coverage(threshold, kind),
        recall=hits / relevant if relevant else float("nan"),
        worth=worth / max(1, int(shown.asked[KINDS.index(kind)])) if known.any() else float("nan"),
    )


def tallies(shown: Shown, thresholds: list[float]) -> tuple[Float64, Float64]:
    """(n_units, n_thresholds) each: relevant offers, and offers, of each unit at or above each threshold.

    Ascending thresholds; units in the order of their numbers, those without a row left out.
    """
    units, unit = np.unique(shown.unit, return_inverse=True)
    reached = np.searchsorted(np.array(thresholds, dtype=np.float32), shown.relevance, side="right")
    shape = len(units), len(thresholds) + 1
    place = unit * shape[1] + reached
    # An offer that reaches a threshold reaches every lower one.
    hits, offers = (
        np.asarray(
            np.cumsum(np.bincount(place, weights=of, minlength=shape[0] * shape[1]).reshape(shape)[:, ::-1], axis=1)
        )[:, ::-1][:, 1:].astype(np.float64)
        for of in (shown.bought, np.ones(len(unit)))
    )
    return hits, offers
