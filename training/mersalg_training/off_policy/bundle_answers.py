"""A bundle put to the logged requests: what it would have shown, and how relevant it holds what was shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg.requests import MOST_ONLY
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64, Timeline
from mersalg_training.evaluation.bundle_method import request_maker
from mersalg_training.logged_offers.requests import LoggedOffers

LEAST_ODDS: Final = 1e-6
"""Nearest to 0 and 1 that a relevance is taken for log-odds."""


@dataclass(frozen=True)
class Scored:
    """What the bundle says of each logged offer, (n,) each."""

    score: Float32
    """Raw, as rankers give it; NaN where the bundle does not answer: the product is none of its candidates."""
    relevance: Float32
    kind: Int64
    """Position in KINDS, by the bundle's rules; UNKNOWN where it does not answer."""

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the bundle knows the product and may offer it in this request."""
        return np.asarray(self.kind != UNKNOWN)

    def take(self, rows: npt.NDArray[np.bool_]) -> Scored:
        """The offers for which rows, (n,), is true."""
        return Scored(self.score[rows], self.relevance[rows], self.kind[rows])


@dataclass(frozen=True)
class Policy:
    """m offers that the bundle makes at its thresholds for the logged requests, by request and rank."""

    request: Int64
    product: Int64
    kind: Int64
    rank: Int64
    """From 1."""
    relevance: Float32

    def take_requests(self, rows: npt.NDArray[np.integer]) -> Policy:
        """The offers of some requests, distinct and ascending, which are numbered anew."""
        keep = np.isin(self.request, rows)
        request = np.searchsorted(rows, self.request[keep]).astype(np.int64)
        return Policy(request, self.product[keep], self.kind[keep], self.rank[keep], self.relevance[keep])


def score_offers(recommender: AnswersRequests, timeline: Timeline, offers: LoggedOffers) -> Scored:
    """What the bundle makes of each logged offer, whatever its kind and threshold."""
    n = len(offers)
    scored = Scored(
        np.full(n, np.nan, dtype=np.float32), np.full(n, np.nan, dtype=np.float32), np.full(n, UNKNOWN, dtype=np.int64)
    )
    pieces = list(short_pieces(offers))
    make_request = request_maker(timeline)
    ids = timeline.product_ids

    def requests() -> Iterator[dict[str, Any]]:
        for request, rows in pieces:
            only = [ids[product] for product in offers.product[rows].tolist()]
            yield make_request(offers.cases, request, KINDS, None, len(only)) | {"only": only}

    for (_, rows), answer in zip(pieces, stream_answers(recommender, requests(), threshold=False), strict=True):
        row_of = {ids[product]: row for product, row in zip(offers.product[rows].tolist(), rows.tolist(), strict=True)}
        for offer in answer:
            row = row_of[offer.product_id]
            scored.score[row], scored.relevance[row] = offer.score, offer.relevance
            scored.kind[row] = KINDS.index(offer.kind)
    return scored


def short_pieces(offers: LoggedOffers) -> Iterator[tuple[int, Int64]]:
    """Each request and rows of its offers, in pieces of at most so many as a request can name."""
    start = np.concatenate([[0], np.cumsum(np.bincount(offers.request, minlength=len(offers.cases)))])
    for request, (first, end) in enumerate(pairwise(start.tolist())):
        for begin in range(first, end, MOST_ONLY):
            yield request, np.arange(begin, min(end, begin + MOST_ONLY))


def places(offers: LoggedOffers) -> Int64:
    """(n_requests,) the places of a request's list: the last position that the log knows at its moment."""
    most = np.zeros(int(offers.cases.moment.max(initial=0)) + 1, dtype=np.int64)
    np.maximum.at(most, offers.moment, offers.position)
    return np.asarray(most[offers.cases.moment])


def ask_policy(recommender: AnswersRequests, timeline: Timeline, offers: LoggedOffers, *, among_logged: bool) -> Policy:
    """What the bundle shows at its thresholds in each logged request, in as many places as the log has.

    among_logged: it chooses among all products of the log at that moment alone, at most MOST_ONLY, the most shown.
    """
    make_request, limit = request_maker(timeline), places(offers)
    code_of = {product: code for code, product in enumerate(timeline.product_ids)}
    shelves = {m: shelf(offers, m) for m in np.unique(offers.cases.moment).tolist()} if among_logged else {}
    ids = timeline.product_ids

    def requests() -> Iterator[dict[str, Any]]:
        for case, moment in enumerate(offers.cases.moment.tolist()):
            only = [ids[product] for product in shelves.get(moment, [])]
            yield make_request(offers.cases, case, None, None, int(limit[case])) | {"only": only}

    found = [
        (case, code_of.get(offer.product_id, UNKNOWN), KINDS.index(offer.kind), offer.rank, offer.relevance)
        for case, answer in enumerate(stream_answers(recommender, requests()))
        for offer in answer
    ]
    table = np.array(found, dtype=np.float64).reshape(-1, 5)
    whole = table[:, :4].astype(np.int64)
    return Policy(whole[:, 0], whole[:, 1], whole[:, 2], whole[:, 3], table[:, 4].astype(np.float32))


def shelf(offers: LoggedOffers, moment: int) -> list[int]:
    """The products that the log shows at a moment, the most shown first, at most MOST_ONLY."""
    products, times = np.unique(offers.product[offers.moment == moment], return_counts=True)
    return [int(product) for product in products[np.argsort(-times, kind="stable")][:MOST_ONLY]]


def rank_of_logged(offers: LoggedOffers, policy: Policy, n_products: int) -> tuple[Int64, Int64]:
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
    p = np.clip(relevance.astype(np.float64), LEAST_ODDS, 1.0 - LEAST_ODDS)
    return np.asarray(np.log(p / (1.0 - p)))
