"""Offers with their scores and what came of them, and what a threshold makes of those of a kind.

One table serves calibration, certificates, reliability, drift and logged offers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS, Kind
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64
from mersalg_training.ranking.cases import Cases

Booleans = npt.NDArray[np.bool_]

SHOWN: Final = 3
"""Offers of a kind that a request shows at most, best first."""
OFFERED: Final = np.array([[kind in KINDS_BY_MOMENT[moment] for kind in KINDS] for moment in MOMENTS])
"""(5, 5) bool: by moment, which kinds a request asks for when it names none."""


@dataclass(frozen=True)
class RequestColumns:
    """m requests, those without an offer included."""

    unit: Int64
    """(m,) what is drawn independently: the customer; without one the order, which may have served several requests."""
    known: Booleans
    """(m,) whether the request brings a history."""
    moment: Int64
    """(m,) position in MOMENTS."""

    def take(self, rows: Int64) -> RequestColumns:
        """Some requests, in the order given."""
        return RequestColumns(self.unit[rows], self.known[rows], self.moment[rows])


def request_columns(cases: Cases, unit: Int64) -> RequestColumns:
    """Of each case. unit: (m,)."""
    return RequestColumns(unit, cases.history[:, 1] > cases.history[:, 0], cases.moment)


def units_of(cases: Cases, n_customers: int) -> Int64:
    """(n,) what is drawn independently: the customer, else the order; their numbers do not meet."""
    return np.where(cases.customer == UNKNOWN, n_customers + cases.order, cases.customer)


@dataclass(frozen=True)
class ScoredOffers:
    """n offers for m requests, and what came of them."""

    request: Int64
    """(n,) row of `requests`."""
    kind: Int64
    """(n,) position in KINDS; UNKNOWN where a bundle does not answer for an offer of others."""
    place: Int64
    """(n,) among the offers of its kind and request, 0 for the best."""
    score: Float32
    """(n,) as rankers give it."""
    relevance: Float32
    """(n,) the calibrated probability; NaN before calibration."""
    label: Float32
    """(n,) 1 where it was bought, or accepted; else 0."""
    worth: Float32
    """(n,) what a sale brings: margin, else price; NaN where neither is known."""
    requests: RequestColumns

    def __len__(self) -> int:
        return len(self.request)

    @property
    def unit(self) -> Int64:
        """(n,) of its request."""
        return self.requests.unit[self.request]

    @property
    def known(self) -> Booleans:
        """(n,) whether its request brings a history."""
        return self.requests.known[self.request]

    @property
    def answered(self) -> Booleans:
        """(n,) whether the bundle knows the product and may offer it in this request."""
        return np.asarray(self.kind != UNKNOWN)

    @cached_property
    def asked(self) -> Int64:
        """(5,) requests at the moments that offer each kind."""
        return np.asarray(OFFERED[self.requests.moment].sum(axis=0), dtype=np.int64)

    def take(self, rows: Int64 | Booleans) -> ScoredOffers:
        """Some offers, of the same requests."""
        columns = ("request", "kind", "place", "score", "relevance", "label", "worth")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def take_requests(self, rows: Int64) -> ScoredOffers:
        """Some requests, distinct and ascending, which are numbered anew, with their offers."""
        inside = self.take(np.isin(self.request, rows))
        request = np.searchsorted(rows, inside.request).astype(np.int64)
        return replace(inside, request=request, requests=self.requests.take(rows))

    def of_kind(self, kind: Kind) -> ScoredOffers:
        """The offers of one kind."""
        return self.take(self.kind == KINDS.index(kind))

    def precision(self, threshold: float) -> float:
        """The share of the offers at or above a threshold that came true; NaN without any."""
        rows = self.relevance >= threshold
        return float(self.label[rows].mean()) if rows.any() else float("nan")

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


def tradeoff(shown: ScoredOffers, kind: Kind, threshold: float) -> Tradeoff:
    """What a threshold makes of the rows of one kind; infinity shows nothing."""
    rows = shown.relevance >= threshold
    hits, relevant = float(shown.label[rows].sum()), float(shown.label.sum())
    known = np.isfinite(shown.worth)
    worth = float((shown.label * np.nan_to_num(shown.worth))[rows].sum())
    return Tradeoff(
        threshold=threshold,
        offers=int(rows.sum()),
        customers=len(np.unique(shown.unit[rows])),
        precision=shown.precision(threshold),
        coverage=shown.coverage(threshold, kind),
        recall=hits / relevant if relevant else float("nan"),
        worth=worth / max(1, int(shown.asked[KINDS.index(kind)])) if known.any() else float("nan"),
    )


def tallies(shown: ScoredOffers, thresholds: list[float]) -> tuple[Float64, Float64]:
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
        for of in (shown.label, np.ones(len(unit)))
    )
    return hits, offers
