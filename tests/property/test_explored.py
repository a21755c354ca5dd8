"""What holds of an answer of a trained bundle whose order is drawn: it could have been shown anyway."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg import Recommender
from mersalg.names import MANNERS
from mersalg.requests import read_mapping
from mersalg_service.experiment import Exploration, ExploredOffers, Explorer
from property.requests_of_a_shop import requests_of

EXPLORATION = Exploration(1.0, b"k" * 16)


def drawn(recommender: Recommender, request: dict[str, Any], request_id: str) -> ExploredOffers | None:
    (answer,) = Explorer(EXPLORATION, recommender).answer([read_mapping({**request, "request_id": request_id})])
    return answer if isinstance(answer, ExploredOffers) else None


@given(data=st.data())
@settings(max_examples=60)
def test_what_a_drawn_order_shows_together_the_bundle_shows_together(
    recommender: Recommender, products: list[str], data: st.DataObject
) -> None:
    request = data.draw(requests_of(products, kinds=None, only=[], exclude=[], limit=data.draw(st.integers(1, 5))))
    answer = drawn(recommender, request, data.draw(st.text(min_size=1, max_size=4)))
    (own,) = recommender.score([request])
    if answer is None:
        assert len(own) == 0
        return
    shown = [offer.product_id for offer in answer]
    (together,) = recommender.score([{**request, "only": shown}])
    assert {(o.product_id, o.kind, o.because) for o in together} == {(o.product_id, o.kind, o.because) for o in answer}
    assert len(answer) == len(own)
    thresholds = recommender.manifest["kinds"]
    assert all(np.float32(o.relevance) >= np.float32(thresholds[o.kind]["threshold"]) for o in answer)
    groups = [turn.kinds for turn in MANNERS[request["moment"]]]
    turns = [next(place for place, kinds in enumerate(groups) if offer.kind in kinds) for offer in answer]
    assert all(before <= after for before, after in pairwise(turns))
