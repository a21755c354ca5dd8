"""Next-basket methods by like-minded customers: UP-CF and TIFU-KNN.

A request's own vector comes from its history; its neighbours are the customers with orders before the day that the
method was fitted for. Without a history popularity ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp

from mersalg_training.data.timeline import UNKNOWN, Float64, Int64, Timeline
from mersalg_training.evaluation.baselines.bought import binary, customers_before, order_counts
from mersalg_training.evaluation.methods import Scores
from mersalg_training.ranking.cases import Cases

MAX_CUSTOMERS: Final = 50_000
"""The customers who ordered last are neighbours."""
BACK_OFF: Final = 1e-6
"""The weight of popularity, which decides where neighbours say nothing."""
UPCF_WINDOW, UPCF_ALPHA, UPCF_LOCALITY = 100, 0.5, 10.0
TIFU_NEIGHBOURS, TIFU_GROUPS, TIFU_WITHIN, TIFU_BETWEEN, TIFU_OWN = 300, 7, 0.9, 0.7, 0.7

LineWeights = Callable[[Int64, int], Float64]
"""(number of a line's order from 0 = the latest, number of orders) -> the weight of each line."""


@dataclass(frozen=True)
class Crowd:
    """The customers who may be neighbours."""

    customers: Int64
    """(n_rows,) customer codes, ascending."""
    vectors: sp.csr_array
    """(n_rows, n_products) float32: what each tends to buy."""
    share: Float64
    """(n_products,) below 1, by orders that hold the product."""


@dataclass(frozen=True)
class UserPopularity:
    """UP-CF: the popularity of each product within the latest orders of the customer and of those alike."""

    timeline: Timeline
    crowd: Crowd
    held: sp.csr_array
    """(n_rows, n_products) float32: 1 for each product of a customer."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32."""
        own = vectors_of(self.timeline, cases.history, upcf_weights)
        held = vectors_of(self.timeline, cases.history, every_line)
        likeness = asymmetric_cosine(binary(held), self.held, UPCF_ALPHA) ** UPCF_LOCALITY
        likeness *= others(self.crowd, cases)
        return blended(own, sp.csr_array(likeness), self.crowd)


@dataclass(frozen=True)
class FrequencyNeighbours:
    """TIFU-KNN: a customer's own time-weighted frequencies, and the mean of those nearest."""

    timeline: Timeline
    crowd: Crowd
    squares: Float64
    """(n_rows,) squared lengths of the vectors."""

    def score(self, cases: Cases) -> Scores:
        """(n, n_products) float32."""
        own = vectors_of(self.timeline, cases.history, tifu_weights)
        distance = self.squares - 2.0 * (own @ self.crowd.vectors.T).toarray()
        distance[others(self.crowd, cases) == 0.0] = np.inf
        told = cases.history[:, 1] > cases.history[:, 0]
        near = nearest(distance, TIFU_NEIGHBOURS) * ((1.0 - TIFU_OWN) * told[:, None])
        return blended(own * TIFU_OWN, sp.csr_array(near.astype(np.float32)), self.crowd)


def fit_upcf(timeline: Timeline, before_day: float) -> UserPopularity:
    """The customer's own popularity within a window of orders, plus that of others by likeness.

    Faggioli, Polato, Aiolli, Recency aware collaborative filtering for next basket recommendation, 2020: the likeness
    is the asymmetric cosine of what both hold, to the power of the locality.
    """
    crowd = make_crowd(timeline, before_day, upcf_weights)
    return UserPopularity(timeline, crowd, binary(make_crowd(timeline, before_day, every_line).vectors))


def fit_tifu_knn(timeline: Timeline, before_day: float) -> FrequencyNeighbours:
    """Personal item frequencies in groups of orders that decay, and the mean of the nearest customers.

    Hu, He, Gao, Zhang, Modeling personalized item frequency information for next-basket recommendation, 2020.
    """
    crowd = make_crowd(timeline, before_day, tifu_weights)
    squares = np.asarray(crowd.vectors.multiply(crowd.vectors).sum(axis=1), dtype=np.float64)
    return FrequencyNeighbours(timeline, crowd, squares)


def make_crowd(timeline: Timeline, before_day: float, weights: LineWeights) -> Crowd:
    """The latest customers before a day."""
    customers = customers_before(timeline, before_day)
    earlier = timeline.order_customer[timeline.order_day < before_day]
    first = timeline.customer_start[customers]
    last = first + np.bincount(earlier[earlier != UNKNOWN], minlength=len(timeline.customer_ids))[customers]
    latest = np.sort(np.argsort(-timeline.order_day[last - 1], kind="stable")[:MAX_CUSTOMERS])
    spans = np.stack([timeline.order_start[first[latest]], timeline.order_start[last[latest]]], axis=1)
    sold = order_counts(timeline, -np.inf, before_day)
    return Crowd(customers[latest], vectors_of(timeline, spans, weights), sold / (sold.max(initial=0.0) + 1.0))


def vectors_of(timeline: Timeline, spans: Int64, weights: LineWeights) -> sp.csr_array:
    """(n, n_products) float32: the summed weights of the lines of each span. spans: (n, 2) lines of one customer."""
    result = []
    for first, last in spans.tolist():
        order = timeline.line_order[first:last].astype(np.int64)
        number = np.concatenate([[0], np.cumsum(np.diff(order) != 0)])[: len(order)]
        orders = int(number.max(initial=-1)) + 1
        result.append(weights(orders - 1 - number, orders))
    lengths = spans[:, 1] - spans[:, 0]
    row = np.repeat(np.arange(len(spans), dtype=np.int32), lengths)
    product = np.concatenate([timeline.line_product[first:last] for first, last in spans.tolist()])
    data = np.concatenate(result).astype(np.float32)
    summed = sp.csr_array((data, (row, product)), shape=(len(spans), len(timeline.product_ids)))
    summed.eliminate_zeros()
    return summed


def every_line(back: Int64, orders: int) -> Float64:
    """One for each line."""
    return np.ones(len(back))


def upcf_weights(back: Int64, orders: int) -> Float64:
    """The share that an order has of the window; nothing before it."""
    return np.asarray((back < UPCF_WINDOW) / max(1, min(orders, UPCF_WINDOW)), dtype=np.float64)


def tifu_weights(back: Int64, orders: int) -> Float64:
    """The weight of an order: its place in its group, the group's place, and a mean over both.

    Groups have equally many orders, counted back from the latest; the oldest may have fewer.
    """
    size = max(1, -(-orders // TIFU_GROUPS))
    groups = max(1, -(-orders // size))
    group, place = back // size, back % size
    members = np.minimum(size, orders - group * size)
    return np.asarray(TIFU_BETWEEN**group * TIFU_WITHIN**place / (members * groups), dtype=np.float64)


def asymmetric_cosine(some: sp.csr_array, crowd: sp.csr_array, alpha: float) -> Float64:
    """(n, n_rows) products in common / (products of the one ^ alpha x products of the other ^ (1 - alpha))."""
    common = (some @ crowd.T).toarray().astype(np.float64)
    left = np.maximum(np.diff(some.indptr), 1.0) ** alpha
    right = np.maximum(np.diff(crowd.indptr), 1.0) ** (1.0 - alpha)
    return np.asarray(common / left[:, None] / right)


def others(crowd: Crowd, cases: Cases) -> Float64:
    """(n, n_rows) 0 where the row is the customer of the request, else 1."""
    return np.asarray(cases.customer[:, None] != crowd.customers[None, :], dtype=np.float64)


def nearest(distance: Float64, k: int) -> Float64:
    """(n, n_rows) 1 / neighbours for the k rows of least finite distance, else 0."""
    k = min(k, distance.shape[1])
    limit = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]
    near = (distance <= limit) & np.isfinite(distance)
    return np.asarray(near / np.maximum(near.sum(axis=1, keepdims=True), 1))


def blended(own: sp.csr_array, likeness: sp.csr_array, crowd: Crowd) -> Scores:
    """(n, n_products) float32: own + likeness x the crowd's vectors, and popularity far below."""
    scores = np.asarray((own + likeness @ crowd.vectors).toarray(), dtype=np.float32)
    scores += (BACK_OFF * crowd.share).astype(np.float32)
    return scores
