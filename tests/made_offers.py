"""Tables of scored offers made by hand."""

from __future__ import annotations

import numpy as np

from mersalg.names import MOMENTS
from mersalg_training.calibration.scored_offers import RequestColumns, ScoredOffers
from mersalg_training.data.timeline import Float32, Float64, Int64


def one_a_request(
    relevance: Float32 | Float64, label: Float32 | Float64, unit: Int64, *, worth: float = np.nan, kind: int = 0
) -> ScoredOffers:
    """Offers of one kind, each the only one of its request, which could see any; the score is the relevance."""
    n = len(relevance)
    of_request = RequestColumns(unit, np.ones(n, dtype=np.bool_), np.full(n, MOMENTS.index("cart")))
    return ScoredOffers(
        request=np.arange(n),
        kind=np.full(n, kind),
        place=np.zeros(n, dtype=np.int64),
        score=relevance.astype(np.float32),
        relevance=relevance.astype(np.float32),
        label=label.astype(np.float32),
        worth=np.full(n, worth, dtype=np.float32),
        requests=of_request,
    )
