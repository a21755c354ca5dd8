"""A bundle's answers as a table of scored offers: the best of each kind, and which of them the customer bought."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mersalg.names import KINDS
from mersalg_training.calibration.scored_offers import SHOWN, ScoredOffers, request_columns, units_of
from mersalg_training.data.timeline import Float32
from mersalg_training.evaluation.bundle_method import BundleAnswer
from mersalg_training.ranking.cases import Cases


def labelled_offers(answers: Iterable[BundleAnswer], cases: Cases, n_customers: int, worth: Float32) -> ScoredOffers:
    """The best SHOWN offers of each kind and answer that may be shown at all, by request and in the answer's order.

    The label is whether the product is a target of the case. answers: one for each case; worth: (n_products,).
    """
    rows: list[tuple[int, int, int, float, float, int, bool]] = []
    for case, answer in enumerate(answers):
        target = set(cases.target[case].tolist())
        of_kind = [0] * len(KINDS)
        for offered in filter(lambda offered: offered.offerable, answer.offers):
            kind = KINDS.index(offered.kind)
            place, of_kind[kind] = of_kind[kind], of_kind[kind] + 1
            if place < SHOWN:
                hit = offered.product in target
                rows.append((case, kind, place, offered.score, offered.relevance, offered.product, hit))
    request, kinds, places, score, relevance, product, label = zip(*rows, strict=True) if rows else ((),) * 7
    of_product = np.append(worth, np.float32(np.nan))  # UNKNOWN is the last place
    return ScoredOffers(
        request=np.array(request, dtype=np.int64),
        kind=np.array(kinds, dtype=np.int64),
        place=np.array(places, dtype=np.int64),
        score=np.array(score, dtype=np.float32),
        relevance=np.array(relevance, dtype=np.float32),
        label=np.array(label, dtype=np.float32),
        worth=of_product[np.array(product, dtype=np.int64)],
        requests=request_columns(cases, units_of(cases, n_customers)),
    )
