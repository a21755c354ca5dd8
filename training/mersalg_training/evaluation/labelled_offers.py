"""A bundle's answers as a table of scored offers: the best of each kind, and which of them the customer bought."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import SHOWN, ScoredOffers, request_columns, units_of
from mersalg_training.data.timeline import Float32
from mersalg_training.evaluation.bundle_method import BundleAnswer, Offered
from mersalg_training.ranking.cases import Cases

Placed = tuple[int, int, int, Offered]
"""Case, position in KINDS, place among the offers of that kind, and the offer."""


def labelled_offers(answers: Iterable[BundleAnswer], cases: Cases, n_customers: int, worth: Float32) -> ScoredOffers:
    """The best offers of each kind and answer, by request and in the answer's order; see `best_offers`.

    The label is whether the product is a target of the case. answers: one for each case; worth: (n_products,).
    """
    return as_scored(best_offers(answers), cases, n_customers, worth)


def best_offers(answers: Iterable[BundleAnswer]) -> list[Placed]:
    """The best SHOWN offers of each kind and answer that may be shown at all."""
    best: list[Placed] = []
    for case, answer in enumerate(answers):
        of_kind = [0] * len(KINDS)
        for offered in filter(lambda offered: offered.offerable, answer.offers):
            kind = KINDS.index(offered.kind)
            place, of_kind[kind] = of_kind[kind], of_kind[kind] + 1
            if place < SHOWN:
                best.append((case, kind, place, offered))
    return best


def as_scored(best: list[Placed], cases: Cases, n_customers: int, worth: Float32) -> ScoredOffers:
    """Offers as a table; see `labelled_offers`."""
    targets = [set(cases.target[case].tolist()) for case in range(len(cases))]
    of_product = np.append(worth, np.float32(np.nan))  # UNKNOWN is the last place
    return ScoredOffers(
        request=np.array([case for case, _, _, _ in best], dtype=np.int64),
        kind=np.array([kind for _, kind, _, _ in best], dtype=np.int64),
        place=np.array([place for _, _, place, _ in best], dtype=np.int64),
        score=np.array([offered.score for _, _, _, offered in best], dtype=np.float32),
        relevance=np.array([offered.relevance for _, _, _, offered in best], dtype=np.float32),
        label=np.array([offered.product in targets[case] for case, _, _, offered in best], dtype=np.float32),
        worth=of_product[np.array([offered.product for _, _, _, offered in best], dtype=np.int64)],
        requests=request_columns(cases, units_of(cases, n_customers)),
    )
