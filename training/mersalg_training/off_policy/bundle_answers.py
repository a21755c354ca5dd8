"""A bundle put to the logged requests: what it would have shown, and how relevant it holds what was shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS
from mersalg.recommender import AnswersRequests
from mersalg.requests import MAX_ONLY
from mersalg_training.calibration.scored_offers import ScoredOffers, request_columns
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64, Timeline
from mersalg_training.evaluation.bundle_method import BundleMethod
from mersalg_training.logged_offers.requests import LoggedOffers

MIN_ODDS: Final = 1e-6
"""Nearest to 0 and 1 that a relevance is taken for log-odds."""


@dataclass(frozen=True)
class BundlePolicy:
    """m offers that the bundle makes at its thresholds for the logged requests, by request and rank."""

    request: Int64
    product: Int64
    kind: Int64
    rank: Int64
    """From 1."""
    relevance: Float32

    def take_requests(self, rows: npt.NDArray[np.integer]) -> BundlePolicy:
        """The offers of some requests, distinct and ascending, which are numbered anew."""
        keep = np.isin(self.request, rows)
        request = np.searchsorted(rows, self.request[keep]).astype(np.int64)
        return BundlePolicy(request, self.product[keep], self.kind[keep], self.rank[keep], self.relevance[keep])


def score_offers(recommender: AnswersRequests, timeline: Timeline, offers: LoggedOffers) -> ScoredOffers:
    """What the bundle makes of each logged offer, whatever its kind and threshold; the label is acceptance."""
    n = len(offers)
    score, relevance = np.full(n, np.nan, dtype=np.float32), np.full(n, np.nan, dtype=np.float32)
    kind = np.full(n, UNKNOWN, dtype=np.int64)
    pieces = list(short_pieces(offers))
    bundle = BundleMethod(recommender, timeline)

    def requests() -> Iterator[dict[str, Any]]:
        for request, rows in pieces:
            only = bundle.requests.ids(offers.product[rows])
            yield bundle.requests.make(offers.cases, request, KINDS, limit=len(only)) | {"only": only}

    for (_, rows), answer in zip(pieces, bundle.answers(requests(), threshold=False), strict=True):
        row_of = dict(zip(offers.product[rows].tolist(), rows.tolist(), strict=True))
        for offered in answer.offers:
            row = row_of[offered.product]
            score[row], relevance[row], kind[row] = offered.score, offered.relevance, KINDS.index(offered.kind)
    return scored_log(offers, score, relevance, kind)


def scored_log(offers: LoggedOffers, score: Float32, relevance: Float32, kind: Int64) -> ScoredOffers:
    """The logged offers with what a bundle says of each, (n,); NaN and UNKNOWN where it does not answer.

    A place is that by the bundle's score, ties in the log's order.
    """
    return ScoredOffers(
        request=offers.request,
        kind=kind,
        place=place_of_kind(offers.request, kind, score),
        score=score,
        relevance=relevance,
        label=offers.accepted.astype(np.float32),
        worth=np.full(len(offers), np.nan, dtype=np.float32),
        requests=request_columns(offers.cases, offers.unit),
    )


def place_of_kind(request: Int64, kind: Int64, score: Float32) -> Int64:
    """(n,) place by score among the offers of the same request and kind, 0 for the best; the unanswered apart."""
    group = request * (len(KINDS) + 1) + kind + 1
    order = np.lexsort((np.arange(len(group)), np.where(kind == UNKNOWN, np.inf, -score), group))
    ordered = group[order]
    place = np.zeros(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - np.searchsorted(ordered, ordered)
    return place


def short_pieces(offers: LoggedOffers) -> Iterator[tuple[int, Int64]]:
    """Each request and rows of its offers, in pieces of at most so many as a request can name."""
    start = np.concatenate([[0], np.cumsum(np.bincount(offers.request, minlength=len(offers.cases)))])
    for request, (first, end) in enumerate(pairwise(start.tolist())):
        for begin in range(first, end, MAX_ONLY):
            yield request, np.arange(begin, min(end, begin + MAX_ONLY))


def places(offers: LoggedOffers) -> Int64:
    """(n_requests,) the places of a request's list: the last position that the log knows at its moment."""
    most = np.zeros(int(offers.cases.moment.max(initial=0)) + 1, dtype=np.int64)
    np.maximum.at(most, offers.moment, offers.position)
    return np.asarray(most[offers.cases.moment])


def ask_policy(
    recommender: AnswersRequests, timeline: Timeline, offers: LoggedOffers, *, among_logged: bool
) -> BundlePolicy:
    """What the bundle shows at its thresholds in each logged request, in as many places as the log has.

    among_logged: it chooses among all products of the log at that moment alone, at most MAX_ONLY, the most shown.
    """
    bundle, limit = BundleMethod(recommender, timeline), places(offers)
    shelves = {m: shelf(offers, m) for m in np.unique(offers.cases.moment).tolist()} if among_logged else {}

    def requests() -> Iterator[dict[str, Any]]:
        for case, moment in enumerate(offers.cases.moment.tolist()):
            only = bundle.requests.ids(shelves[moment]) if among_logged else []
            yield bundle.requests.make(offers.cases, case, limit=int(limit[case])) | {"only": only}

    result = [
        (case, offered.product, KINDS.index(offered.kind), rank, offered.relevance)
        for case, answer in enumerate(bundle.answers(requests()))
        for rank, offered in enumerate(answer.offers, start=1)
    ]
    table = np.array(result, dtype=np.float64).reshape(-1, 5)
    whole = table[:, :4].astype(np.int64)
    return BundlePolicy(whole[:, 0], whole[:, 1], whole[:, 2], whole[:, 3], table[:, 4].astype(np.float32))


def shelf(offers: LoggedOffers, moment: int) -> Int64:
    """The products that the log shows at a moment, the most shown first, at most MAX_ONLY."""
    products, times = np.unique(offers.product[offers.moment == moment], return_counts=True)
    return products[np.argsort(-times, kind="stable")][:MAX_ONLY]


def rank_of_logged(offers: LoggedOffers, policy: BundlePolicy, n_products: int) -> tuple[Int64, Int64]:
    """(n,) rank and kind that the bundle gives each logged offer; 0 and UNKNOWN where it does not show it."""
    ours = policy.request * (n_products + 1) + policy.product
    theirs = offers.request * (n_products + 1) + offers.product
    order = np.argsort(ours, kind="stable")
    place = np.minimum(np.searchsorted(ours[order], theirs), max(0, len(ours) - 1))
    if not len(ours):
        return np.zeros(len(offers), dtype=np.int64), np.full(len(offers), UNKNOWN, dtype=np.int64)
    same = ours[order][place] == theirs
    rank = np.where(same, policy.rank[order][place], 0)
    return rank, np.where(same, policy.kind[order][place], UNKNOWN)


def log_odds(relevance: Float32) -> Float64:
    """(n,) log-odds of a probability, finite."""
    p = np.clip(relevance.astype(np.float64), MIN_ODDS, 1.0 - MIN_ODDS)
    return np.asarray(np.log(p / (1.0 - p)))
