"""Claims: what no threshold would let pass is in no table of scored offers, and leaves its place to the next."""

from __future__ import annotations

import numpy as np

from mersalg.offers import Offer
from mersalg_training.evaluation.bundle_method import BundleAnswer, Offered, is_offerable
from mersalg_training.evaluation.labelled_offers import labelled_offers
from mersalg_training.ranking.cases import Cases, ragged


def test_what_may_never_be_shown_is_left_out_and_the_next_takes_its_place() -> None:
    nothing = ragged([np.zeros(0, dtype=np.int64)])
    cases = Cases(
        np.array([1]), np.array([10.0]), nothing, np.zeros((1, 2), dtype=np.int64), ragged([np.array([4])]),
        np.array([-1]), np.array([0]),
    )  # fmt: skip
    ranked = [Offered("cross-sell", product, 0.9 - 0.1 * product, 0.0, offerable=product != 1) for product in range(5)]
    found = labelled_offers([BundleAnswer(ranked)], cases, 0, np.zeros(5, dtype=np.float32))
    assert found.relevance.tolist() == np.float32([0.9, 0.7, 0.6]).tolist()
    assert found.place.tolist() == [0, 1, 2]


def test_a_new_product_needs_an_anchor_an_upsell_an_advantage_and_an_own_product_nothing() -> None:
    offer = Offer("", 1, "milk", "cross-sell", 0.5, 0.0, None)
    assert not is_offerable(offer)
    assert is_offerable(Offer("", 1, "milk", "add-on", 0.5, 0.0, "bread"))
    assert not is_offerable(Offer("", 1, "milk", "upsell", 0.5, 0.0, "bread"))
    assert is_offerable(Offer("", 1, "milk", "upsell", 0.5, 0.0, "bread", better=("larger pack",)))
    assert is_offerable(Offer("", 1, "milk", "replacement", 0.5, 0.0, "milk"))
